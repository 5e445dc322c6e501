// `replay --learn` and `replay --baseline` as their users run them: sessions that only the canary
// itself can have handed out, and fields that differ between two instances of production.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "userspace/lab/production.h"

namespace gray {
namespace {

constexpr int kUsers = 30;
constexpr int kPages = 4;  // that each user asks for when logged in

/// An instance that takes only the sessions which it has begun itself.
std::string shop(const std::string& name) {
  return "location = /login { add_header Set-Cookie \"sid=" + name +
         "-$request_id; Path=/\"; return 200 '{\"welcome\":true}'; }\n"
         "location /account { if ($cookie_sid !~ \"^" +
         name + "-[0-9a-f]+$\") { return 403; } return 200 '{\"uri\":\"$uri\",\"items\":[1,2]}'; }";
}

/// What a request is answered by: two fields that are never the same twice, and the price.
std::string offer(const std::string& price) {
  return "location /offer { return 200 '{\"at\":\"$msec\",\"by\":\"$request_id\",\"price\":" +
         price + "}'; }";
}

class Session : public testing::Test {
 protected:
  /// Records what `talk` makes the users say to production.
  template <class Talk>
  void record(Talk&& talk) {
    Process capture = lab.start_grayxdp({"capture", "-i", "vb", "--port", "80", "-w", recording()});
    talk();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    ASSERT_EQ(interrupt(capture), 0) << capture.err();
  }
  nlohmann::json replay(Argv arguments, int status) {
    arguments.insert(arguments.begin(), {"replay", recording(), "--to", kCanaryUrl, "--json"});
    const RunResult result = lab.grayxdp(arguments);
    EXPECT_EQ(result.status, status) << result.err << result.out;
    said = result.out + result.err;
    const auto lines = json_lines(result.out);
    return lines.empty() ? nlohmann::json{} : lines.at(0);
  }
  std::string recording() const { return lab.dir / "recording.pcapng"; }

  ProductionLab lab;
  std::string said;
};

TEST_F(Session, LearnedOnesAreTheCanarysOwn) {
  const Nginx production(lab.production, "10.9.0.2", shop("production"));
  const Nginx canary(lab.canary, "10.9.1.2", shop("canary"));
  record([&] {
    for (int user = 0; user < kUsers; ++user) {
      const std::string jar = lab.dir / ("jar" + std::to_string(user));
      lab.curl({"-c", jar, "-b", jar, std::string(kProductionUrl) + "/login",
                std::string(kProductionUrl) + "/account/[1-" + std::to_string(kPages) + "]"});
    }
  });
  const auto without = replay({"-t", "--ignore", "header.set-cookie"}, 4);
  EXPECT_EQ(without["compare"]["different"], kUsers * kPages) << without;

  const auto with = replay({"-t", "--learn", "--ignore", "header.set-cookie"}, 0);
  EXPECT_EQ(with["exchanges"]["answered"], kUsers * (kPages + 1)) << with;
  EXPECT_EQ(with["compare"]["same"], kUsers * (kPages + 1)) << with;
  EXPECT_EQ(with["balanced"], true) << with;
  EXPECT_EQ(with["sessions"]["requests"], kUsers * kPages) << with;
  const auto& places = with["sessions"]["places"]["cookie.sid"];
  EXPECT_EQ(places["substituted"], kUsers * kPages) << with;
  EXPECT_EQ(places["same"], 0) << with;
  EXPECT_EQ(places["as_recorded"], 0) << with;
  EXPECT_EQ(said.find("production-"), std::string::npos) << said;
  EXPECT_EQ(said.find("canary-"), std::string::npos) << said;
}

TEST_F(Session, CopiesHaveSessionsOfTheirOwn) {
  const Nginx production(lab.production, "10.9.0.2", shop("production"));
  const Nginx canary(lab.canary, "10.9.1.2", shop("canary"));
  record([&] {
    const std::string jar = lab.dir / "jar";
    lab.curl({"-c", jar, "-b", jar, std::string(kProductionUrl) + "/login",
              std::string(kProductionUrl) + "/account/[1-" + std::to_string(kPages) + "]"});
  });
  const auto copies =
      replay({"-t", "--learn", "--amplify", "5", "--ignore", "header.set-cookie"}, 0);
  EXPECT_EQ(copies["compare"]["same"], 5 * (kPages + 1)) << copies;
  EXPECT_EQ(copies["sessions"]["places"]["cookie.sid"]["substituted"], 5 * kPages) << copies;
}

TEST_F(Session, WhatDiffersFromTheBaselineIsNoise) {
  const Nginx production(lab.production, "10.9.0.2", offer("12"));
  record([&] { lab.curl({std::string(kProductionUrl) + "/offer/[1-700]"}); });
  lab.lab.address("vd", "10.9.1.3/24");
  const Nginx baseline(lab.canary, "10.9.1.3", offer("12"));
  const Argv options{"-t", "--max-diff", "0.5%", "--baseline", "http://10.9.1.3"};
  {
    const Nginx canary(lab.canary, "10.9.1.2", offer("12"));
    const auto good = replay(options, 0);
    EXPECT_EQ(good["verdict"], "pass") << good;
    EXPECT_EQ(good["compare"]["different"], 0) << good;
    EXPECT_EQ(good["balanced"], true) << good;
    const std::string noise = good["noise"].dump();
    EXPECT_NE(noise.find("json.$.at"), std::string::npos) << good;
    EXPECT_NE(noise.find("json.$.by"), std::string::npos) << good;
    EXPECT_EQ(noise.find("json.$.price"), std::string::npos) << good;
  }
  const Nginx dearer(lab.canary, "10.9.1.2", offer("13"));
  const auto bad = replay(options, 4);
  EXPECT_EQ(bad["verdict"], "fail") << bad;
  EXPECT_EQ(bad["compare"]["different"], 700) << bad;
}

}  // namespace
}  // namespace gray
