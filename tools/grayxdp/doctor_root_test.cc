// `doctor` on a machine of network namespaces: what it says is what is there, in few lines.
#include <gtest/gtest.h>

#include <algorithm>

#include "userspace/lab/production.h"

namespace gray {
namespace {

nlohmann::json interface_of(const ProductionLab& lab, const std::string& name) {
  const RunResult result = lab.grayxdp({"doctor", "-i", name, "--json"});
  EXPECT_TRUE(result.status == 0 || result.status == 1) << result.err;
  const auto report = json_lines(result.out).at(0);
  EXPECT_EQ(report["ok"], result.status == 0) << report;
  return report["interfaces"].at(0);
}

nlohmann::json mode_of(const nlohmann::json& interface, const std::string& name) {
  for (const auto& mode : interface["modes"])
    if (mode["mode"] == name) return mode;
  return {};
}

TEST(Doctor, ModesOfProductionsInterface) {
  const ProductionLab lab;
  const auto vb = interface_of(lab, "vb");
  EXPECT_EQ(vb["driver"], "veth");
  EXPECT_EQ(vb["up"], true);
  EXPECT_EQ(vb["clock"], nullptr);
  EXPECT_EQ(mode_of(vb, "host")["usable"], true) << vb;
  EXPECT_EQ(mode_of(vb, "tap")["usable"], false) << "it has an address: " << vb;
  EXPECT_NE(mode_of(vb, "tap")["mend"].dump().find("--mode host"), std::string::npos) << vb;
}

TEST(Doctor, SeesTheQueuesAndTheProgramsOfATap) {
  ProductionLab lab;
  lab.lab.link(lab.users, "span0", lab.production, "span1", {.queues = 2});
  auto span1 = interface_of(lab, "span1");
  EXPECT_EQ(span1["queues"]["rx"], 2) << span1;
  EXPECT_EQ(span1["xdp"]["native"], true) << span1;
  EXPECT_EQ(span1["xdp"]["zero_copy"], false) << span1;
  EXPECT_EQ(span1["programs"].size(), 0u) << span1;
  EXPECT_EQ(mode_of(span1, "tap")["usable"], true) << span1;

  Process capture = lab.start_grayxdp({"capture", "-i", "span1", "--mode", "tap", "--json"});
  span1 = interface_of(lab, "span1");
  EXPECT_EQ(span1["programs"].at(0)["hook"], "xdp native") << span1;
  EXPECT_EQ(span1["programs"].at(0)["name"], "tap_ingress") << span1;
  EXPECT_EQ(mode_of(span1, "tap")["usable"], false) << span1;
  EXPECT_EQ(interrupt(capture), 0);
}

TEST(Doctor, FitsTwoScreens) {
  const ProductionLab lab;
  for (const Argv& arguments : {Argv{"doctor"}, Argv{"doctor", "-i", "vb"}}) {
    const RunResult result = lab.grayxdp(arguments);
    EXPECT_LE(std::count(result.out.begin(), result.out.end(), '\n'), 60) << result.out;
    EXPECT_NE(result.out.find("vb"), std::string::npos) << result.out;
    EXPECT_EQ(result.err, "");
  }
}

TEST(Doctor, WithoutPrivilegesItSaysWhatIsMissing) {
  const ProductionLab lab;
  const RunResult result =
      lab.production.run({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                          "--inh-caps=-all", built_binary("grayxdp"), "doctor", "--json"});
  if (result.err.find("setpriv") != std::string::npos) GTEST_SKIP() << result.err;
  EXPECT_EQ(result.status, 1) << result.err;
  const auto report = json_lines(result.out).at(0);
  EXPECT_EQ(report["ok"], false);
  for (const auto& capability : report["capabilities"]) EXPECT_EQ(capability["ok"], false);
}

TEST(Doctor, NoSuchInterfaceIsWrongUse) {
  const ProductionLab lab;
  EXPECT_EQ(lab.grayxdp({"doctor", "-i", "nosuch0"}).status, 2);
}

}  // namespace
}  // namespace gray
