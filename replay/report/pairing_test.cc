// The canary's and the baseline's trials of one exchange find each other, in any order, and nothing
// waits for ever.
#include "replay/report/pairing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "replay/compare/trial_for_test.h"

namespace gray {
namespace {

Trial numbered(std::uint64_t number, const std::string& from, std::uint64_t stream = 0) {
  Trial trial = trial_of(json_response("{}"), json_response(from));
  std::memcpy(trial.exchange->id.bytes.data(), &number, sizeof(number));
  trial.exchange->stream = stream;
  return trial;
}

std::uint64_t number_of(const Trial& trial) {
  std::uint64_t number = 0;
  std::memcpy(&number, trial.exchange->id.bytes.data(), sizeof(number));
  return number;
}

std::vector<Pairing::Pair> rest_of(Pairing& pairing) {
  std::vector<Pairing::Pair> rest;
  while (auto pair = pairing.take_rest()) rest.push_back(std::move(*pair));
  return rest;
}

TEST(Pairing, EitherMayComeFirst) {
  for (const bool baseline_first : {false, true}) {
    Pairing pairing;
    EXPECT_FALSE(pairing.add(numbered(1, baseline_first ? "b" : "c"), baseline_first));
    EXPECT_FALSE(pairing.add(numbered(2, baseline_first ? "b2" : "c2"), baseline_first));
    const auto pair = pairing.add(numbered(1, baseline_first ? "c" : "b"), !baseline_first);
    ASSERT_TRUE(pair && pair->baseline);
    EXPECT_EQ(number_of(pair->canary), 1u);
    EXPECT_EQ(number_of(*pair->baseline), 1u);
    EXPECT_EQ(pair->canary.canary->body, "c");
    EXPECT_EQ(pair->baseline->canary->body, "b");
  }
}

TEST(Pairing, ABaselineThatTimedOutIsAPairAllTheSame) {
  Pairing pairing;
  EXPECT_FALSE(pairing.add(numbered(1, "c"), false));
  Trial late = failed_trial(SendOutcome::Timeout, "no answer in 5s");
  late.exchange = numbered(1, "").exchange;
  const auto pair = pairing.add(std::move(late), true);
  ASSERT_TRUE(pair && pair->baseline);
  EXPECT_EQ(pair->baseline->outcome, SendOutcome::Timeout);
  EXPECT_FALSE(pair->baseline->canary);
  EXPECT_TRUE(rest_of(pairing).empty());
}

TEST(Pairing, AMissingBaselineLeavesTheCanarysForTheEnd) {
  Pairing pairing;
  for (std::uint64_t number = 1; number <= 3; ++number)
    EXPECT_FALSE(pairing.add(numbered(number, "c"), false));
  EXPECT_FALSE(pairing.add(numbered(9, "b"), true));  // its canary's trial never came
  EXPECT_TRUE(pairing.add(numbered(2, "b"), true));
  const auto rest = rest_of(pairing);
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(number_of(rest[0].canary), 1u);
  EXPECT_EQ(number_of(rest[1].canary), 3u);
  EXPECT_FALSE(rest[0].baseline || rest[1].baseline);
  EXPECT_TRUE(rest_of(pairing).empty());
}

// Two runs of one recording judge in one order, whatever was answered first.
TEST(Pairing, TheRestComesInTheOrderOfItsTime) {
  std::mt19937_64 random(1);
  for (int run = 0; run < 20; ++run) {
    std::vector<Trial> trials;
    for (std::uint64_t number = 1; number <= 50; ++number) {
      Trial trial = numbered(number * 0x9e3779b97f4a7c15, "c", number % 3);
      trial.exchange->request.first_byte_ns = number / 4;  // some at once
      trial.exchange->position = static_cast<std::uint32_t>(number);
      trials.push_back(std::move(trial));
    }
    std::shuffle(trials.begin(), trials.end(), random);
    Pairing pairing;
    for (Trial& trial : trials) EXPECT_FALSE(pairing.add(std::move(trial), false));
    const auto rest = rest_of(pairing);
    ASSERT_EQ(rest.size(), 50u);
    const auto when = [](const Pairing::Pair& pair) {
      const Exchange& exchange = *pair.canary.exchange;
      return std::tuple(exchange.request.first_byte_ns, exchange.stream, exchange.position);
    };
    for (std::size_t i = 1; i < rest.size(); ++i) EXPECT_LT(when(rest[i - 1]), when(rest[i]));
  }
}

TEST(Pairing, ARoundOfALoopHasItsOwnConnection) {
  Pairing pairing;
  EXPECT_FALSE(pairing.add(numbered(1, "c1", 1), false));
  EXPECT_FALSE(pairing.add(numbered(1, "c2", 2), false));
  const auto second = pairing.add(numbered(1, "b2", 2), true);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->canary.canary->body, "c2");
}

// Both sides ask the same again while the first is still without its half: none is lost.
TEST(Pairing, TheSameTwiceFromTheCanaryIsJudgedTwice) {
  Pairing pairing;
  EXPECT_FALSE(pairing.add(numbered(1, "first"), false));
  const auto again = pairing.add(numbered(1, "again"), false);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->baseline);
  EXPECT_EQ(again->canary.canary->body, "again");
  EXPECT_EQ(rest_of(pairing).size(), 1u);
}

TEST(Pairing, WaitsForABoundedNumberOnly) {
  Pairing pairing;
  constexpr std::uint64_t kAll = 3 * Pairing::kMaxWaiting;
  std::set<std::uint64_t> judged;
  for (std::uint64_t number = 1; number <= kAll; ++number) {
    const auto pair = pairing.add(numbered(number, "c"), false);
    EXPECT_EQ(pair.has_value(), number > Pairing::kMaxWaiting) << number;
    if (!pair) continue;
    EXPECT_FALSE(pair->baseline);
    EXPECT_EQ(number_of(pair->canary), number - Pairing::kMaxWaiting) << "the oldest goes first";
    judged.insert(number_of(pair->canary));
  }
  // A baseline that comes too late waits in vain, and pushes out the oldest like any other.
  const auto pushed = pairing.add(numbered(1, "b"), true);
  ASSERT_TRUE(pushed);
  EXPECT_FALSE(pushed->baseline);
  judged.insert(number_of(pushed->canary));
  for (const auto& pair : rest_of(pairing)) judged.insert(number_of(pair.canary));
  EXPECT_EQ(judged.size(), kAll);
}

TEST(Pairing, OfBaselinesAloneKeepsABoundedNumberToo) {
  Pairing pairing;
  for (std::uint64_t number = 1; number <= 3 * Pairing::kMaxWaiting; ++number)
    EXPECT_FALSE(pairing.add(numbered(number, "b"), true));
  EXPECT_FALSE(pairing.add(numbered(1, "c"), false)) << "the first baseline should be gone";
  EXPECT_TRUE(pairing.add(numbered(3 * Pairing::kMaxWaiting, "c"), false));
  EXPECT_EQ(rest_of(pairing).size(), 1u);
}

}  // namespace
}  // namespace gray
