// One thread submits, another one takes: nothing is lost between them, whoever sleeps is woken.
#include "replay/send/intake.h"

#include <gtest/gtest.h>

#include <chrono>
#include <semaphore>
#include <thread>

namespace gray {
namespace {

using std::chrono::seconds;

std::unique_ptr<Exchange> numbered(std::uint64_t stream) {
  auto exchange = std::make_unique<Exchange>();
  exchange->stream = stream;
  return exchange;
}

std::uint64_t dropped(const SendStats& stats) {
  return stats.queue_full + stats.aborted;
}

TEST(Intake, TheLimitIsOfExchangesHoweverManyConnectionsEnd) {
  constexpr std::uint64_t kEnds = 20'000;
  Intake intake(3);
  for (std::uint64_t end = 0; end < kEnds; ++end) EXPECT_TRUE(intake.push_end(end).accepted);
  for (std::uint64_t stream = 0; stream < 3; ++stream)
    EXPECT_TRUE(intake.push(numbered(stream)).accepted);
  EXPECT_FALSE(intake.push(numbered(3)).accepted);
  EXPECT_EQ(intake.stats().queued, 3U);
  EXPECT_EQ(intake.stats().queue_full, 1U);
  std::uint64_t exchanges = 0, ends = 0;
  for (int round = 0; round < 100; ++round) {
    while (const auto taken = intake.take()) ++(taken->exchange ? exchanges : ends);
    Turn turn;
    turn.queued = exchanges;
    intake.turn(turn);
    intake.push_end(kEnds);  // room was made for those that wait
  }
  EXPECT_EQ(exchanges, 3U);
  EXPECT_GE(ends, kEnds);
}

TEST(Intake, WhatWasAcceptedIsTakenOrStandsInLine) {
  Intake intake(2);
  EXPECT_TRUE(intake.push(numbered(7)).accepted);
  EXPECT_EQ(intake.take()->stream, 7U);
  EXPECT_EQ(intake.take(), std::nullopt);
  EXPECT_TRUE(intake.push(numbered(8)).accepted);
  EXPECT_FALSE(intake.push(numbered(9)).accepted) << "the first is not sent yet";
  Turn turn;
  turn.outcomes[0] = 1;
  intake.turn(turn);
  EXPECT_TRUE(intake.push(numbered(9)).accepted);
  intake.close();
  EXPECT_FALSE(intake.push(numbered(10)).accepted);
  const SendStats stats = intake.stats();
  EXPECT_EQ(stats.submitted, 5U);
  EXPECT_EQ(stats.queued, 2U);
  EXPECT_EQ(stats.answered, 1U);
  EXPECT_EQ(dropped(stats), 2U);
}

// The loop sleeps whenever it may, so nearly each submission has to wake it.
TEST(Intake, WhoSleepsIsWoken) {
  constexpr std::uint64_t kCount = 50'000;
  Intake intake(64);
  std::binary_semaphore bell(0);
  std::uint64_t taken = 0;
  std::jthread loop([&] {
    Turn turn;
    while (true) {
      const Intake::State state = intake.turn(turn);
      std::uint64_t fresh = 0;
      while (intake.take()) ++fresh;
      turn.outcomes[0] = fresh;
      taken += fresh;
      if (fresh > 0) continue;
      if (state.closed) return;
      if (!intake.may_sleep()) continue;
      if (!bell.try_acquire_for(seconds(20))) return;
      intake.awake();
    }
  });
  for (std::uint64_t stream = 0; stream < kCount; ++stream) {
    ASSERT_TRUE(intake.wait_for_room());
    const Intake::Pushed pushed = intake.push(numbered(stream));
    ASSERT_TRUE(pushed.accepted);
    if (pushed.wake) bell.release();
  }
  intake.close();
  bell.release();
  loop.join();
  EXPECT_EQ(taken, kCount);
  EXPECT_EQ(intake.stats().queued, 0U);
}

// The end may come while something is being submitted: that is then taken, or refused, and counted.
TEST(Intake, NothingIsLostWhenTheRunIsEnded) {
  for (int round = 0; round < 100; ++round) {
    Intake intake(1'000'000);
    std::uint64_t accepted = 0, taken = 0;
    std::jthread submitter([&] {
      while (intake.push(numbered(accepted)).accepted) ++accepted;
    });
    while (taken < static_cast<std::uint64_t>(round)) taken += intake.take() ? 1 : 0;
    intake.abort();
    Turn turn;
    EXPECT_TRUE(intake.turn(turn).aborted);
    while (intake.take()) ++taken;
    submitter.join();
    ASSERT_EQ(taken, accepted);
    turn.outcomes[0] = taken;
    intake.turn(turn);
    const SendStats stats = intake.stats();
    ASSERT_EQ(stats.submitted, stats.answered + dropped(stats));
    ASSERT_EQ(stats.queued, 0U);
  }
}

}  // namespace
}  // namespace gray
