// `replay --to` of what was recorded from nginx: everything answered at any pace, order kept, and
// an account that balances also when the canary dies half way.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "userspace/lab/production.h"

namespace gray {
namespace {

// One lab and one recording of 10,000 requests for all of these tests.
class Replay : public testing::Test {
 protected:
  static constexpr int kConnections = 20;
  static constexpr int kPerConnection = 500;

  static void SetUpTestSuite() {
    lab_ = new ProductionLab;
    production_ = new Nginx(lab_->production, "10.9.0.2");
    Process capture = lab_->start_grayxdp(
        {"capture", "-i", "vb", "--port", "80", "-w", recording(), "--ring", "128MiB"});
    std::vector<Process> users;
    for (int connection = 0; connection < kConnections; ++connection)
      users.push_back(lab_->users.spawn(
          {"curl", "-s", "-o", "/dev/null", "-H", "X-Id: " + std::to_string(connection),
           std::string(kProductionUrl) + "/c" + std::to_string(connection) + "/[1-500]"}));
    for (Process& user : users) ASSERT_EQ(user.wait(std::chrono::seconds(60)), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    ASSERT_EQ(interrupt(capture), 0) << capture.err();
  }
  static void TearDownTestSuite() {
    delete production_;
    delete lab_;
  }
  static std::string recording() { return lab_->dir / "recording.pcapng"; }

  static nlohmann::json replay(Argv arguments, int status = 0) {
    arguments.insert(arguments.begin(), {"replay", recording(), "--to", kCanaryUrl, "--json"});
    const RunResult result = lab_->grayxdp(arguments, std::chrono::seconds(120));
    EXPECT_EQ(result.status, status) << result.err << result.out;
    const auto lines = json_lines(result.out);
    return lines.empty() ? nlohmann::json{} : lines.at(0);
  }

  // Within each original connection, the canary saw the requests in production's order.
  static void expect_order_kept(const Nginx& canary) {
    std::map<std::string, int> last;
    std::istringstream log(canary.log());
    int requests = 0;
    for (std::string line; std::getline(log, line); ++requests) {
      int connection = -1;
      int number = -1;
      ASSERT_EQ(std::sscanf(line.c_str(), "GET /c%d/%d", &connection, &number), 2) << line;
      int& before = last[std::to_string(connection)];
      EXPECT_GT(number, before) << line;
      before = number;
    }
    EXPECT_EQ(requests, kConnections * kPerConnection);
  }

  static void expect_all_answered(const nlohmann::json& summary) {
    EXPECT_EQ(summary["exchanges"]["read"], 10'000) << summary;
    EXPECT_EQ(summary["exchanges"]["answered"], 10'000) << summary;
    EXPECT_EQ(summary["compare"]["same"], 10'000) << summary;
    EXPECT_EQ(summary["verdict"], "pass") << summary;
    EXPECT_EQ(summary["balanced"], true) << summary;
    EXPECT_GT(summary["schedule"]["lateness_ns"]["max"], 0) << summary;
  }

  static ProductionLab* lab_;
  static Nginx* production_;
};
ProductionLab* Replay::lab_ = nullptr;
Nginx* Replay::production_ = nullptr;

TEST_F(Replay, AtProductionsPace) {
  const Nginx canary(lab_->canary, "10.9.1.2");
  expect_all_answered(replay({}));
  expect_order_kept(canary);
}

TEST_F(Replay, TenTimesAsFast) {
  const Nginx canary(lab_->canary, "10.9.1.2");
  expect_all_answered(replay({"-x", "10"}));
  expect_order_kept(canary);
}

TEST_F(Replay, AtTopSpeed) {
  const Nginx canary(lab_->canary, "10.9.1.2");
  expect_all_answered(replay({"-t"}));
  expect_order_kept(canary);
}

// nghttpd is the judge of HTTP/2 and TLS: its answers are 404, and each request has one.
class Nghttpd {
 public:
  Nghttpd(const Namespace& where, Argv arguments) {
    arguments.insert(arguments.begin(), {"nghttpd", "-d", dir_.path().string()});
    process_.emplace(where.spawn(arguments));
    for (int i = 0; i < 100; ++i) {
      if (where.run({"ss", "-Hltn"}).out.find(":8443") != std::string::npos) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "nghttpd does not listen";
  }

 private:
  TempDir dir_;
  std::optional<Process> process_;
};

void expect_all_answered_by_other(const RunResult& result) {
  const auto lines = json_lines(result.out);
  ASSERT_FALSE(lines.empty()) << result.err;
  EXPECT_EQ(lines[0]["exchanges"]["answered"], 10'000) << result.out;
  EXPECT_EQ(lines[0]["balanced"], true) << result.out;
}

TEST_F(Replay, ToAnHttp2CanaryInTheClear) {
  const Nghttpd canary(lab_->canary, {"--no-tls", "8443"});
  expect_all_answered_by_other(
      lab_->grayxdp({"replay", recording(), "--to", "h2c://10.9.1.2:8443", "-t", "--json"},
                    std::chrono::seconds(120)));
}

TEST_F(Replay, ToAnHttp2CanaryByTls) {
  const TempDir keys;
  const std::string key = keys / "key.pem";
  const std::string certificate = keys / "cert.pem";
  ASSERT_EQ(run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                 "/CN=canary", "-addext", "subjectAltName=IP:10.9.1.2", "-keyout", key, "-out",
                 certificate})
                .status,
            0);
  const Nghttpd canary(lab_->canary, {"8443", key, certificate});
  const Argv replay{"replay", recording(), "--to", "https://10.9.1.2:8443", "-t", "--json"};
  Argv trusting = replay;
  trusting.insert(trusting.end(), {"--ca", certificate});
  expect_all_answered_by_other(lab_->grayxdp(trusting, std::chrono::seconds(120)));
  const RunResult doubtful = lab_->grayxdp(replay, std::chrono::seconds(120));
  EXPECT_EQ(doubtful.status, 4) << doubtful.err;
  EXPECT_EQ(json_lines(doubtful.out).at(0)["exchanges"]["failed"]["connect"], 10'000);
}

TEST_F(Replay, CopiesLoopsAndAWindow) {
  const Nginx canary(lab_->canary, "10.9.1.2");
  const auto twice = replay({"-t", "--amplify", "2", "-l", "2"});
  EXPECT_EQ(twice["exchanges"]["read"], 20'000) << twice;
  EXPECT_EQ(twice["exchanges"]["answered"], 40'000) << twice;
  EXPECT_EQ(twice["balanced"], true) << twice;
  const auto part = replay({"-t", "--stop", "1ms"});
  EXPECT_EQ(part["balanced"], true) << part;
  EXPECT_LT(part["exchanges"]["selected"], 10'000) << part;
  EXPECT_GT(part["exchanges"]["selected"], 0) << part;
}

TEST_F(Replay, OfASampleTakesTheSameFlowsEachTime) {
  const Nginx canary(lab_->canary, "10.9.1.2");
  const auto first = replay({"-t", "--sample", "30%"});
  const auto second = replay({"-t", "--sample", "30%"});
  EXPECT_EQ(first["exchanges"]["selected"], second["exchanges"]["selected"]);
  EXPECT_EQ(first["exchanges"]["selected"].get<int>() % kPerConnection, 0) << "half a connection";
}

TEST_F(Replay, EndsByItselfWhenTheCanaryDies) {
  Nginx canary(lab_->canary, "10.9.1.2");
  std::jthread killer([&] {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    canary.kill();
  });
  const auto summary = replay({"--rate", "2500rps", "--timeout", "2s"}, 4);
  EXPECT_EQ(summary["verdict"], "fail") << summary;
  EXPECT_EQ(summary["balanced"], true) << summary;
  const std::uint64_t answered = summary["exchanges"]["answered"];
  std::uint64_t failed = 0;
  for (const auto& [name, count] : summary["exchanges"]["failed"].items())
    failed += count.get<std::uint64_t>();
  EXPECT_GT(answered, 0u) << summary;
  EXPECT_GT(failed, 0u) << summary;
  EXPECT_EQ(answered + failed, 10'000u) << summary;
}

TEST_F(Replay, RefusesProductionAsTarget) {
  const RunResult result = lab_->grayxdp({"replay", recording(), "--to", kProductionUrl, "--json"});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("captured server"), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST_F(Replay, DryRunSendsNothing) {
  const Nginx canary(lab_->canary, "10.9.1.2");
  const RunResult result =
      lab_->grayxdp({"replay", recording(), "--to", kCanaryUrl, "--dry-run", "-L", "5"});
  EXPECT_NE(result.out.find("GET 10.9.0.2 /c"), std::string::npos) << result.out;
  EXPECT_EQ(canary.log(), "");
}

}  // namespace
}  // namespace gray
