#include "replay/send/schedule.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kS = 1'000 * kMs;
constexpr std::uint64_t kHour = 3'600 * kS;
constexpr std::uint64_t kStart = 1'767'323'045 * kS;

struct Case {
  const char* sentence;
  ScheduleOptions options;
  std::vector<std::uint64_t> requests;  ///< after kStart
  std::vector<std::uint64_t> deadlines;
};

TEST(Schedule, Deadlines) {
  const Case cases[] = {
      {"as it was", {}, {0, 5 * kMs, 5 * kMs, 2 * kS}, {0, 5 * kMs, 5 * kMs, 2 * kS}},
      {"ten times as fast", {.speed = 10}, {0, 1 * kS, 15 * kS}, {0, 100 * kMs, 1'500 * kMs}},
      {"half as fast", {.speed = 0.5}, {0, 1 * kS, 3 * kS}, {0, 2 * kS, 6 * kS}},
      {"no third of a nanosecond is lost over time",
       {.speed = 3},
       {0, 1, 2, 3, 60 * kHour, 120 * kHour + 4},
       {0, 0, 0, 1, 20 * kHour, 40 * kHour + 1}},
      {"pauses are cut to the longest allowed",
       {.max_gap_ns = 1 * kS},
       {0, 500 * kMs, 10 * kS, 11 * kS, 20 * kS},
       {0, 500 * kMs, 1'500 * kMs, 2'500 * kMs, 3'500 * kMs}},
      {"the longest pause is one of the replay, not of the capture",
       {.speed = 10, .max_gap_ns = 1 * kS},
       {0, 10 * kS, 30 * kS},
       {0, 1 * kS, 2 * kS}},
      {"out of order keeps its place, and does not move the others",
       {},
       {0, 100 * kMs, 40 * kMs, 200 * kMs},
       {0, 100 * kMs, 40 * kMs, 200 * kMs}},
      {"older than the first is due at once", {}, {1 * kS, 0, 2 * kS}, {0, 0, 1 * kS}},
      {"out of order after a cut pause",
       {.max_gap_ns = 1 * kS},
       {0, 10 * kS, 9'900 * kMs, 10'500 * kMs},
       {0, 1 * kS, 900 * kMs, 1'500 * kMs}},
      {"a clock that steps forward by years stops the replay for a day only",
       {.speed = 1},
       {0, 1 * kS, 90'000 * kHour, 90'000 * kHour + kS},
       {0, 1 * kS, 1 * kS + 24 * kHour, 2 * kS + 24 * kHour}},
      {"a clock that steps back by days goes on from there",
       {},
       {100 * kHour, 101 * kHour, 0, 1 * kS},
       {0, 1 * kHour, 1 * kHour, 1 * kHour + kS}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.sentence);
    Schedule schedule(c.options);
    for (std::size_t i = 0; i < c.requests.size(); ++i) {
      EXPECT_EQ(schedule.deadline(kStart + c.requests[i], 0), c.deadlines[i]) << "request " << i;
    }
  }
}

TEST(Schedule, ARateIsEvenForHours) {
  Schedule schedule({.pace = Pace::Rate, .rate = 3});
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i <= 3 * 3600 * 10; ++i) last = schedule.deadline(kStart, 0);
  EXPECT_EQ(last, 10 * kHour);
}

TEST(Schedule, ThirtyDaysEndWhereTheyShould) {
  Schedule original({});
  Schedule fast({.speed = 7});
  std::uint64_t last = 0;
  std::uint64_t last_fast = 0;
  const std::uint64_t step = 17 * kS + 3;
  const std::uint64_t count = 30 * 24 * 3600 / 17;
  for (std::uint64_t i = 0; i <= count; ++i) {
    last = original.deadline(kStart + i * step, 0);
    last_fast = fast.deadline(kStart + i * step, 0);
  }
  EXPECT_EQ(last, count * step);
  EXPECT_EQ(last_fast, count * step / 7);
}

TEST(Schedule, LiveIsDueWhenItComesAndTopSpeedAtOnce) {
  Schedule live({.pace = Pace::Live});
  EXPECT_EQ(live.deadline(kStart, 7), 7u);
  EXPECT_EQ(live.deadline(kStart, 9), 9u);
  Schedule top({.pace = Pace::TopSpeed});
  EXPECT_EQ(top.deadline(kStart, 7), 0u);
  EXPECT_EQ(top.deadline(kStart + kS, 9), 0u);
}

TEST(Schedule, NothingOverflows) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  for (const double speed : {1e-300, 1e-9, 1.0, 1e300}) {
    Schedule schedule({.speed = speed});
    for (const std::uint64_t at :
         {kStart, most, std::uint64_t{0}, most, kStart, most - 1, kStart}) {
      EXPECT_LE(schedule.deadline(at, 0), Schedule::kLatestNs);
    }
  }
  Schedule slow({.pace = Pace::Rate, .rate = 1e-300});
  EXPECT_EQ(slow.deadline(0, 0), 0u);
  EXPECT_EQ(slow.deadline(0, 0), Schedule::kLatestNs);
}

TEST(Schedule, RefusesSpeedsAndRatesThatCannotBe) {
  EXPECT_THROW(Schedule({.speed = 0}), UsageError);
  EXPECT_THROW(Schedule({.speed = -1}), UsageError);
  EXPECT_THROW(Schedule({.speed = std::numeric_limits<double>::quiet_NaN()}), UsageError);
  EXPECT_THROW(Schedule({.pace = Pace::Rate}), UsageError);
  EXPECT_THROW(Schedule({.pace = Pace::Rate, .rate = std::numeric_limits<double>::infinity()}),
               UsageError);
}

}  // namespace
}  // namespace gray
