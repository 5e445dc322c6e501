// Canaries that are not there, go away or come back; an end that comes early.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "replay/send/scripted_canary.h"
#include "replay/send/sender.h"
#include "replay/send/sender_for_test.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

using Peer = ScriptedCanary::Peer;
using namespace std::chrono_literals;

TEST(Sender, ARefusedTargetFailsFast) {
  std::string url;
  {
    const ScriptedCanary closed(keep_alive);
    url = closed.url();
  }
  for (const Order order : {Order::Connection, Order::Global, Order::None}) {
    std::vector<Exchange> exchanges;
    for (std::uint32_t i = 0; i < 2000; ++i) exchanges.push_back(make(i % 10, i));
    const Ran ran = run(to(url, order), std::move(exchanges));
    EXPECT_EQ(ran.outcomes(), (Outcomes{{"connect", 2000}}));
    EXPECT_EQ(ran.stats.lateness.count(), 0u);
  }
}

TEST(Sender, ATargetThatComesBackIsFoundAgain) {
  auto canary = std::make_unique<ScriptedCanary>(keep_alive);
  const std::uint16_t port = canary->port();
  const std::string url = canary->url();
  canary.reset();
  std::atomic<int> refused{0};
  std::atomic<int> answered{0};
  Sender sender(to(url), [&](Trial&& trial) {
    ++(trial.outcome == SendOutcome::Answered ? answered : refused);
  });
  std::thread loop([&] { sender.run(); });
  for (std::uint32_t i = 0; i < 100; ++i) sender.submit(make(i, 0));
  while (refused < 100) std::this_thread::sleep_for(1ms);
  ScriptedCanary back(keep_alive, port);
  std::this_thread::sleep_for(50ms);
  for (std::uint32_t i = 0; i < 10; ++i) {
    sender.submit(make(i, 1));
    while (answered + refused < 101 + static_cast<int>(i)) std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(answered, 10);
  sender.close();
  loop.join();
}

TEST(Sender, ATargetThatDoesNotAcceptIsAFailedConnection) {
  const Fd listener(check_errno(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "open a socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof(address);
  check_errno(::bind(listener.get(), generic, length), "bind");
  check_errno(::listen(listener.get(), 0), "listen");
  check_errno(::getsockname(listener.get(), generic, &length), "getsockname");
  // Fills the backlog: from now on SYNs are not answered.
  std::vector<Fd> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(fillers.back().get(), generic, length);
  }
  SendOptions options = to("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  options.timeout_ns = 50 * kNsPerMs;
  const Ran ran = run(std::move(options), {make(1, 0), make(2, 0), make(3, 0)});
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"connect", 3}}));
  EXPECT_NE(ran.trials[0].error.find("no answer within 50"), std::string::npos);
}

TEST(Sender, RaisesTheLimitOfOpenFiles) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  if (before.rlim_max != RLIM_INFINITY && before.rlim_max < 1024) {
    GTEST_SKIP() << "the hard limit is too low";
  }
  rlimit low = before;
  low.rlim_cur = 300;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  SendOptions options = to("http://127.0.0.1:9");
  options.concurrency = 500;
  const Sender sender(std::move(options), [](Trial&&) {});
  rlimit after{};
  ::getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_GE(after.rlim_cur, 500u);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST(Sender, AConnectionClosedBetweenRequestsIsReplaced) {
  ScriptedCanary canary([](Peer& peer) {
    SeenRequest request;
    if (peer.read(request)) peer.answer("");
  });
  std::atomic<std::size_t> answered{0};
  Sender sender(to(canary.url()), [&](Trial&& trial) {
    EXPECT_EQ(trial.outcome, SendOutcome::Answered) << trial.error;
    ++answered;
  });
  std::thread loop([&] { sender.run(); });
  for (std::uint32_t i = 0; i < 10; ++i) {
    sender.submit(make(1, i));
    while (answered <= i || canary.open() > 0) std::this_thread::sleep_for(1ms);
  }
  sender.close();
  loop.join();
  EXPECT_EQ(canary.accepted(), 10u);
}

