// What counts as the same request: to the canary, which may have been asked before, and to
// production, whose two answers tell what is noise. And a Judge that has both to judge by.
#include "replay/report/request_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "replay/compare/trial_for_test.h"
#include "replay/report/judge.h"

namespace gray {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

/// Asked at that second, by an exchange of its own.
Exchange asked(std::string method, Headers headers, std::uint64_t second = 1) {
  static std::uint8_t number = 0;
  Exchange exchange = *trial_of(json_response("{}"), {}).exchange;
  exchange.id.bytes = {9, ++number};
  exchange.request.method = std::move(method);
  exchange.request.headers = std::move(headers);
  exchange.request.first_byte_ns = second * kSecondNs;
  return exchange;
}

TEST(AskedBefore, ByKeyOrRequestId) {
  for (const char* name : {"Idempotency-Key", "x-idempotency-key", "X-Request-ID"}) {
    RequestMemory memory;
    EXPECT_FALSE(memory.asked_before(asked("POST", {{name, "k1"}}))) << name;
    EXPECT_TRUE(memory.asked_before(asked("POST", {{name, "k1"}}))) << name;
    EXPECT_FALSE(memory.asked_before(asked("POST", {{name, "k2"}}))) << name << ": another key";
    EXPECT_FALSE(memory.asked_before(asked("PUT", {{name, "k1"}}))) << name << ": another method";
    EXPECT_FALSE(memory.asked_before(asked("POST", {{name, ""}}))) << name << ": no key";
    EXPECT_FALSE(memory.asked_before(asked("POST", {{name, ""}}))) << name << ": no key";
    Exchange elsewhere = asked("POST", {{name, "k1"}});
    elsewhere.request.target = "/other";
    EXPECT_FALSE(memory.asked_before(elsewhere)) << name << ": another path";
    elsewhere.request.target = "/price/1?again=1";
    EXPECT_TRUE(memory.asked_before(elsewhere)) << name << ": the query is not the path";
  }
}

TEST(AskedBefore, WithinAWindowOnly) {
  constexpr std::uint64_t kWindow = RequestMemory::kWindowNs / kSecondNs;
  const Headers key{{"Idempotency-Key", "k"}};
  RequestMemory memory;
  EXPECT_FALSE(memory.asked_before(asked("POST", key, 1'000)));
  EXPECT_TRUE(memory.asked_before(asked("POST", key, 1'000 + kWindow)));
  EXPECT_FALSE(memory.asked_before(asked("POST", key, 1'001 + 2 * kWindow)));
  EXPECT_TRUE(memory.asked_before(asked("POST", key, 1'001 + kWindow))) << "answered out of order";
}

TEST(AskedBefore, WhatMayBeRepeatedIsNotARepeat) {
  RequestMemory memory;
  const Headers id{{"X-Request-Id", "r"}};
  EXPECT_FALSE(memory.asked_before(asked("GET", id)));
  EXPECT_FALSE(memory.asked_before(asked("GET", id))) << "safe: it changes nothing";
  const Exchange order = asked("POST", {});
  EXPECT_FALSE(memory.asked_before(order));
  EXPECT_TRUE(memory.asked_before(order)) << "the very exchange, in another round";
}

TEST(AskedBefore, ForgetsTheOldest) {
  RequestMemory memory;
  EXPECT_FALSE(memory.asked_before(asked("GET", {{"Idempotency-Key", "first"}})));
  for (std::size_t i = 0; i < RequestMemory::kMaxAsked; ++i)
    memory.asked_before(asked("GET", {{"Idempotency-Key", std::to_string(i)}}));
  EXPECT_FALSE(memory.asked_before(asked("GET", {{"Idempotency-Key", "first"}})));
}

TEST(PreviousAnswer, IsOfTheSameRequestByTheSameUser) {
  RequestMemory memory;
  const Headers alice{{"Cookie", "sid=alice"}, {"Accept", "*/*"}, {"X-Request-Id", "1"}};
  Exchange first = asked("GET", alice);
  first.response->body = "Alice";
  memory.remember(RequestMemory::question(first.request), std::move(first));
  const auto body = [&](const Headers& headers, const char* target = "/price/1") {
    Request request = asked("GET", headers).request;
    request.target = target;
    const Response* answer = memory.previous_answer(RequestMemory::question(request));
    return answer == nullptr ? std::string("none") : answer->body;
  };
  EXPECT_EQ(body(alice), "Alice");
  EXPECT_EQ(body({{"accept", "*/*"}, {"x-request-id", "2"}, {"cookie", "sid=alice"}}), "Alice")
      << "in any order and case; an id of one request does not count";
  EXPECT_EQ(body({{"Cookie", "sid=alice"}, {"Accept", "*/*"}, {"X-B3-TraceId", "7"}}), "Alice");
  EXPECT_EQ(body({{"Cookie", "sid=bob"}, {"Accept", "*/*"}}), "none");
  EXPECT_EQ(body({{"Accept", "*/*"}}), "none");
  EXPECT_EQ(body({{"Cookie", "sid=alice"}, {"Accept", "*/*"}, {"Range", "bytes=0-9"}}), "none");
  EXPECT_EQ(body(alice, "/price/2"), "none");
}

TEST(PreviousAnswer, KeepsABoundedNumberOfBytes) {
  RequestMemory memory;
  constexpr std::size_t kLarge = RequestMemory::kMaxAnswerBytes / 4;
  for (int i = 0; i < 8; ++i) {
    Exchange exchange = asked("GET", {{"Cookie", std::to_string(i)}});
    exchange.response->body.assign(kLarge, 'x');
    memory.remember(RequestMemory::question(exchange.request), std::move(exchange));
  }
  EXPECT_EQ(
      memory.previous_answer(RequestMemory::question(asked("GET", {{"Cookie", "0"}}).request)),
      nullptr);
  EXPECT_NE(
      memory.previous_answer(RequestMemory::question(asked("GET", {{"Cookie", "7"}}).request)),
      nullptr);
  Exchange huge = asked("GET", {});
  huge.response->body.assign(RequestMemory::kMaxAnswerBytes + 1, 'x');
  memory.remember(RequestMemory::question(huge.request), std::move(huge));
  EXPECT_EQ(memory.previous_answer(RequestMemory::question(asked("GET", {}).request)), nullptr);
}

/// Judges them in that order.
Tally judged(std::vector<Trial> trials) {
  const Scrubber scrubber = Scrubber::builtin();
  Judge judge({}, {}, scrubber, "");
  std::uint8_t number = 0;
  for (Trial& trial : trials) {
    trial.exchange->id.bytes = {7, ++number};
    trial.exchange->request.first_byte_ns += number * kSecondNs;
    judge.add(std::move(trial));
  }
  judge.finish();
  return judge.gate().tally();
}

Trial by(const std::string& user, const std::string& production, const std::string& canary) {
  Trial trial = trial_of(json_response(production), json_response(canary));
  trial.exchange->request.headers = {{"Cookie", "sid=" + user}};
  return trial;
}

TEST(Judged, WhatARepeatAnswersOtherwiseIsNoise) {
  std::vector<Trial> trials;
  for (int i = 0; i < 6; ++i)
    trials.push_back(by("alice", R"({"load":0.)" + std::to_string(i) + R"(5,"price":1})",
                        R"({"load":0.9)" + std::to_string(i) + R"(,"price":2})"));
  const Tally tally = judged(std::move(trials));
  EXPECT_EQ(tally.noise_source, NoiseSource::Repeats);
  EXPECT_EQ(tally.self_compared, 5u);
  EXPECT_FALSE(tally.by_field.contains("json.$.load"));
  EXPECT_EQ(tally.by_field.at("json.$.price"), 6u);
}

// Who mixes up users answers wrong, however much production's answers to them differ.
TEST(Judged, WhatAnotherUserIsToldIsNot) {
  std::vector<Trial> trials;
  for (int i = 0; i < 6; ++i)
    trials.push_back(i % 2 == 0 ? by("alice", R"({"name":"Alice"})", R"({"name":"Bob"})")
                                : by("bob", R"({"name":"Bob"})", R"({"name":"Alice"})"));
  const Tally tally = judged(std::move(trials));
  EXPECT_EQ(tally.self_compared, 4u);
  EXPECT_EQ(tally.different, 6u);
  EXPECT_TRUE(tally.noisy.empty());
}

TEST(Judged, AnOrderThatWasPlacedBeforeIsSaidSo) {
  std::vector<Trial> trials;
  for (int i = 0; i < 2; ++i) {
    trials.push_back(by("alice", R"({"number":"first"})",
                        i == 0 ? R"({"number":"first"})" : R"({"number":"twice"})"));
    trials.back().exchange->request.method = "POST";
    trials.back().exchange->request.headers.push_back({"Idempotency-Key", "k"});
  }
  const Tally tally = judged(std::move(trials));
  EXPECT_EQ(tally.by_cause[index_of(Cause::Repeated)], 1u);
  EXPECT_EQ(tally.by_cause[index_of(Cause::Value)], 0u);
}

TEST(Judged, NoAnswerIsTransport) {
  const Tally tally = judged({failed_trial(SendOutcome::Reset, "reset"), by("a", "{}", "{}")});
  EXPECT_EQ(tally.by_cause[index_of(Cause::Transport)], 1u);
  const CauseAt& at = tally.endpoints.at("GET /price/{n}").causes.at(Cause::Transport);
  EXPECT_EQ(at.example.field, "reset");
  EXPECT_GT(at.example.to_ns, 0u);
}

}  // namespace
}  // namespace gray
