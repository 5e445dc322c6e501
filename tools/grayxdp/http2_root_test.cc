// HTTP/2 between real programs, captured by grayxdp: what `requests` lists is what they say they
// did.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <thread>

#include "userspace/lab/production.h"

namespace gray {
namespace {

constexpr const char* kNghttpd = "http://10.9.0.2:8000";
constexpr const char* kNginx = "http://10.9.0.2:81";

class Http2 : public testing::Test {
 protected:
  Http2() : nginx_(lab_.production, "10.9.0.2", "listen 10.9.0.2:81 http2;") {
    for (const char* name : {"one", "two", "three"}) std::ofstream(lab_.dir / name) << name;
    std::ofstream(lab_.dir / "big") << std::string(200'000, 'b');
    nghttpd_ = lab_.production.spawn({"nghttpd", "--no-tls", "-v", "-d", lab_.dir.path().string(),
                                      "--trailer", "sum: 1", "8000"},
                                     {.out_path = lab_.dir / "nghttpd.log"});
    for (int i = 0; i < 100; ++i) {
      if (lab_.production.run({"nghttp", "-n", std::string(kNghttpd) + "/one"}).ok()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    throw std::runtime_error("nghttpd does not answer: " + nghttpd_.err());
  }

  Process start_capture() {
    return lab_.start_grayxdp({"capture", "-i", "vb", "-w", recording(), "--ring", "128MiB"});
  }
  std::string recording() const { return lab_.dir / "recording.pcapng"; }

  // Lets the last packets arrive, then reads what was captured.
  std::vector<nlohmann::json> finish(Process& capture) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(interrupt(capture), 0) << capture.err();
    const RunResult result = lab_.grayxdp({"requests", recording(), "--json", "--headers"});
    EXPECT_TRUE(result.ok()) << result.err;
    EXPECT_NE(result.err.find(" 0 gaps"), std::string::npos) << result.err;
    return json_lines(result.out);
  }

  // Of the requests that came from the users: the server's own log counts them by path.
  std::map<std::string, int> logged_by_nginx() const {
    std::map<std::string, int> paths;
    for (const std::string& target : nginx_.targets()) ++paths[target];
    return paths;
  }

  static void expect_whole(const nlohmann::json& exchange) {
    EXPECT_EQ(exchange["protocol"], "http/2") << exchange;
    EXPECT_EQ(exchange["request"]["complete"], true) << exchange;
    ASSERT_FALSE(exchange["response"].is_null()) << exchange;
    EXPECT_EQ(exchange["response"]["complete"], true) << exchange;
  }

  ProductionLab lab_;
  Nginx nginx_;
  Process nghttpd_;
};

TEST_F(Http2, ListsWhatNginxLogged) {
  Process capture = start_capture();
  const RunResult load =
      lab_.users.run({"h2load", "-n", "4000", "-c", "8", "-m", "20", std::string(kNginx) + "/a",
                      std::string(kNginx) + "/b?c=d", std::string(kNginx) + "/e/f"},
                     std::chrono::seconds(60));
  ASSERT_NE(load.out.find("4000 succeeded"), std::string::npos) << load.out;
  const auto exchanges = finish(capture);
  std::map<std::string, int> listed;
  for (const auto& e : exchanges) {
    expect_whole(e);
    EXPECT_EQ(e["response"]["status"], 200);
    ++listed[e["request"]["target"]];
  }
  EXPECT_EQ(exchanges.size(), 4000U);
  EXPECT_EQ(listed, logged_by_nginx());
}

TEST_F(Http2, ListsBodiesTrailersAndErrorsOfNghttpd) {
  std::ofstream(lab_.dir / "sent") << std::string(50'000, 's');
  Process capture = start_capture();
  const auto url = [](const char* path) { return std::string(kNghttpd) + path; };
  lab_.users.must_run({"nghttp", "-n", "-b", "50", "--continuation", "--trailer", "check: 7", "-d",
                       lab_.dir / "sent", url("/one"), url("/big"), url("/missing")});
  const RunResult load =
      lab_.users.run({"h2load", "-n", "300", "-c", "3", "-m", "7", url("/two"), url("/three")},
                     std::chrono::seconds(60));
  ASSERT_NE(load.out.find("300 succeeded"), std::string::npos) << load.out;
  std::map<std::string, int> listed;
  for (const auto& e : finish(capture)) {
    expect_whole(e);
    const std::string target = e["request"]["target"];
    ++listed[target];
    EXPECT_EQ(e["response"]["status"], target == "/missing" ? 404 : 200);
    const int size = target == "/big" ? 200'000 : target == "/one" ? 3 : -1;
    EXPECT_TRUE(size < 0 || e["response"]["body_bytes"] == size) << e;
    if (e["request"]["method"] != "POST") continue;
    EXPECT_EQ(e["request"]["body_bytes"], 50'000);
    EXPECT_EQ(e["request"]["trailers"][0][0], "check");
    EXPECT_EQ(e["response"]["trailers"][0][1], "1");
  }
  const std::map<std::string, int> asked{
      {"/one", 1}, {"/big", 1}, {"/missing", 1}, {"/two", 150}, {"/three", 150}};
  EXPECT_EQ(listed, asked);
}

// Connections that began as HTTP/1, to a proxy that speaks HTTP/1 with the origin.
TEST_F(Http2, ListsWhatWasAskedAfterAnUpgrade) {
  const Process proxy = lab_.production.spawn(
      {"nghttpx", "--conf=/dev/null", "--workers=1", "-f10.9.0.2,3000;no-tls", "-b10.9.0.2,80"});
  const std::string by = "http://10.9.0.2:3000";
  for (int i = 0; i < 100 && !lab_.users.run({"nghttp", "-n", by + "/ready"}).ok(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::size_t before = nginx_.targets().size();
  Process capture = start_capture();
  lab_.curl({"--http2", by + "/upgraded"});
  lab_.curl({"--http2", "-d", "a=1", by + "/posted"});
  lab_.users.must_run({"nghttp", "-n", "-u", by + "/one", by + "/two"});
  lab_.curl({by + "/not-asked-to"});
  std::map<std::string, std::string> listed;
  for (const auto& e : finish(capture)) {
    EXPECT_TRUE(e["request"]["complete"] == true && e["response"]["complete"] == true) << e;
    EXPECT_EQ(e["response"]["status"], 200) << e;
    const std::string method = e["request"]["method"];
    listed[method + " " + e["request"]["target"].get<std::string>()] = e["protocol"];
  }
  const std::map<std::string, std::string> asked{{"GET /upgraded", "http/2"},
                                                 {"POST /posted", "http/2"},
                                                 {"GET /one", "http/2"},
                                                 {"GET /two", "http/2"},
                                                 {"GET /not-asked-to", "http/1.1"}};
  EXPECT_EQ(listed, asked);
  EXPECT_EQ(nginx_.targets().size() - before, asked.size());

  // Cut out, each of the three still has the preface that Wireshark knows HTTP/2 by.
  const std::string cut = lab_.dir / "cut.pcapng";
  ASSERT_TRUE(lab_.grayxdp({"requests", recording(), "--protocol", "http2", "-w", cut}).ok());
  const RunResult prefaces = run({"tshark", "-r", cut, "-Y", "http2.magic"});
  EXPECT_EQ(std::count(prefaces.out.begin(), prefaces.out.end(), '\n'), 3) << prefaces.out;
}

// One connection, most of whose header table was filled before the capture began.
TEST_F(Http2, ACaptureThatBeginsInTheMiddleOfAConnection) {
  Process load =
      lab_.users.spawn({"h2load", "-D", "6", "-c", "1", "-m", "1", "--rps", "200", "-H",
                        "x-token: a-value-in-the-table", std::string(kNginx) + "/middle"});
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const std::size_t before_start = nginx_.targets().size();
  Process capture = start_capture();
  const std::size_t before = nginx_.targets().size();
  EXPECT_GT(before_start, 100U);
  EXPECT_EQ(load.wait(std::chrono::seconds(30)), 0) << load.err();
  const auto exchanges = finish(capture);
  const std::size_t after = nginx_.targets().size();
  // It began between the two looks at nginx's log; one may have been under way.
  EXPECT_GE(exchanges.size() + 1, after - before);
  EXPECT_LE(exchanges.size(), after - before_start + 1);
  EXPECT_GT(exchanges.size(), 200U);  // of 800, on a machine that has nothing else to do
  unsigned complete = 0;
  unsigned cut_at_start = 0;
  unsigned cut_later = 0;
  std::string cut;  // those that have not both sides
  std::uint32_t last = 0;
  for (const auto& e : exchanges) {
    EXPECT_EQ(e["protocol"], "http/2") << e;
    if (e["request"].is_null() || e["response"].is_null()) {
      ++(complete == 0 ? cut_at_start : cut_later);
      cut += e.dump() + '\n';
      continue;
    }
    ++complete;
    const std::uint32_t stream = e["h2_stream"];
    EXPECT_TRUE(last == 0 || stream == last + 2) << "one is missing: " << e;
    last = stream;
    EXPECT_EQ(e["request"]["method"], "GET");
    EXPECT_EQ(e["response"]["status"], 200);
    // Either known and right, or marked.
    const std::string target = e["request"]["target"];
    EXPECT_TRUE(target == "/middle" || target == std::string("\0unknown", 8)) << e;
    EXPECT_TRUE(target == "/middle" || e["request"]["unknown_headers"] > 0) << e;
  }
  // The two directions are not attached in one instant, and h2load sends what is due in bursts.
  EXPECT_LE(cut_at_start, 5U) << cut;
  EXPECT_LE(cut_later, 1U) << cut;
  EXPECT_GE(complete + 6, exchanges.size());
}

}  // namespace
}  // namespace gray
