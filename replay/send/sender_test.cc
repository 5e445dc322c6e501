#include "replay/send/sender.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "replay/send/scripted_canary.h"
#include "replay/send/sender_for_test.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

using Peer = ScriptedCanary::Peer;
using namespace std::chrono_literals;

TEST(Sender, OneExchangeIsAnsweredWithTheCanarysResponse) {
  ScriptedCanary canary(keep_alive);
  const Ran ran = run(to(canary.url()), {make(1, 0, "/a?b=1")});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}}));
  const Trial& trial = ran.trials[0];
  ASSERT_TRUE(trial.canary.has_value());
  EXPECT_EQ(trial.canary->status, 200);
  EXPECT_EQ(trial.canary->body, "GET /a?b=1 HTTP/1.1");
  EXPECT_TRUE(trial.canary->complete);
  EXPECT_TRUE(trial.error.empty());
  EXPECT_GT(trial.latency_ns, 0u);
  EXPECT_LT(trial.latency_ns, 2 * kNsPerSecond);
  EXPECT_NEAR(static_cast<double>(trial.canary->first_byte_ns), static_cast<double>(utc_ns()),
              60e9);
  EXPECT_EQ(canary.seen().at(0).head, "GET /a?b=1 HTTP/1.1\r\nHost: shop.example\r\n\r\n");
}

TEST(Sender, AnOriginalConnectionIsOneConnectionInOrder) {
  ScriptedCanary canary(keep_alive);
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < 20; ++i) {
    for (std::uint64_t stream = 0; stream < 5; ++stream) {
      exchanges.push_back(make(stream, i, "/" + std::to_string(stream) + "/" + std::to_string(i)));
    }
  }
  const Ran ran = run(to(canary.url()), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 100}}));
  EXPECT_EQ(canary.accepted(), 5u);
  std::map<std::size_t, std::vector<std::string>> lines;
  for (const SeenRequest& request : canary.seen())
    lines[request.connection].push_back(request.line);
  for (const auto& [connection, seen] : lines) {
    const std::string stream = seen.at(0).substr(5, 1);
    ASSERT_EQ(seen.size(), 20u);
    for (std::size_t i = 0; i < 20; ++i) {
      EXPECT_EQ(seen[i], "GET /" + stream + "/" + std::to_string(i) + " HTTP/1.1");
    }
  }
}

TEST(Sender, GlobalOrderIsOneAfterTheOther) {
  std::atomic<int> under_way{0};
  std::atomic<int> most{0};
  ScriptedCanary canary([&](Peer& peer) {
    SeenRequest request;
    while (peer.read(request)) {
      most = std::max(most.load(), ++under_way);
      std::this_thread::sleep_for(200us);
      --under_way;
      peer.answer("");
    }
  });
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < 60; ++i)
    exchanges.push_back(make(i % 7, i, "/" + std::to_string(i)));
  const Ran ran = run(to(canary.url(), Order::Global), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 60}}));
  EXPECT_EQ(most, 1);
  const auto seen = canary.seen();
  for (std::size_t i = 0; i < 60; ++i) {
    EXPECT_EQ(seen[i].line, "GET /" + std::to_string(i) + " HTTP/1.1");
  }
}

TEST(Sender, WithoutOrderRequestsOfOneConnectionGoSideBySide) {
  std::atomic<int> waiting{0};
  ScriptedCanary canary([&](Peer& peer) {
    SeenRequest request;
    while (peer.read(request)) {
      ++waiting;
      while (waiting < 4) std::this_thread::sleep_for(1ms);
      peer.answer("");
    }
  });
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < 4; ++i) exchanges.push_back(make(1, i));
  const Ran ran = run(to(canary.url(), Order::None), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 4}}));
}

TEST(Sender, NeverMoreConnectionsThanAllowed) {
  for (const Order order : {Order::Connection, Order::None}) {
    ScriptedCanary canary(keep_alive);
    SendOptions options = to(canary.url(), order);
    options.concurrency = 3;
    std::vector<Exchange> exchanges;
    for (std::uint32_t i = 0; i < 10; ++i) {
      for (std::uint64_t stream = 0; stream < 20; ++stream) exchanges.push_back(make(stream, i));
    }
    const Ran ran = run(std::move(options), std::move(exchanges));
    EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 200}}));
    // The canary sees a closed connection a moment after the next one was opened.
    EXPECT_LE(canary.most_open(), 6u);
  }
}

