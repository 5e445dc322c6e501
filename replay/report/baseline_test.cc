// A whole run with --baseline against two servers on loopback: what production's second instance
// answers otherwise, too, is noise, and a baseline that does not answer spoils nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "replay/compare/trial_for_test.h"
#include "replay/report/run.h"
#include "replay/send/scripted_canary.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

using Peer = ScriptedCanary::Peer;

constexpr std::uint64_t kExchanges = 60;

std::string body(int price, std::uint64_t nonce) {
  return R"({"price":)" + std::to_string(price) + R"(,"nonce":)" + std::to_string(nonce) + "}";
}

/// A server with this price, and a nonce of its own in every answer.
ScriptedCanary::Script shop(int price, std::uint64_t first_nonce) {
  return [price, nonce = std::make_shared<std::atomic<std::uint64_t>>(first_nonce)](Peer& peer) {
    SeenRequest request;
    while (peer.read(request)) {
      const std::string text = body(price, (*nonce)++);
      if (!peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                     std::to_string(text.size()) + "\r\n\r\n" + text))
        return;
    }
  };
}

void never(Peer& peer) {
  SeenRequest request;
  while (peer.read(request)) peer.wait_closed();
}

Exchange recorded(std::uint64_t number) {
  const std::string text = body(1, 1'000 + number);
  Exchange exchange = *trial_of(response_of(200,
                                            {{"Content-Type", "application/json"},
                                             {"Content-Length", std::to_string(text.size())}},
                                            text),
                                {})
                           .exchange;
  std::memcpy(exchange.id.bytes.data(), &number, sizeof(number));
  exchange.stream = number;
  exchange.request.target = "/price/" + std::to_string(number);  // nothing is asked twice
  exchange.request.version = "1.1";
  exchange.request.headers = {{"Host", "shop.example"}};
  exchange.request.complete = true;
  return exchange;
}

RunSummary replay(const std::string& canary, const std::string& baseline,
                  std::uint64_t exchanges = kExchanges) {
  RunOptions options;
  options.send.targets = {Target::parse(canary)};
  options.send.schedule.pace = Pace::TopSpeed;
  options.send.timeout_ns = kNsPerSecond / 2;
  if (!baseline.empty()) options.baseline = Target::parse(baseline);
  options.wait_for_room = true;
  ReplayRun run(options);
  std::thread feeder([&] {
    for (std::uint64_t number = 1; number <= exchanges; ++number) run.exchange(recorded(number));
    run.close();
  });
  run.send();
  feeder.join();
  RunSummary summary = run.finish(Ledger{});
  EXPECT_TRUE(summary.ledger.balanced());
  EXPECT_EQ(summary.answered, exchanges);
  return summary;
}

TEST(Baseline, WhatItAnswersOtherwiseTooIsNoise) {
  ScriptedCanary canary(shop(1, 2'000)), baseline(shop(1, 3'000));
  const RunSummary summary = replay(canary.url(), baseline.url());
  EXPECT_EQ(canary.seen().size(), kExchanges);
  EXPECT_EQ(baseline.seen().size(), kExchanges);
  EXPECT_EQ(summary.tally.noise_source, NoiseSource::Baseline);
  EXPECT_EQ(summary.tally.self_compared, kExchanges);
  EXPECT_EQ(summary.tally.different, 0u);
  EXPECT_EQ(summary.tally.noise, kExchanges);
  ASSERT_EQ(summary.tally.noisy.size(), 1u);
  EXPECT_EQ(summary.tally.noisy[0].field, "json.$.nonce");
  EXPECT_TRUE(summary.tally.noisy[0].noise);
  EXPECT_EQ(summary.verdict.exit_code, 0) << summary.verdict.name();
  EXPECT_EQ(summary.baseline, baseline.url());
}

TEST(Baseline, WhatOnlyTheCanaryAnswersOtherwiseIsNot) {
  ScriptedCanary canary(shop(2, 2'000)), baseline(shop(1, 3'000));
  const RunSummary summary = replay(canary.url(), baseline.url());
  EXPECT_EQ(summary.tally.different, kExchanges);
  EXPECT_EQ(summary.tally.by_field.at("json.$.price"), kExchanges);
  EXPECT_EQ(summary.tally.by_cause[index_of(Cause::Value)], kExchanges) << "the nonce is noise";
  EXPECT_EQ(summary.verdict.exit_code, 4);
}

TEST(Baseline, WithoutItTheNonceIsADifference) {
  ScriptedCanary canary(shop(1, 2'000));
  const RunSummary summary = replay(canary.url(), "");
  EXPECT_EQ(summary.tally.by_field.at("json.$.nonce"), kExchanges);
}

/// A server that knows only the sessions that it has begun itself.
ScriptedCanary::Script guarded(const std::string& name) {
  return [name](Peer& peer) {
    SeenRequest request;
    while (peer.read(request)) {
      const bool login = request.line.starts_with("GET /login");
      const bool known = login || request.head.find("sid=" + name) != std::string::npos;
      const std::string cookie = login ? "Set-Cookie: sid=" + name + "-1\r\n" : "";
      if (!peer.send("HTTP/1.1 " + std::string(known ? "200 OK" : "403 Forbidden") + "\r\n" +
                     cookie + "Content-Length: 2\r\n\r\nok"))
        return;
    }
  };
}

// Were it sent production's sessions, it would refuse everything, and all were noise.
TEST(Baseline, HasSessionsOfItsOwn) {
  ScriptedCanary canary(guarded("canary")), baseline(guarded("baseline"));
  RunOptions options;
  options.send.targets = {Target::parse(canary.url())};
  options.send.schedule.pace = Pace::TopSpeed;
  options.baseline = Target::parse(baseline.url());
  options.learn = true;
  options.wait_for_room = true;
  ReplayRun run(options);
  for (std::uint64_t number = 1; number <= 5; ++number) {
    Exchange exchange = recorded(number);
    exchange.request.first_byte_ns = number;
    exchange.response->body = "ok";
    exchange.response->headers = {{"Content-Length", "2"}};
    if (number == 1) {
      exchange.request.target = "/login";
      exchange.response->headers.push_back({"Set-Cookie", "sid=production-1"});
    } else {
      exchange.request.headers.push_back({"Cookie", "sid=production-1"});
    }
    run.exchange(std::move(exchange));
  }
  run.close();
  run.send();
  const RunSummary summary = run.finish(Ledger{});
  EXPECT_EQ(summary.answered, 5u);
  EXPECT_EQ(summary.tally.self_compared, 5u);
  EXPECT_EQ(summary.tally.same, 5u);
  EXPECT_TRUE(summary.tally.noisy.empty());
  ASSERT_TRUE(summary.sessions && summary.baseline_sessions);
  EXPECT_EQ(summary.sessions->places.at("cookie.sid").substituted, 4u);
  EXPECT_EQ(summary.baseline_sessions->places.at("cookie.sid").substituted, 4u);
}

TEST(Baseline, ThatDoesNotAnswerSpoilsNothing) {
  ScriptedCanary canary(shop(2, 2'000)), silent(never);
  ScriptedCanary gone(never);
  const std::string gone_url = gone.url();
  gone.kill();
  for (const std::string& url : {silent.url(), gone_url}) {
    const RunSummary summary = replay(canary.url(), url, 5);
    EXPECT_EQ(summary.tally.different, 5u) << url;
    EXPECT_EQ(summary.tally.self_compared, 0u) << url;
    EXPECT_TRUE(summary.failed.empty()) << "only the canary's failures are failures";
    const auto& stages = summary.ledger.stages();
    ASSERT_FALSE(stages.empty());
    EXPECT_EQ(stages.back().name, "baseline");
    EXPECT_EQ(stages.back().out, 0u);
  }
}

}  // namespace
}  // namespace gray
