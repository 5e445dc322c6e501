// gRPC calls through the commands, on a capture made here and against a canary made here: messages
// by the names of descriptors, differences by their fields, additions that are none, secrets in
// nothing that is shown. Nothing here needs root.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "replay/protocol/capture_builder.h"
#include "replay/protocol/grpc/frames.h"
#include "replay/protocol/http2/frames_for_test.h"
#include "replay/schema/proto_file_for_test.h"
#include "replay/schema/wire.h"
#include "replay/send/http2_canary.h"
#include "userspace/base/clock.h"
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

/// A capture of two calls on one connection: Get(id 7), and 10 s later List(id 8), which streams
/// two answers.
class GrpcCommands : public testing::Test {
 protected:
  GrpcCommands() {
    Conversation calls;
    calls.open();
    calls.client(http2::kClientStart).server(http2::kServerStart);
    calls.client(ask(1, "/shop.v1.Shop/Get", 7)).server(answer(1, {kUser}));
    first_call_frames_ = calls.frames().size();
    calls.client(ask(3, "/shop.v1.Shop/List", 8)).server(answer(3, {kUser, kUser}));
    PcapngWriter writer(create_capture(capture_), {.application = "test", .os = {}, .clock = {}},
                        std::vector<InterfaceInfo>{{.name = "test"}});
    std::size_t written = 0;
    for (const BuiltFrame& built : calls.frames()) {
      Frame frame;
      frame.bytes = built.bytes;
      frame.wire_len = static_cast<std::uint32_t>(built.bytes.size());
      frame.time_ns = built.time_ns;
      if (written++ >= first_call_frames_) frame.time_ns += 10 * kNsPerSecond;
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

  /// The capture's bytes up to the end of so many frames: blocks of pcapng.
  static std::string beginning(const std::string& capture, std::size_t frames) {
    constexpr std::size_t kBlocksBefore = 2;  // of the section and its interface
    std::size_t at = 0;
    for (std::size_t block = 0; block < kBlocksBefore + frames; ++block) {
      std::uint32_t length = 0;
      std::memcpy(&length, capture.data() + at + 4, sizeof(length));
      at += length;
    }
    return capture.substr(0, at);
  }

  TempDir dir_;
  std::size_t first_call_frames_ = 0;
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

TEST_F(GrpcCommands, AFieldOfAnotherTypeFailsWithItsPath) {
  const Http2Canary to(canary(text(1, "Li") + text(2, kPhone) + text(3, "five")));
  const RunResult result = replay(to, {"--descriptors", old_});
  EXPECT_EQ(result.status, 4) << result.err;
  EXPECT_EQ(json::parse(result.out)["compare"]["by_field"].dump(),
            R"({"proto.$.3:text":1,"proto.$.price":1})");
}

// The canary answers the first call when the file has changed and was read again: what was an
// addition is now a field that production's clients know.
TEST_F(GrpcCommands, DescriptorsThatChangeDuringAReplayAreReadAgain) {
  const Http2Canary to([&](Http2Canary::Peer& peer, const SeenStream& stream) {
    write(old_, read(new_));
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    canary(kUser + text(9, "hi"))(peer, stream);
  });
  const RunResult result = replay(to, {"--descriptors", old_, "-L", "1", "--timeout", "60s"});
  EXPECT_NE(result.err.find("read again"), result.err.npos) << result.err;
  EXPECT_EQ(json::parse(result.out)["compare"]["by_field"].dump(), R"({"proto.$.note":1})");
}

TEST_F(GrpcCommands, DescriptorsThatChangeWhileAPipeIsReadAreReadAgain) {
  const std::string pipe = dir_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string out = dir_ / "list.jsonl";
  Process list = spawn({built_binary("grayxdp"), "requests", pipe, "--json", "--descriptors", old_},
                       {.out_path = out});
  std::ofstream into(pipe, std::ios::binary);
  const std::string all = read(capture_);
  const std::string first = beginning(all, first_call_frames_ + 1);
  into << first << std::flush;
  for (int i = 0; i < 200 && list.out().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(list.out().empty()) << "a pipe's exchanges are listed as they come";
  write(old_, set_of("syntax = \"proto3\"; package shop.v1; message Id { int64 number = 1; }"
                     "message User { string name = 1; }"
                     "service Shop { rpc List(Id) returns (stream User); }")
                  .SerializeAsString());
  into << all.substr(first.size());
  into.close();
  EXPECT_EQ(list.wait(), 0) << list.err();
  const auto exchanges = lines(read(out));
  ASSERT_EQ(exchanges.size(), 2u);
  EXPECT_EQ(exchanges[0]["grpc"]["request"], json::parse(R"({"id":"7"})"));
  EXPECT_EQ(exchanges[1]["grpc"]["request"], json::parse(R"({"number":"8"})"));
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
