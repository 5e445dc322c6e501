// gRPC between programs that use gRPC's own library, captured by grayxdp: what `requests` lists is
// what the client says it did. GRAYXDP_GRPC_SECONDS makes the long connection as long
// (scripts/soak-grpc.sh).
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

#include "tools/grayxdp/shop_for_test.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

using Json = nlohmann::json;

const std::string kUnknown("\0unknown", 8);

std::string header(const Json& message, const std::string& name, const char* where = "headers") {
  for (const Json& field : message.value(where, Json::array()))
    if (field[0] == name) return field[1];
  return {};
}

class Grpc : public testing::Test {
 protected:
  Process start_capture() {
    return lab_.start_grayxdp({"capture", "-i", "vb", "-w", recording(), "--ring", "128MiB"});
  }
  std::string recording() const { return lab_.dir / "recording.pcapng"; }

  // Lets the last packets arrive, then reads what was captured.
  std::vector<Json> finish(Process& capture) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(interrupt(capture), 0) << capture.err();
    const RunResult result = lab_.grayxdp({"requests", recording(), "--json", "--headers"});
    EXPECT_TRUE(result.ok()) << result.err;
    EXPECT_NE(result.err.find(" 0 gaps"), std::string::npos) << result.err;
    return json_lines(result.out);
  }

  std::vector<Json> call(const Argv& options) {
    const RunResult client = lab_.users.run(customer(options), std::chrono::seconds(60));
    EXPECT_TRUE(client.ok()) << client.err;
    return json_lines(client.out);
  }

  ProductionLab lab_;
};

/// What both the client's log and the list tell about a call, by its number.
using Calls = std::map<std::uint64_t, Json>;

Calls logged(const std::vector<Json>& lines, bool with_bodies) {
  Calls calls;
  for (const Json& line : lines) {
    Json& call = calls[line["call"]];
    for (const char* name :
         {"method", "status", "status_message", "request_messages", "response_messages"})
      call[name] = line[name];
    if (!with_bodies) continue;
    for (const char* side : {"request", "response"})
      for (const char* what : {"_bytes", "_sha256"})
        call[std::string(side) + what] = line[std::string(side) + what];
  }
  EXPECT_EQ(calls.size(), lines.size());
  return calls;
}

Calls listed(const std::vector<Json>& exchanges, bool with_bodies) {
  Calls calls;
  for (const Json& e : exchanges) {
    EXPECT_TRUE(e["request"]["complete"] == true && e["response"]["complete"] == true) << e;
    EXPECT_EQ(e["response"]["status"], 200) << e;
    const Json& grpc = e["grpc"];
    EXPECT_EQ(grpc["service"], "shop.Shop") << e;
    EXPECT_EQ(e["request"]["target"], "/shop.Shop/" + grpc["method"].get<std::string>());
    Json& call = calls[std::stoull(header(e["request"], "x-call"))];
    EXPECT_TRUE(call.is_null()) << "listed twice: " << e;
    call = {{"method", grpc["method"]},
            {"status", grpc["status"]},
            {"status_message", grpc.value("status_message", "")},
            {"request_messages", grpc["request_messages"]},
            {"response_messages", grpc["response_messages"]}};
    if (!with_bodies) continue;
    for (const char* side : {"request", "response"}) {
      call[std::string(side) + "_bytes"] = e[side]["body_bytes"];
      call[std::string(side) + "_sha256"] = e[side]["body_sha256"];
    }
  }
  return calls;
}

struct Joined {
  std::size_t calls = 0;
  std::size_t methods = 0;   ///< known
  std::size_t statuses = 0;  ///< known
};

/// Of an exchange in a connection that was joined: what is said of it is what the client says, and
/// what is not said is marked.
void expect_right_or_marked(const Json& e, const Json& line, Joined& joined) {
  SCOPED_TRACE(e.dump() + "\n" + line.dump());
  EXPECT_EQ(e["request"]["complete"], true);
  EXPECT_EQ(e["request"]["method"], "POST");
  EXPECT_EQ(e["response"]["complete"], true);
  EXPECT_EQ(e["response"]["status"], 200);
  EXPECT_EQ(header(e["request"], "x-call"), std::to_string(line["call"].get<std::uint64_t>()));
  for (const char* side : {"request", "response"}) {
    EXPECT_EQ(e[side]["body_sha256"], line[std::string(side) + "_sha256"]);
    EXPECT_EQ(e["grpc"][std::string(side) + "_messages"], line[std::string(side) + "_messages"]);
  }
  ++joined.calls;
  if (e["request"]["target"] == kUnknown) {
    EXPECT_GT(e["request"]["unknown_headers"], 0);
    EXPECT_EQ(e["grpc"]["method"], "");
  } else {
    ++joined.methods;
    EXPECT_EQ(e["grpc"]["method"], line["method"]);
  }
  if (e["grpc"]["status"].is_null()) {
    EXPECT_GT(e["response"]["unknown_headers"], 0);
  } else {
    ++joined.statuses;
    EXPECT_EQ(e["grpc"]["status"], line["status"]);
  }
}

