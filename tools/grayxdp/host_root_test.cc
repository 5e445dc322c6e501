// `capture` in host mode beside real production traffic: what nginx logged is what `requests`
// finds, and production's answers are the same with and without it.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include "userspace/lab/production.h"

namespace gray {
namespace {

// Every request of wrk asks for a target of its own: /wrk/THREAD/NUMBER.
constexpr const char* kDistinctTargets = R"(
local threads = 0
function setup(thread) thread:set("id", threads); threads = threads + 1 end
local n = 0
function request() n = n + 1; return wrk.format("GET", "/wrk/" .. id .. "/" .. n) end
)";

void run_wrk(const ProductionLab& lab, const std::string& seconds, const std::string& connections) {
  const std::string script = lab.dir / "distinct.lua";
  std::ofstream(script) << kDistinctTargets;
  lab.users.must_run(
      {"wrk", "-t1", "-c" + connections, "-d" + seconds, "-s", script, kProductionUrl},
      std::chrono::seconds(60));
}

std::vector<std::string> targets_in(const std::string& capture) {
  const RunResult requests =
      run({built_binary("grayxdp"), "requests", "--json", capture}, std::chrono::seconds(120));
  EXPECT_EQ(requests.status, 0) << requests.err;
  std::vector<std::string> targets;
  for (const auto& exchange : json_lines(requests.out))
    targets.push_back(exchange["request"]["target"]);
  std::sort(targets.begin(), targets.end());
  return targets;
}

TEST(Host, RequestsEqualTheAccessLog) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2");
  const std::string file = lab.dir / "host.pcapng";
  Process capture = lab.start_grayxdp(
      {"capture", "-i", "vb", "--port", "80", "--ring", "256MiB", "-w", file, "--json"});
  run_wrk(lab, "3", "8");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(interrupt(capture), 0) << capture.err();
  const auto summary = json_lines(capture.out()).at(0);
  EXPECT_EQ(summary["balanced"], true) << summary;
  EXPECT_EQ(summary["lost"], 0) << summary;
  const std::vector<std::string> logged = production.targets("GET");
  EXPECT_GT(logged.size(), 1000u);
  EXPECT_EQ(targets_in(file) == logged, true) << "of " << logged.size();
}

TEST(Host, ProductionsAnswersAreTheSame) {
  ProductionLab lab;
  const std::string body(200'000, 'x');
  std::ofstream(lab.dir / "big.txt") << body;
  const Nginx production(lab.production, "10.9.0.2",
                         "location = /big.txt { root " + lab.dir.path().string() + "; }");
  const auto ask = [&] {
    return lab.curl(
        {"-i", std::string(kProductionUrl) + "/a", std::string(kProductionUrl) + "/big.txt"});
  };
  const auto without_date = [](std::string text) {
    for (std::size_t at; (at = text.find("Date:")) != std::string::npos;)
      text.erase(at, text.find('\n', at) - at + 1);
    return text;
  };
  const std::string before = without_date(ask());
  Process capture = lab.start_grayxdp({"capture", "-i", "vb", "--json"});
  const std::string during = without_date(ask());
  EXPECT_EQ(interrupt(capture), 0) << capture.err();
  EXPECT_EQ(before, during);
  EXPECT_GT(before.size(), body.size());
  const auto summary = json_lines(capture.out()).at(0);
  EXPECT_GT(summary["frames"]["captured"], 10) << summary;
  EXPECT_EQ(summary["balanced"], true) << summary;
}

TEST(Host, SigUsr1StopsTheMirrorInTheKernel) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2");
  Process capture = lab.start_grayxdp({"capture", "-i", "vb", "--json"});
  lab.curl({std::string(kProductionUrl) + "/before"});
  capture.signal(SIGUSR1);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  lab.curl({std::string(kProductionUrl) + "/paused"});
  EXPECT_EQ(interrupt(capture), 0) << capture.err();
  const auto summary = json_lines(capture.out()).at(0);
  EXPECT_GT(stage_of(summary, "tc")["drops"]["disabled"], 5) << summary;
  EXPECT_GT(summary["frames"]["captured"], 5) << summary;
  EXPECT_EQ(summary["balanced"], true) << summary;
}

TEST(Host, TextOutputIsALineAPacket) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2");
  Process capture = lab.start_grayxdp({"capture", "-i", "vb", "--port", "80", "-c", "4"});
  lab.curl({std::string(kProductionUrl) + "/text"});
  EXPECT_EQ(capture.wait(), 0) << capture.err();
  const std::string out = capture.out();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 4) << out;
  EXPECT_NE(out.find("Flags [S]"), std::string::npos) << out;
  EXPECT_NE(capture.err().find("4 packets captured"), std::string::npos) << capture.err();
}

TEST(Host, FlowsShowBothDirections) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2");
  Process flows =
      lab.start_grayxdp({"flows", "-i", "vb", "--proto", "tcp", "--duration", "1s", "--json"});
  lab.curl({std::string(kProductionUrl) + "/flow"});
  EXPECT_EQ(flows.wait(), 0) << flows.err();
  const auto lines = json_lines(flows.out());
  ASSERT_EQ(lines.size(), 1u) << flows.out();
  EXPECT_EQ(lines[0]["destination"], "10.9.0.2:80");
  EXPECT_GT(lines[0]["forward"]["packets"], 3);
  EXPECT_GT(lines[0]["backward"]["packets"], 2);
}

}  // namespace
}  // namespace gray
