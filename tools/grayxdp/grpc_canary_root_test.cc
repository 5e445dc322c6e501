// gRPC canaries of gRPC's own library: one that changes or leaves out a field fails with the
// field's path, one that adds an optional field passes as compatible. Live, by `mirror`, and from a
// recording, by `replay`.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tools/grayxdp/shop_for_test.h"

namespace gray {
namespace {

using Json = nlohmann::json;

// Both versions of the shop's schema, production's first.
Argv with_both(Argv arguments) {
  for (const char* version : {"proto/v1.binpb", "proto/v2.binpb"})
    arguments.insert(arguments.end(), {"--descriptors", built_binary(version)});
  return arguments;
}

class GrpcCanary : public testing::Test {
 protected:
  static constexpr int kCalls = 80;

  // 20 of each kind, which the recording of this test then holds.
  void record() {
    Process capture =
        lab_.start_grayxdp({"capture", "-i", "vb", "-w", recording(), "--ring", "128MiB"});
    call();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(interrupt(capture), 0) << capture.err();
  }
  void call() {
    const RunResult client = lab_.users.run(
        customer({"--calls", std::to_string(kCalls), "--fail-every", "9", "--rate", "100"}),
        std::chrono::seconds(60));
    EXPECT_TRUE(client.ok()) << client.err;
  }
  std::string recording() const { return lab_.dir / "recording.pcapng"; }

  /// The summary of a replay to a canary with these options.
  Json replay(const Argv& canary_options, int status) {
    const Process canary = start_shop(lab_.canary, kCanaryShop, canary_options);
    Argv arguments{"replay",         recording(), "--to",  kCanaryShopUrl,
                   "--allow-method", "POST",      "--json"};
    return summary(lab_.grayxdp(with_both(arguments)), status);
  }

  static Json summary(const RunResult& result, int status) {
    EXPECT_EQ(result.status, status) << result.err << result.out;
    const auto lines = json_lines(result.out);
    if (lines.empty()) return {};
    EXPECT_EQ(lines[0]["exchanges"]["answered"], kCalls) << result.out;
    EXPECT_EQ(lines[0]["balanced"], true) << result.out;
    return lines[0];
  }

  static std::vector<std::string> names(const Json& object) {
    std::vector<std::string> keys;
    for (const auto& [name, count] : object.items()) keys.push_back(name);
    return keys;
  }

  ProductionLab lab_;
  Process production_ = start_shop(lab_.production, kShop);
};

TEST_F(GrpcCanary, FieldsThatChangeFailAndFieldsThatAreAddedPass) {
  record();
  const Json same = replay({}, 0);
  EXPECT_EQ(same["verdict"], "pass") << same;
  EXPECT_EQ(same["compare"]["same"], kCalls) << same;

  const Json changed = replay({"--price-add", "100"}, 4);
  EXPECT_EQ(changed["verdict"], "fail");
  for (const std::string& field : names(changed["compare"]["by_field"])) {
    EXPECT_TRUE(field.starts_with("proto.$") && field.ends_with(".cents")) << field;
  }
  // Each Get that was not refused has one price.
  EXPECT_GT(changed["compare"]["by_field"].value("proto.$.cents", 0), 10) << changed["compare"];

  const Json gone = replay({"--without-left"}, 4);
  EXPECT_EQ(gone["verdict"], "fail");
  EXPECT_GT(gone["compare"]["by_field"].value("proto.$.left", 0), 10) << gone["compare"];

  const Json added = replay({"--origin", "Oslo"}, 0);
  EXPECT_EQ(added["verdict"], "pass") << added;
  EXPECT_EQ(added["compare"]["different"], 0) << added["compare"];
  EXPECT_TRUE(added["compare"]["compatible"].dump().find("proto.$.origin") != std::string::npos)
      << added["compare"];

  const Json failing = replay({"--fail", "Buy"}, 4);
  EXPECT_GT(failing["compare"]["by_field"].value("trailer.grpc-status", 0), 10) << failing;
}

TEST_F(GrpcCanary, LiveToo) {
  const Process canary = start_shop(lab_.canary, kCanaryShop, {"--price-add", "100"});
  Argv arguments{"mirror",         "-i",   "vb",    "--port", "50051", "--to", kCanaryShopUrl,
                 "--allow-method", "POST", "--json"};
  Process mirror = lab_.start_grayxdp(with_both(arguments));
  call();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const int status = interrupt(mirror);
  const Json result = summary({status, false, mirror.out(), mirror.err()}, 4);
  EXPECT_EQ(result["verdict"], "fail");
  EXPECT_GT(result["compare"]["by_field"].value("proto.$.cents", 0), 10) << result["compare"];
}

}  // namespace
}  // namespace gray