TEST_F(Grpc, AllFourKindsAreListedAsTheClientLoggedThem) {
  const Process shop = start_shop(lab_.production, kShop);
  Process capture = start_capture();
  const auto lines =
      call({"--calls", "400", "--at-once", "4", "--fail-every", "7", "--messages", "5"});
  const auto exchanges = finish(capture);
  ASSERT_EQ(lines.size(), 400U);
  EXPECT_EQ(listed(exchanges, true), logged(lines, true));
  unsigned refused = 0;
  for (const Json& e : exchanges) {
    EXPECT_EQ(header(e["request"], "x-trace-bin"), "AAEC/w") << e;
    EXPECT_NE(e["grpc"].value("timeout", ""), "") << e;
    // Refused at once: all of the answer is one header block.
    if (e["grpc"]["status"] != 5) continue;
    ++refused;
    EXPECT_EQ(header(e["response"], "grpc-status"), "5") << e;
    EXPECT_EQ(e["grpc"]["status_message"], "no such thing: 100 %");
  }
  EXPECT_GT(refused, 0U);
}

TEST_F(Grpc, CompressedMessagesAreCountedToo) {
  const Process shop = start_shop(lab_.production, kShop, {"--gzip"});
  Process capture = start_capture();
  const auto lines =
      call({"--calls", "100", "--fail-every", "9", "--gzip", "--note-bytes", "2000"});
  const auto exchanges = finish(capture);
  ASSERT_EQ(lines.size(), 100U);
  EXPECT_EQ(listed(exchanges, false), logged(lines, false));
  unsigned smaller = 0;
  for (const Json& e : exchanges) {
    EXPECT_EQ(header(e["request"], "grpc-encoding"), "gzip") << e;
    const std::uint64_t number = std::stoull(header(e["request"], "x-call"));
    for (const Json& line : lines)
      if (line["call"] == number && e["request"]["body_bytes"] < line["request_bytes"]) ++smaller;
  }
  EXPECT_GE(smaller, 50U) << "of Buy and Talk each";
}

// One connection, whose header table was filled before the capture began. gRPC's client puts paths
// and the content-type into it once, its server the statuses, and they never say them again: what
// the capture cannot know is marked, and nothing of it is wrong.
TEST_F(Grpc, ACaptureThatBeginsInTheMiddleOfALongConnection) {
  const char* wanted = std::getenv("GRAYXDP_GRPC_SECONDS");
  const std::string seconds = wanted != nullptr ? wanted : "6";
  const Process shop = start_shop(lab_.production, kShop);
  Process client =
      lab_.users.spawn(customer({"--seconds", seconds, "--rate", "50", "--fail-every", "9"}),
                       {.out_path = lab_.dir / "client.jsonl"});
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const std::uint64_t before_ns = utc_ns();
  Process capture = start_capture();
  const std::uint64_t begin_ns = utc_ns();
  EXPECT_EQ(client.wait(std::chrono::seconds(std::stoi(seconds) + 30)), 0) << client.err();
  std::map<std::uint64_t, Json> list;
  for (const Json& e : finish(capture)) {
    // Its calls came one after the other, each on the next stream.
    const bool added = list.emplace((e["h2_stream"].get<std::uint64_t>() - 1) / 2, e).second;
    EXPECT_TRUE(added) << "listed twice: " << e;
  }
  Joined joined;
  std::size_t possible = 0;
  for (const Json& line : json_lines(client.out())) {
    if (line["ended_ns"] > before_ns) ++possible;
    if (line["begun_ns"] <= begin_ns) continue;
    const auto found = list.find(line["call"].get<std::uint64_t>());
    ASSERT_NE(found, list.end()) << "not listed: " << line;
    expect_right_or_marked(found->second, line, joined);
  }
  std::cout << joined.calls << " calls began after the capture, all are listed; of "
            << joined.methods << " the method is known, of " << joined.statuses
            << " the grpc-status\n";
  EXPECT_GT(joined.calls, 50U);  // of some 150: a busy machine begins to capture late
  EXPECT_LE(list.size(), possible);
}

