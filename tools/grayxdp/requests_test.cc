// The verb `requests` as a person meets it: what its text looks like, what its options choose and
// write, and what it says at the end. Needs no root.
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "replay/content/encode.h"
#include "replay/protocol/http2/frames_for_test.h"
#include "tools/grayxdp/requests_for_test.h"

namespace gray {
namespace {

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: shop\r\n\r\n";
}
std::string answer(const std::string& status, const std::string& body,
                   const std::string& more = "") {
  return "HTTP/1.1 " + status + " X\r\n" + more + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// An exchange of each kind: answered, refused early, over HTTP/2 behind other requests,
/// unanswered.
std::vector<BuiltFrame> four_connections() {
  using namespace http2;
  std::vector<BuiltFrame> frames;
  const auto add = [&](const Conversation& talk) {
    frames.insert(frames.end(), talk.frames().begin(), talk.frames().end());
  };
  add(Conversation(50'001)
          .open()
          .client(get("/items/17?q=1"))
          .server(::gray::answer("200", "hello"))
          .client(get("/items/18"))
          .server(::gray::answer("503", "")));
  add(Conversation(50'002)
          .open()
          .client("PUT /up HTTP/1.1\r\nHost: shop\r\nContent-Length: 6\r\n\r\nabc")
          .server(::gray::answer("413", "no"))
          .client("def"));
  add(Conversation(50'003)
          .open()
          .client(kClientStart)
          .server(kServerStart)
          .client(ask(1, "/h2"))
          .server(http2::answer(1, "200") + data(1, "frames")));
  add(Conversation(50'004).open().client(get("/lost")));
  return frames;
}

TEST(Requests, TextIsALineAnExchange) {
  const RunResult text = requests(four_connections(), {});
  EXPECT_EQ(text.out,
            "TIME                                          CLIENT   SERVER                STA  "
            "LATENCY  REQUEST RESPONSE  METHOD URL\n"
            "2023-11-14T22:13:20.004000000Z        10.0.0.1:50001 → 10.0.0.2:8080         200    "
            "  1ms       0B       5B  GET shop/items/17?q=1\n"
            "2023-11-14T22:13:20.004000000Z        10.0.0.1:50002 → 10.0.0.2:8080         413    "
            "    -       6B       2B  PUT shop/up\n"
            "2023-11-14T22:13:20.004000000Z        10.0.0.1:50004 → 10.0.0.2:8080           -    "
            "    -       0B        -  GET shop/lost\n"
            "2023-11-14T22:13:20.006000000Z        10.0.0.1:50001 → 10.0.0.2:8080         503    "
            "  1ms       0B       0B  GET shop/items/18\n"
            "2023-11-14T22:13:20.006000000Z        10.0.0.1:50003 → 10.0.0.2:8080         200    "
            "  1ms       0B       6B  GET shop/h2\n");
  EXPECT_NE(text.err.find(" 4 streams, 5 exchanges, 0 streams opaque, 0 gaps (0B)\n"),
            std::string::npos)
      << text.err;
}

TEST(Requests, ProtocolsAndWordsChoose) {
  const RunResult http1 = requests(four_connections(), {"--protocol", "http1", "--headers"});
  EXPECT_NE(http1.out.find("GET shop/items/17?q=1\n"
                           "    > Host: shop\n"
                           "    < Content-Length: 5\n"),
            std::string::npos)
      << http1.out;
  EXPECT_EQ(http1.out.find("/h2"), std::string::npos);
  const RunResult h2 = requests(four_connections(), {"--protocol", "http2"});
  EXPECT_NE(h2.out.find("GET shop/h2\n"), std::string::npos) << h2.out;
  EXPECT_EQ(h2.out.find("/items"), std::string::npos);
  EXPECT_NE(h2.err.find("5 exchanges of which 1 are listed"), std::string::npos) << h2.err;
  const RunResult words =
      requests(four_connections(), {"--json", "tcp", "port", "50002", "or", "port", "50004"});
  EXPECT_NE(words.out.find("/up"), std::string::npos);
  EXPECT_NE(words.out.find("/lost"), std::string::npos);
  EXPECT_EQ(words.out.find("/items"), std::string::npos);
  EXPECT_NE(words.err.find(" 2 streams, 2 exchanges"), std::string::npos) << words.err;
}

// An answer that came early has no latency, in the line of its endpoint either.
TEST(Requests, StatsAreByEndpoint) {
  const RunResult stats = requests(four_connections(), {"--stats", "--json"});
  std::istringstream lines(stats.out);
  std::map<std::string, nlohmann::json> by_name;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    by_name[json["endpoint"]] = json;
  }
  ASSERT_EQ(by_name.size(), 4U);
  const nlohmann::json& items = by_name["GET /items/{n}"];
  EXPECT_EQ(items["count"], 2);
  EXPECT_EQ(items["status"]["2xx"], 1);
  EXPECT_EQ(items["status"]["5xx"], 1);
  EXPECT_NEAR(items["latency_ns"]["p50"].get<double>(), 1e6, 5e4);
  EXPECT_EQ(by_name["PUT /up"]["status"]["4xx"], 1);
  EXPECT_TRUE(by_name["PUT /up"]["latency_ns"].is_null());
  EXPECT_EQ(by_name["GET /lost"]["status"]["none"], 1);
}

TEST(Requests, BodiesAreAsSentAndDecoded) {
  const std::string plain(3'000, 'p');
  const std::string coded = *encode_gzip(plain);
  Conversation talk;
  talk.open().client("POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n");
  talk.client("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n");
  talk.server(answer("200", coded, "Content-Encoding: gzip\r\n"));
  const TempDir dir;
  const RunResult result = requests(talk.frames(), {"--json", "--bodies", dir.path().string()});
  const std::string base = dir / nlohmann::json::parse(result.out)["id"].get<std::string>();
  EXPECT_EQ(read_file(base + ".request"), "abcde");
  EXPECT_EQ(read_file(base + ".response"), coded);
  EXPECT_EQ(read_file(base + ".response.decoded"), plain);
  EXPECT_FALSE(std::filesystem::exists(base + ".request.decoded"));
}

// What is cut out gives the same exchange without the others, and still begins as HTTP/2 does.
TEST(Requests, PacketsAreCutOut) {
  const TempDir dir;
  const std::string cut = dir / "cut.pcapng";
  const RunResult whole =
      requests(four_connections(), {"--json", "--protocol", "http2", "-w", cut});
  EXPECT_NE(whole.err.find("7 packets of them are in " + cut), std::string::npos) << whole.err;
  const RunResult again = requests_of_file(cut, {"--json"});
  EXPECT_NE(again.err.find("requests: 7 packets, 1 streams, 1 exchanges, 0 streams opaque, 0 gaps"),
            std::string::npos)
      << again.err;
  auto before = nlohmann::json::parse(whole.out);
  auto after = nlohmann::json::parse(again.out);
  before.erase("stream");
  after.erase("stream");
  EXPECT_EQ(after, before);
}

// Before a long capture is read, not after.
TEST(Requests, AFileThatCannotBeWrittenIsSaidAtOnce) {
  const RunResult result = requests(four_connections(), {"-w", "/nowhere/x.pcapng"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("/nowhere/x.pcapng"), std::string::npos) << result.err;
}

TEST(Requests, SaysWhatWasReadAndIsInNoExchange) {
  Conversation talk;
  talk.open().client(get("/a"));
  talk.server("HTTP/1.1 103 Early Hints\r\n\r\n").server(answer("200", "x"));
  const RunResult odd = requests(
      talk.client(get("/b")).server("HTTP/1.1 what\r\nabcde").client("GET /cut").frames(), {});
  EXPECT_EQ(odd.status, 0);
  EXPECT_NE(
      odd.err.find("\nrequests: 1 interim responses, 2 bad messages, 5B skipped, which are of "
                   "no message that could be read\n"),
      std::string::npos)
      << odd.err;
  const RunResult even =
      requests(Conversation().open().client(get("/a")).server(answer("200", "x")).frames(), {});
  EXPECT_EQ(even.err,
            "requests: 5 packets, 1 streams, 1 exchanges, 0 streams opaque, 0 gaps (0B)\n");
}

TEST(Requests, ALinkTypeThatIsNotReadIsSaid) {
  const TempDir dir;
  const std::string path = dir / "x.pcap";
  write_pcap(path, Conversation().open().client(get("/a")).frames());
  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out).seekp(20).put(105);
  const RunResult result = requests_of_file(path, {});
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find("\nrequests: 4 packets of a link type that is not read\n"),
            std::string::npos)
      << result.err;
  const RunResult replayed =
      run({built_binary("grayxdp"), "replay", path, "--to", "http://127.0.0.1:9"});
  EXPECT_NE(replayed.err.find("grayxdp: 4 packets of a link type that is not read\n"),
            std::string::npos)
      << replayed.err;
}

}  // namespace
}  // namespace gray
