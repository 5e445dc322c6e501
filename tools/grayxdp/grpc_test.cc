// gRPC calls through the commands, on a capture made here and against a canary made here: messages
// by the names of descriptors, differences by their fields, additions that are none, secrets in
// nothing that is shown. Nothing here needs root.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "replay/protocol/capture_builder.h"
#include "replay/protocol/grpc/frames.h"
#include "replay/protocol/http2/frames_for_test.h"
#include "replay/schema/proto_file_for_test.h"
#include "replay/schema/wire.h"
#include "replay/send/http2_canary.h"
#include "userspace/lab/process.h"
#include "userspace/lab/temp_dir.h"
#include "userspace/pcapng/writer.h"

namespace gray {
namespace {

using nlohmann::json;

std::string shop(const std::string& user, const std::string& package = "shop.v1") {
  return "syntax = \"proto3\"; package " + package + "; message Id { int64 id = 1; }" +
         "message User { string name = 1; string phone = 2; int64 price = 3; " + user + " } " +
         "service Shop { rpc Get(Id) returns (User); rpc List(Id) returns (stream User); }";
}

std::string text(std::uint32_t number, std::string_view value) {
  std::string out;
  append_field(out, {number, WireType::Length, 0, value});
  return out;
}
std::string varint(std::uint32_t number, std::uint64_t value) {
  std::string out;
  append_field(out, {number, WireType::Varint, value, {}});
  return out;
}
std::string body(const std::vector<std::string>& messages) {
  std::string bytes;
  for (const std::string& message : messages) grpc::append_message(bytes, false, message);
  return bytes;
}

constexpr const char* kPhone = "13812345678";
const std::string kUser = text(1, "Li") + text(2, kPhone) + varint(3, 5);

/// A capture of two calls on one connection: Get(id 7), and List(id 8), which streams two answers.
class GrpcCommands : public testing::Test {
 protected:
  GrpcCommands() {
    Conversation calls;
    calls.open();
    calls.client(http2::kClientStart).server(http2::kServerStart);
    calls.client(ask(1, "/shop.v1.Shop/Get", 7)).server(answer(1, {kUser}));
    calls.client(ask(3, "/shop.v1.Shop/List", 8)).server(answer(3, {kUser, kUser}));
    PcapngWriter writer(create_capture(capture_), {.application = "test", .os = {}, .clock = {}},
                        std::vector<InterfaceInfo>{{.name = "test"}});
    for (const BuiltFrame& built : calls.frames()) {
      Frame frame;
      frame.bytes = built.bytes;
      frame.wire_len = static_cast<std::uint32_t>(built.bytes.size());
      frame.time_ns = built.time_ns;
      writer.write(frame);
    }
    writer.finish({});
    write(old_, set_of(shop("")).SerializeAsString());
    write(new_, set_of(shop("string note = 9;")).SerializeAsString());
  }

  static std::string ask(std::uint32_t stream, std::string_view path, std::uint64_t id) {
    using namespace http2;
    return frame(FrameType::Headers, kEndHeaders, stream,
                 block({{":method", "POST"},
                        {":scheme", "http"},
                        {":path", path},
                        {":authority", "shop"},
                        {"content-type", "application/grpc"},
                        {"te", "trailers"}})) +
           data(stream, body({varint(1, id)}));
  }
  static std::string answer(std::uint32_t stream, const std::vector<std::string>& messages) {
    using namespace http2;
    return frame(FrameType::Headers, kEndHeaders, stream,
                 block({{":status", "200"}, {"content-type", "application/grpc"}})) +
           data(stream, body(messages), 0) +
           frame(FrameType::Headers, kEndHeaders | kEndStream, stream,
                 block({{"grpc-status", "0"}}));
  }

  static void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  static std::string read(const std::string& path) {
    std::ostringstream all;
    all << std::ifstream(path, std::ios::binary).rdbuf();
    return all.str();
  }
  static std::vector<json> lines(const std::string& all) {
    std::vector<json> list;
    std::istringstream in(all);
    for (std::string line; std::getline(in, line);) list.push_back(json::parse(line));
    return list;
  }
  static RunResult grayxdp(Argv arguments) {
    arguments.insert(arguments.begin(), built_binary("grayxdp"));
    return run(arguments);
  }

  /// A canary that answers Get with `user`, and List with two of production's.
  static Http2Canary::Script canary(const std::string& user, const std::string& status = "0") {
    return [=](Http2Canary::Peer& peer, const SeenStream& stream) {
      const bool get = *find_header(stream.headers, ":path") == "/shop.v1.Shop/Get";
      const bool fails = get && status != "0";
      const std::string messages = fails ? "" : get ? body({user}) : body({kUser, kUser});
      peer.answer(stream.id, {.headers = {{"content-type", "application/grpc"}},
                              .body = messages,
                              .trailers = {{"grpc-status", get ? status : "0"}}});
    };
  }