/// What the canary's server got with a call beside its messages: all that production's got, and the
/// mark of a replay.
void expect_same_call_but_marked(const Json& before, const Json& after) {
  for (const char* name : {"method", "customer", "trace"}) EXPECT_EQ(after[name], before[name]);
  EXPECT_EQ(after["trace"].size(), 4U) << "metadata of bytes";
  EXPECT_EQ(before["replayed"], "");
  EXPECT_EQ(after["replayed"], "1");
  const auto deadline = before["deadline_ms"].get<double>();
  EXPECT_NEAR(after["deadline_ms"].get<double>(), deadline, deadline / 2) << after;
}

// The recorded client wrote, waited, wrote again and ended its side later: so does the replay.
TEST_F(Grpc, StreamsAreReplayedMessageByMessage) {
  const std::string asked = lab_.dir / "asked.jsonl";
  const std::string replayed = lab_.dir / "replayed.jsonl";
  Process shop = start_shop(lab_.production, kShop, {"--log", asked});
  Process canary = start_shop(lab_.canary, kCanaryShop, {"--log", replayed});
  Process capture = start_capture();
  call({"--calls", "4", "--methods", "Talk,Buy", "--messages", "4", "--gap-ms", "150"});
  EXPECT_EQ(finish(capture).size(), 4U);
  // Bytes that say nothing to the scrubber are left out unless a rule keeps them.
  const std::string rules = lab_.dir / "rules.yaml";
  std::ofstream(rules) << "scrub:\n  rules:\n    - {field: header.x-trace-bin, action: keep}\n";
  const RunResult replay = lab_.grayxdp({"replay", recording(), "--to", kCanaryShopUrl,
                                         "--allow-method", "POST", "--scrub", rules, "--json"});
  const auto summary = json_lines(replay.out);
  ASSERT_EQ(summary.size(), 1U) << replay.err;
  EXPECT_EQ(summary[0]["exchanges"]["answered"], 4) << replay.out;
  EXPECT_EQ(summary[0]["compare"]["same"], 4) << replay.out;

  std::map<std::string, Json> before;
  for (const Json& line : json_lines(read_text(asked)))
    before[line["call"].get<std::string>()] = line;
  const auto after = json_lines(read_text(replayed));
  ASSERT_EQ(after.size(), 4U);
  for (const Json& line : after) {
    const Json& original = before.at(line["call"].get<std::string>());
    expect_same_call_but_marked(original, line);
    const std::vector<std::uint64_t> then = original["arrivals_ns"];
    const std::vector<std::uint64_t> now = line["arrivals_ns"];
    ASSERT_EQ(then.size(), 4U);
    ASSERT_EQ(now.size(), 4U) << line;
    for (std::size_t i = 1; i < now.size(); ++i)
      EXPECT_GT(now[i] - now[0], (then[i] - then[0]) / 2) << line;
    EXPECT_GT(line["half_closed_ns"].get<std::uint64_t>() - now[3], 75 * kNsPerMs) << line;
  }
}

// A call whose deadline comes first: the client gives it up, and the list says what the wire says.
TEST_F(Grpc, ACallThatIsGivenUpIsListedAsItIs) {
  const Process shop = start_shop(lab_.production, kShop, {"--slow", "Search", "--slow-ms", "400"});
  Process capture = start_capture();
  const RunResult client =
      lab_.users.run(customer({"--calls", "2", "--methods", "Get,Search", "--deadline-ms", "150"}),
                     std::chrono::seconds(30));
  EXPECT_EQ(client.status, 1) << client.out;
  const auto lines = json_lines(client.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1]["status"], 4);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto exchanges = finish(capture);
  ASSERT_EQ(exchanges.size(), 2U);
  EXPECT_EQ(exchanges[0]["grpc"]["status"], 0);
  const Json& given_up = exchanges[1];
  EXPECT_EQ(given_up["request"]["target"], "/shop.Shop/Search");
  EXPECT_TRUE(given_up["grpc"]["status"].is_null() || given_up["grpc"]["status"] == 4) << given_up;
  if (given_up["grpc"]["status"].is_null()) {
    EXPECT_EQ(given_up["request"]["reset"], 8) << given_up;
  }
}

}  // namespace
}  // namespace gray
