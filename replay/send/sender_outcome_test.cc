// Whatever a canary answers is an outcome: well-behaved ones, odd ones, slow ones.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "replay/send/scripted_canary.h"
#include "replay/send/sender.h"
#include "replay/send/sender_for_test.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

using Peer = ScriptedCanary::Peer;
using namespace std::chrono_literals;

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

}  // namespace
}  // namespace gray