// The thread of the loop itself is held up: what the canary says meanwhile lies in the sockets.
TEST(Sender, WhatWasAnsweredInTimeIsNoTimeoutWhenTheSenderIsLate) {
  constexpr int kStreams = 150;
  std::atomic<int> asked{0};
  ScriptedCanary canary([&](Peer& peer) {
    SeenRequest request;
    if (!peer.read(request)) return;
    ++asked;
    while (asked < kStreams) std::this_thread::sleep_for(1ms);
    peer.answer("");
    peer.wait_closed();
  });
  SendOptions options = to(canary.url());
  Outcomes outcomes;
  Sender sender(std::move(options), [&](Trial&& trial) {
    if (outcomes.empty()) std::this_thread::sleep_for(2100ms);
    ++outcomes[to_string(trial.outcome)];
  });
  for (std::uint32_t i = 0; i < kStreams; ++i) sender.submit(make(i, 0));
  sender.close();
  sender.run();
  EXPECT_EQ(outcomes, (Outcomes{{"answered", kStreams}}));
}

TEST(Sender, AKilledCanaryEndsTheRunByItself) {
  for (const Order order : {Order::Connection, Order::Global, Order::None}) {
    std::atomic<int> answered{0};
    ScriptedCanary canary([&](Peer& peer) {
      SeenRequest request;
      while (peer.read(request)) {
        peer.answer("");
        ++answered;
      }
    });
    std::thread killer([&] {
      while (answered < 1000) std::this_thread::sleep_for(100us);
      canary.kill();
    });
    std::vector<Exchange> exchanges;
    for (std::uint32_t i = 0; i < 20'000; ++i) exchanges.push_back(make(i % 20, i));
    SendOptions options = to(canary.url(), order);
    // Not what this is about, and on a busy machine 2 s without an answer do happen.
    options.timeout_ns = 60 * kNsPerSecond;
    const Ran ran = run(std::move(options), std::move(exchanges));
    killer.join();
    EXPECT_GE(ran.stats.answered, 980u);
    EXPECT_GT(ran.stats.connect, 0u);
    EXPECT_EQ(ran.stats.answered + ran.stats.reset + ran.stats.connect, 20'000u)
        << testing::PrintToString(ran.outcomes());
  }
}

TEST(Sender, WhatCouldInjectIsNeverSent) {
  ScriptedCanary canary(keep_alive);
  Exchange bad = make(1, 1);
  bad.request.headers.push_back({"X", "a\r\nInjected: 1"});
  std::vector<Exchange> exchanges;
  exchanges.push_back(make(1, 0));
  exchanges.push_back(std::move(bad));
  exchanges.push_back(make(1, 2));
  const Ran ran = run(to(canary.url()), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 2}, {"unsendable", 1}}));
  EXPECT_EQ(canary.seen().size(), 2u);
}

TEST(Sender, AbortGivesEveryExchangeItsTrial) {
  ScriptedCanary canary([](Peer& peer) {
    SeenRequest request;
    if (peer.read(request)) peer.wait_closed();
  });
  SendOptions options = to(canary.url());
  options.timeout_ns = 60 * kNsPerSecond;
  std::size_t trials = 0;
  Sender sender(std::move(options), [&](Trial&& trial) {
    EXPECT_EQ(trial.outcome, SendOutcome::Aborted);
    EXPECT_FALSE(trial.error.empty());
    ++trials;
  });
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_TRUE(sender.submit(make(i % 10, i)));
  std::thread loop([&] { sender.run(); });
  while (canary.seen().size() < 10) std::this_thread::sleep_for(1ms);
  expect_lawful(sender, 100);
  sender.abort();
  loop.join();
  EXPECT_EQ(trials, 100u);
  EXPECT_FALSE(sender.submit(make(1, 0)));
  EXPECT_FALSE(sender.wait_for_room());
  EXPECT_EQ(sender.stats().aborted, 101u);
  expect_lawful(sender, 0);
}

}  // namespace
}  // namespace gray
