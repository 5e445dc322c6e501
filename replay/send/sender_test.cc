#include "replay/send/sender.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

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

void keep_alive(Peer& peer) {
  SeenRequest request;
  while (peer.read(request)) peer.answer(request.line);
}

/// Answers one request with these bytes, then closes.
ScriptedCanary::Script say(std::string bytes) {
  return [bytes](Peer& peer) {
    SeenRequest request;
    if (peer.read(request)) peer.send(bytes);
  };
}

/// The same, but leaves closing to the other end.
ScriptedCanary::Script say_and_wait(std::string bytes) {
  return [bytes](Peer& peer) {
    SeenRequest request;
    if (!peer.read(request)) return;
    peer.send(bytes);
    peer.wait_closed();
  };
}

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
    const auto [at, fresh] = target_of.emplace(trial.exchange.stream, trial.target);
    EXPECT_TRUE(fresh || at->second == trial.target);
  }
}

struct Behaviour {
  const char* sentence;
  ScriptedCanary::Script script;
  Outcomes outcomes;  ///< of three requests of one connection
};

const std::string kEmpty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const std::string kLast = "HTTP/1.1 200 OK\r\nConnection: close\r\n";

std::vector<Behaviour> behaviours() {
  return {
      {"keep-alive", keep_alive, {{"answered", 3}}},
      {"closes after each, and says so",
       say(kLast + "Content-Length: 0\r\n\r\n"),
       {{"answered", 3}}},
      {"body ends with the connection", say("HTTP/1.0 200 OK\r\n\r\nall of it"), {{"answered", 3}}},
      {"chunked with trailers",
       say(kLast + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n"),
       {{"answered", 3}}},
      {"100 and 103 first",
       say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + kLast +
           "Content-Length: 0\r\n\r\n"),
       {{"answered", 3}}},
      {"switches protocols",
       say_and_wait(
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n!"),
       {{"answered", 3}}},
      {"says more than it was asked for", say_and_wait(kEmpty + kEmpty), {{"answered", 3}}},
      {"garbage", say("SSH-2.0-OpenSSH_9.2\r\n"), {{"garbage", 3}}},
      {"garbage and no end", say_and_wait(std::string(100, '\x16')), {{"garbage", 3}}},
      {"bad chunk size",
       say_and_wait("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
       {{"garbage", 3}}},
      {"endless header",
       say_and_wait("HTTP/1.1 200 OK\r\nX: " + std::string(2u << 20, 'x')),
       {{"garbage", 3}}},
      {"half a response", say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), {{"reset", 3}}},
      {"half a head", say("HTTP/1.1 200 OK\r\nContent-Le"), {{"reset", 3}}},
      {"closes without an answer", say(""), {{"reset", 3}}},
      {"closes at once", [](Peer&) {}, {{"reset", 3}}},
      {"never answers", say_and_wait(""), {{"timeout", 3}}},
      {"stops in the middle", say_and_wait("HTTP/1.1 200 OK\r\nContent-Le"), {{"timeout", 3}}},
  };
}

TEST(Sender, WhateverTheCanaryDoesIsAnOutcome) {
  for (const Behaviour& behaviour : behaviours()) {
    SCOPED_TRACE(behaviour.sentence);
    ScriptedCanary canary(behaviour.script);
    SendOptions options = to(canary.url());
    options.timeout_ns = behaviour.outcomes.contains("timeout") ? 50 * kNsPerMs : 5 * kNsPerSecond;
    const Ran ran = run(std::move(options), {make(1, 0), make(1, 1), make(1, 2)});
    EXPECT_EQ(ran.outcomes(), behaviour.outcomes);
    for (const Trial& trial : ran.trials) {
      const bool answered = trial.outcome == SendOutcome::Answered;
      EXPECT_EQ(trial.canary.has_value(), answered);
      EXPECT_EQ(trial.error.empty(), answered);
    }
    // Nothing is sent twice.
    EXPECT_LE(canary.seen().size(), 3u);
  }
}

TEST(Sender, ATrickleIsATimeout) {
  ScriptedCanary canary([](Peer& peer) {
    SeenRequest request;
    if (!peer.read(request)) return;
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send("x")) std::this_thread::sleep_for(5ms);
  });
  SendOptions options = to(canary.url());
  options.timeout_ns = 100 * kNsPerMs;
  const Ran ran = run(std::move(options), {make(1, 0)});
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"timeout", 1}}));
}

TEST(Sender, OfALongBodyOnlyTheBeginningIsKept) {
  ScriptedCanary canary([](Peer& peer) {
    SeenRequest request;
    while (peer.read(request)) peer.answer(std::string(1u << 20, 'b'));
  });
  SendOptions options = to(canary.url());
  options.max_body = 1000;
  const Ran ran = run(std::move(options), {make(1, 0), make(1, 1)});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 2}}));
  EXPECT_EQ(ran.trials[0].canary->body.size(), 1000u);
  EXPECT_EQ(ran.trials[0].canary->body_bytes, 1u << 20);
  EXPECT_TRUE(ran.trials[0].canary->truncated);
  EXPECT_EQ(canary.accepted(), 1u);
}

TEST(Sender, AnAnswerBeforeTheRequestIsWrittenCounts) {
  ScriptedCanary canary([](Peer& peer) {
    peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    std::this_thread::sleep_for(50ms);
  });
  Exchange big = make(1, 0);
  big.request.method = "POST";
  big.request.body.assign(32u << 20, 'p');
  std::vector<Exchange> exchanges;
  exchanges.push_back(std::move(big));
  const Ran ran = run(to(canary.url()), std::move(exchanges));
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}}));
  EXPECT_EQ(ran.trials[0].canary->status, 413);
}

TEST(Sender, ABigRequestIsWrittenWhole) {
  ScriptedCanary canary(keep_alive);
  Exchange big = make(1, 0);
  big.request.method = "PUT";
  big.request.body.assign(8u << 20, 'p');
  std::vector<Exchange> exchanges;
  exchanges.push_back(std::move(big));
  exchanges.push_back(make(1, 1));
  const Ran ran = run(to(canary.url()), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 2}}));
  EXPECT_EQ(canary.seen().at(0).body.size(), 8u << 20);
  EXPECT_EQ(canary.accepted(), 1u);
}

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