TEST(Sender, TenThousandAtTopSpeedAreAllAnswered) {
  ScriptedCanary canary(keep_alive);
  SendOptions options = to(canary.url());
  options.queue_limit = 1000;
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < 10'000; ++i) exchanges.push_back(make(i % 50, i / 50));
  const Ran ran = run(std::move(options), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 10'000}}));
  EXPECT_EQ(canary.accepted(), 50u);
  EXPECT_EQ(ran.stats.lateness.count(), 10'000u);
}

TEST(Sender, SeveralTargetsShareTheConnections) {
  ScriptedCanary first(keep_alive);
  ScriptedCanary second(keep_alive);
  SendOptions options = to(first.url());
  options.targets.push_back(Target::parse(second.url()));
  std::vector<Exchange> exchanges;
  for (std::uint64_t stream = 0; stream < 64; ++stream) {
    exchanges.push_back(make(stream, 0));
    exchanges.push_back(make(stream, 1));
  }
  const Ran ran = run(std::move(options), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 128}}));
  EXPECT_GT(first.accepted(), 16u);
  EXPECT_GT(second.accepted(), 16u);
  std::map<std::uint64_t, std::size_t> target_of;
  for (const Trial& trial : ran.trials) {
    const auto [at, fresh] = target_of.emplace(trial.exchange->stream, trial.target);
    EXPECT_TRUE(fresh || at->second == trial.target);
  }
}

TEST(Sender, AFullQueueRefusesAndCounts) {
  ScriptedCanary canary(keep_alive);
  SendOptions options = to(canary.url());
  options.queue_limit = 5;
  std::size_t trials = 0;
  Sender sender(std::move(options), [&](Trial&&) { ++trials; });
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_TRUE(sender.submit(make(1, i)));
  Exchange refused = make(1, 5, "/untouched");
  EXPECT_FALSE(sender.submit(std::move(refused)));
  EXPECT_EQ(refused.request.target, "/untouched");
  expect_lawful(sender, 5);
  sender.close();
  sender.run();
  EXPECT_EQ(trials, 5u);
  EXPECT_EQ(sender.stats().queue_full, 1u);
  EXPECT_EQ(sender.stats().submitted, 6u);
  expect_lawful(sender, 0);
}

TEST(Sender, TheEndOfAnOriginalConnectionClosesTheCanarysAfterItsRequests) {
  std::atomic<int> closed{0};
  ScriptedCanary canary([&](Peer& peer) {
    keep_alive(peer);
    ++closed;
  });
  std::atomic<std::size_t> trials{0};
  Sender sender(to(canary.url()), [&](Trial&&) { ++trials; });
  std::thread loop([&] { sender.run(); });
  for (std::uint32_t i = 0; i < 3; ++i) sender.submit(make(1, i));
  sender.submit(make(2, 0));
  sender.connection_end(1);
  while (closed < 1 || trials < 4) std::this_thread::sleep_for(1ms);
  sender.submit(make(2, 1));
  while (trials < 5) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(canary.accepted(), 2u);
  sender.connection_end(2);
  while (closed < 2) std::this_thread::sleep_for(1ms);
  sender.close();
  loop.join();
}

TEST(Sender, NothingIsSentBeforeItsDeadline) {
  ScriptedCanary canary(keep_alive);
  SendOptions options = to(canary.url());
  options.schedule = {.pace = Pace::Original, .speed = 2};
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < 5; ++i) {
    exchanges.push_back(make(i, 0));
    exchanges.back().request.first_byte_ns = 1'700'000'000 * kNsPerSecond + i * 40 * kNsPerMs;
  }
  const std::uint64_t begin = monotonic_ns();
  const Ran ran = run(std::move(options), std::move(exchanges));
  EXPECT_GE(monotonic_ns() - begin, 80 * kNsPerMs);
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 5}}));
  EXPECT_EQ(ran.stats.lateness.count(), 5u);
  EXPECT_GE(ran.stats.seconds, 0.08);
}

TEST(Sender, RefusesOptionsThatCannotBe) {
  const auto refused = [](SendOptions options) {
    EXPECT_THROW(Sender(std::move(options), [](Trial&&) {}), UsageError);
  };
  refused({});
  SendOptions options = to("http://127.0.0.1:9");
  options.concurrency = 0;
  refused(options);
  options = to("http://127.0.0.1:9");
  options.schedule = {.pace = Pace::Rate, .rate = 0};
  refused(options);
}

}  // namespace
}  // namespace gray