  RunResult replay(const Http2Canary& to, Argv more) const {
    Argv arguments{"replay", capture_, "--to",     to.url(), "-t",       "--allow-method",
                   "POST",   "--json", "--trials", trials_,  "--report", report_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return grayxdp(arguments);
  }

  TempDir dir_;
  std::string capture_ = dir_ / "calls.pcapng";
  std::string old_ = dir_ / "old.pb";
  std::string new_ = dir_ / "new.pb";
  std::string trials_ = dir_ / "trials.jsonl";
  std::string report_ = dir_ / "report.html";
};

TEST_F(GrpcCommands, RequestsShowsMessagesByName) {
  const RunResult result = grayxdp({"requests", capture_, "--json", "--descriptors", old_});
  ASSERT_TRUE(result.ok()) << result.err;
  const auto exchanges = lines(result.out);
  ASSERT_EQ(exchanges.size(), 2u);
  EXPECT_EQ(exchanges[0]["grpc"]["method"], "Get");
  EXPECT_EQ(exchanges[0]["grpc"]["response_messages"], 1);
  EXPECT_EQ(exchanges[0]["grpc"]["request"], json::parse(R"({"id":"7"})"));
  const json user = json::parse(R"({"name":"Li","phone":"13812345678","price":"5"})");
  EXPECT_EQ(exchanges[0]["grpc"]["response"], user);
  EXPECT_EQ(exchanges[1]["grpc"]["response"], (json{user, user}));
  EXPECT_FALSE(exchanges[0]["request"].contains("headers"));
}

TEST_F(GrpcCommands, RequestsShowsMessagesByNumberWithoutDescriptors) {
  const auto plain = lines(grayxdp({"requests", capture_, "--json"}).out);
  ASSERT_EQ(plain.size(), 2u);
  EXPECT_FALSE(plain[0]["grpc"].contains("request"));
  const auto exchanges = lines(grayxdp({"requests", capture_, "--json", "--headers"}).out);
  ASSERT_EQ(exchanges.size(), 2u);
  EXPECT_EQ(exchanges[0]["grpc"]["request"], json::parse(R"({"1:varint":"7"})"));
  EXPECT_EQ(exchanges[0]["grpc"]["response"]["1:text"], "Li");
}

TEST_F(GrpcCommands, RequestsShowsMessagesAsTextAndInFiles) {
  const RunResult text = grayxdp({"requests", capture_, "--descriptors", old_});
  EXPECT_NE(text.out.find("    > {\"id\":\"7\"}\n    < {\"name\":\"Li\","), text.out.npos)
      << text.out;
  const RunResult result =
      grayxdp({"requests", capture_, "--headers", "--bodies", dir_.path(), "--descriptors", old_});
  EXPECT_NE(result.out.find("    > te: trailers\n    > {\"id\":\"7\"}\n"), result.out.npos)
      << result.out;
  EXPECT_NE(result.out.find("    < grpc-status: 0\n"), result.out.npos) << result.out;
  const std::string id = lines(grayxdp({"requests", capture_, "--json"}).out).at(0)["id"];
  EXPECT_EQ(read(dir_ / (id + ".request")), body({varint(1, 7)}));
  EXPECT_EQ(read(dir_ / (id + ".request.json")), "{\"id\":\"7\"}\n");
  EXPECT_EQ(json::parse(read(dir_ / (id + ".response.json")))["price"], "5");
}

TEST_F(GrpcCommands, AChangedFieldFailsWithItsPath) {
  const Http2Canary to(canary(text(1, "Li") + text(2, kPhone) + varint(3, 6)));
  const RunResult result = replay(to, {"--descriptors", old_});
  EXPECT_EQ(result.status, 4) << result.err;
  const json summary = json::parse(result.out);
  EXPECT_EQ(summary["verdict"], "fail");
  EXPECT_EQ(summary["compare"]["same"], 1) << summary["compare"];
  EXPECT_EQ(summary["compare"]["by_field"].dump(), R"({"proto.$.price":1})");
  EXPECT_FALSE(summary.contains("schema_changes"));
  const json ignored =
      json::parse(replay(to, {"--descriptors", old_, "--ignore", "proto.$.price"}).out);
  EXPECT_EQ(ignored["verdict"], "pass") << ignored;
  const json by_number = json::parse(replay(to, {}).out);
  EXPECT_EQ(by_number["compare"]["by_field"].dump(), R"({"proto.$.3:varint":1})");
}

TEST_F(GrpcCommands, AnAddedFieldPassesAsCompatible) {
  const Http2Canary to(canary(kUser + text(9, "hi")));
  const json summary = json::parse(replay(to, {"--descriptors", old_}).out);
  EXPECT_EQ(summary["verdict"], "pass") << summary;
  EXPECT_EQ(summary["compare"]["same"], 2);
  EXPECT_EQ(summary["compare"]["compatible"].dump(), R"({"proto.$.9":1})");
  const json both = json::parse(replay(to, {"--descriptors", old_, "--descriptors", new_}).out);
  EXPECT_EQ(both["verdict"], "pass");
  EXPECT_EQ(both["compare"]["compatible"].dump(), R"({"proto.$.note":1})");
  EXPECT_EQ(both["schema_changes"].size(), 1u);
  EXPECT_EQ(both["schema_changes"][0]["breaking"], false);
  EXPECT_EQ(both["schema_changes"][0]["place"], "shop.v1.User.note");
  EXPECT_EQ(both["schema_changes"][0]["reason"], "field 9 added");
  EXPECT_EQ(lines(read(trials_)).at(0)["compatible"].dump(), R"(["proto.$.note"])");
  const std::string page = read(report_);
  EXPECT_NE(page.find("<code>proto.$.note</code><td>compatible"), page.npos);
  EXPECT_NE(page.find("<code>shop.v1.User.note</code><td>field 9 added"), page.npos);
}

TEST_F(GrpcCommands, TwoSetsThatDoNotAgreeAreTold) {
  const std::string broken = dir_ / "broken.pb", other = dir_ / "other.pb";
  write(broken, set_of("syntax = \"proto3\"; package shop.v1; message Id { string id = 1; }"
                       "message User { string name = 1; string phone = 2; int32 price = 3; }"
                       "service Shop { rpc Get(Id) returns (User); }")
                    .SerializeAsString());
  write(other, set_of("syntax = \"proto3\"; package other; message M {}").SerializeAsString());
  const Http2Canary to(canary(kUser));
  const json summary =
      json::parse(replay(to, {"--descriptors", old_, "--descriptors", broken}).out);
  std::string told;
  for (const json& change : summary["schema_changes"])
    told += (change["breaking"] ? "! " : "+ ") + change["place"].get<std::string>() + "\n";
  EXPECT_EQ(told, "! shop.v1.Id.id\n+ shop.v1.User.price\n! shop.v1.Shop/List\n");
  const json apart = json::parse(replay(to, {"--descriptors", old_, "--descriptors", other}).out);
  EXPECT_EQ(apart["schema_changes"].dump(), "[]");
}

TEST_F(GrpcCommands, AnotherStatusIsADifference) {
  const Http2Canary to(canary("", "5"));
  const json summary = json::parse(replay(to, {"--descriptors", old_}).out);
  EXPECT_EQ(summary["verdict"], "fail");
  EXPECT_EQ(summary["compare"]["by_field"].dump(), R"({"trailer.grpc-status":1})");
  EXPECT_EQ(summary["by_cause"]["status_class"]["differences"], 1);
}

TEST_F(GrpcCommands, RulesOfFieldsScrubWhatIsSentAndShown) {
  const std::string rules = dir_ / "rules.yaml";
  write(rules,
        "scrub:\n  rules:\n"
        "    - {field: proto.shop.v1.User.phone, action: mask, keep_first: 3, keep_last: 4}\n"
        "    - {field: proto.shop.v1.User.name, action: hash}\n"
        "    - {field: proto.shop.v1.Id.id, action: mask, keep_first: 0, keep_last: 0}\n");
  const Http2Canary to(canary(text(1, "Han") + text(2, "13987654321") + varint(3, 5)));
  const RunResult result = replay(to, {"--descriptors", old_, "--scrub", rules});
  const json summary = json::parse(result.out);
  EXPECT_EQ(summary["compare"]["by_field"].dump(), R"({"proto.$.name":1,"proto.$.phone":1})");
  const std::string all = result.out + result.err + read(trials_) + read(report_);
  EXPECT_NE(all.find("138****5678"), all.npos);
  for (const char* secret : {"13812345678", "13987654321", "\"Li\"", "\"Han\"", "Han&quot;"})
    EXPECT_EQ(all.find(secret), all.npos) << secret;
  ASSERT_EQ(to.seen().size(), 2u);
  EXPECT_NE(to.seen()[0].body, body({varint(1, 7)})) << "the id was to be masked";

  const RunResult untyped = replay(to, {"--scrub", rules});
  EXPECT_EQ(untyped.status, 2);
  EXPECT_NE(untyped.err.find("proto.shop.v1.Id.id: give --descriptors FILE"), untyped.err.npos)
      << untyped.err;
  EXPECT_EQ(to.seen().size(), 2u) << "nothing is sent";
}

TEST_F(GrpcCommands, WrongDescriptorsAreUsageErrors) {
  write(new_, "no descriptors");
  const std::string gone = dir_ / "gone.pb";
  for (const std::string& path : {new_, gone}) {
    for (const Argv& verb :
         {Argv{"requests", capture_}, Argv{"replay", capture_, "--to", "h2c://127.0.0.1:1"}}) {
      Argv arguments = verb;
      arguments.insert(arguments.end(), {"--descriptors", path});
      const RunResult result = grayxdp(arguments);
      EXPECT_EQ(result.status, 2) << result.err;
      EXPECT_NE(result.err.find("descriptors " + path), result.err.npos) << result.err;
    }
  }
}

}  // namespace
}  // namespace gray
