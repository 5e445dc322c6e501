#include "replay/inject/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kDay = 24 * 3600 * kSecond;
constexpr std::uint64_t kStart = 1'700'000'000 * kSecond;

FrameSchedule recorded(double speed = 1, std::uint64_t max_sleep_ns = 0) {
  return FrameSchedule({.speed = speed, .max_sleep_ns = max_sleep_ns});
}

TEST(FrameSchedule, RecordedGapsAreKeptToTheNanosecond) {
  FrameSchedule schedule = recorded();
  EXPECT_EQ(schedule.deadline(kStart, 60), 0u);
  EXPECT_EQ(schedule.deadline(kStart + 1, 60), 1u);
  EXPECT_EQ(schedule.deadline(kStart + 123'456'789, 60), 123'456'789u);
}

TEST(FrameSchedule, SpeedDividesTheWholeWayAndNotEachGap) {
  FrameSchedule schedule = recorded(3);
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i <= 1000; ++i) last = schedule.deadline(kStart + i * 10, 60);
  EXPECT_EQ(last, 3333u) << "a thousand gaps of 10/3 ns, each rounded, would be 3000";
}

TEST(FrameSchedule, ThirtyDaysOfMicrosecondsHaveNoRoundingInThem) {
  FrameSchedule schedule = recorded(1, 40 * kDay);
  schedule.deadline(kStart, 60);
  EXPECT_EQ(schedule.deadline(kStart + 30 * kDay, 60), 30 * kDay);
  EXPECT_EQ(schedule.deadline(kStart + 30 * kDay + 1, 60), 30 * kDay + 1);
}

TEST(FrameSchedule, ThirtyDaysAtAFixedRateDoNotDrift) {
  FrameSchedule schedule({.pace = FramePace::Pps, .rate = 1e6 / 3});  // 3000 ns apart
  std::uint64_t last = 0;
  for (int i = 0; i < 1'000'000; ++i) last = schedule.deadline(0, 60);
  EXPECT_EQ(last, 999'999u * 3000);
}

TEST(FrameSchedule, AFrameOutOfOrderIsDueAtOnceAndTheOthersKeepTheirTimes) {
  FrameSchedule schedule = recorded();
  schedule.deadline(kStart, 60);
  EXPECT_EQ(schedule.deadline(kStart + 1000, 60), 1000u);
  EXPECT_EQ(schedule.deadline(kStart + 400, 60), 1000u);
  EXPECT_EQ(schedule.deadline(kStart + 2000, 60), 2000u);
  EXPECT_EQ(schedule.backwards(), 1u);
  EXPECT_EQ(schedule.shortened(), 0u);
}

TEST(FrameSchedule, AClockThatWasSetBackGoesOnFromThere) {
  FrameSchedule schedule = recorded();
  schedule.deadline(kStart, 60);
  schedule.deadline(kStart + 10 * kSecond, 60);
  EXPECT_EQ(schedule.deadline(kStart + 5 * kSecond, 60), 10 * kSecond);
  EXPECT_EQ(schedule.deadline(kStart + 6 * kSecond, 60), 11 * kSecond);
  EXPECT_EQ(schedule.backwards(), 1u);
}

TEST(FrameSchedule, AnAbsurdPauseIsLeftOut) {
  FrameSchedule schedule = recorded();
  schedule.deadline(0, 60);  // a frame without a time, in front of real ones
  EXPECT_EQ(schedule.deadline(kStart, 60), 0u);
  EXPECT_EQ(schedule.deadline(kStart + 7, 60), 7u);
  EXPECT_EQ(schedule.deadline(std::numeric_limits<std::uint64_t>::max(), 60), 7u);
  EXPECT_EQ(schedule.deadline(0, 60), 7u);
  EXPECT_EQ(schedule.shortened(), 2u);
  EXPECT_EQ(schedule.backwards(), 1u);
}

TEST(FrameSchedule, MaxsleepIsInReplayTimeAndIsObeyedForAbsurdPausesToo) {
  FrameSchedule schedule = recorded(2, kSecond);
  schedule.deadline(kStart, 60);
  EXPECT_EQ(schedule.deadline(kStart + kSecond, 60), kSecond / 2);
  EXPECT_EQ(schedule.deadline(kStart + 11 * kSecond, 60), kSecond / 2 + kSecond);
  EXPECT_EQ(schedule.deadline(kStart + 400 * kDay, 60), kSecond / 2 + 2 * kSecond);
  EXPECT_EQ(schedule.shortened(), 2u);
}

TEST(FrameSchedule, NoDeadlineOverflows) {
  FrameSchedule slow = recorded(1e-9, std::numeric_limits<std::int64_t>::max());
  slow.deadline(0, 60);
  std::uint64_t last = 0;
  for (std::uint64_t i = 1; i < 100; ++i) {
    const std::uint64_t deadline = slow.deadline(i << 56, 60);
    EXPECT_GE(deadline, last);
    EXPECT_LE(deadline, FrameSchedule::kLatestNs);
    last = deadline;
  }
  FrameSchedule rare({.pace = FramePace::Pps, .rate = 1e-300});
  rare.deadline(0, 60);
  EXPECT_EQ(rare.deadline(0, 60), FrameSchedule::kLatestNs);
}

TEST(FrameSchedule, FramesASecondAreEven) {
  FrameSchedule schedule({.pace = FramePace::Pps, .rate = 1000});
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(schedule.deadline(kStart, 60), i * 1'000'000);
}

TEST(FrameSchedule, BitsASecondCountTheFramesBefore) {
  FrameSchedule schedule({.pace = FramePace::Bps, .rate = 1e9});
  EXPECT_EQ(schedule.deadline(kStart, 1250), 0u);
  EXPECT_EQ(schedule.deadline(kStart, 125), 10'000u);
  EXPECT_EQ(schedule.deadline(kStart, 60), 11'000u);
}

TEST(FrameSchedule, TopSpeedIsDueAtOnce) {
  FrameSchedule schedule({.pace = FramePace::TopSpeed});
  EXPECT_EQ(schedule.deadline(kStart, 60), 0u);
  EXPECT_EQ(schedule.deadline(kStart + kSecond, 60), 0u);
}

TEST(FrameSchedule, RoundsFollowAtTheMeanGap) {
  FrameSchedule schedule = recorded();
  schedule.deadline(kStart, 60);
  schedule.deadline(kStart + 100, 60);
  EXPECT_EQ(schedule.deadline(kStart + 400, 60), 400u);
  schedule.next_round();
  EXPECT_EQ(schedule.deadline(kStart, 60), 600u);
  EXPECT_EQ(schedule.deadline(kStart + 100, 60), 700u);
  EXPECT_EQ(schedule.deadline(kStart + 400, 60), 1000u);
  schedule.next_round();
  EXPECT_EQ(schedule.deadline(kStart, 60), 1200u);
  EXPECT_EQ(schedule.backwards(), 0u);
}

TEST(FrameSchedule, ARoundOfOneFrameHasNoGap) {
  FrameSchedule schedule = recorded();
  EXPECT_EQ(schedule.deadline(kStart, 60), 0u);
  schedule.next_round();
  EXPECT_EQ(schedule.deadline(kStart, 60), 0u);
}

TEST(FrameSchedule, RoundsAtARateGoOnEvenly) {
  FrameSchedule schedule({.pace = FramePace::Pps, .rate = 1e9});
  schedule.deadline(5, 60);
  schedule.next_round();
  EXPECT_EQ(schedule.deadline(5, 60), 1u);
}

TEST(FrameSchedule, WhatIsNoPaceIsTheUsersMistake) {
  EXPECT_THROW(recorded(0), UsageError);
  EXPECT_THROW(recorded(-1), UsageError);
  EXPECT_THROW(recorded(std::nan("")), UsageError);
  EXPECT_THROW(FrameSchedule({.pace = FramePace::Pps}), UsageError);
  EXPECT_THROW(FrameSchedule({.pace = FramePace::Bps, .rate = -1}), UsageError);
}

}  // namespace
}  // namespace gray
