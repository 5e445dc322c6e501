#include "userspace/base/utc_clock.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "userspace/base/clock.h"

namespace gray {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kMidnight = 1'798'761'600 * kSecond;  // 2027-01-01 00:00:00 UTC

/// One counter and the offsets that the kernel keeps.
class FakeClocks final : public SystemClocks {
 public:
  Reading read() const noexcept override {
    const auto at = [this](std::int64_t offset) {
      return static_cast<std::uint64_t>(monotonic + offset);
    };
    return {at(0), at(to_utc + leaps), at(to_utc), at(40)};
  }
  std::uint64_t stamp() const { return static_cast<std::uint64_t>(monotonic + to_utc + leaps); }

  std::int64_t monotonic = 1000 * kSecond;
  std::int64_t to_utc = kMidnight - 100 * kSecond - monotonic;
  std::int64_t leaps = 37 * kSecond;  // CLOCK_TAI less CLOCK_REALTIME
};

/// A frame each ms, looked at in batches of 20, `event` at one of them: each frame's UTC less the
/// time that really went by.
std::vector<std::int64_t> deviations(FakeClocks& clocks, std::int64_t frames, std::int64_t at,
                                     const std::function<void()>& event) {
  UtcFromTai clock(clocks);
  const std::int64_t start = clocks.monotonic;
  const std::int64_t start_utc = clocks.monotonic + clocks.to_utc;
  std::vector<std::uint64_t> stamps;
  std::vector<std::int64_t> elapsed;
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < frames; ++i) {
    if (i == at) event();
    stamps.push_back(clocks.stamp());
    elapsed.push_back(clocks.monotonic - start);
    clocks.monotonic += kMs;
    if (stamps.size() < 20) continue;
    clock.look();
    for (std::size_t k = 0; k < stamps.size(); ++k)
      result.push_back(static_cast<std::int64_t>(clock.utc(stamps[k])) - start_utc - elapsed[k]);
    stamps.clear();
    elapsed.clear();
  }
  return result;
}

/// How many frames are off by more than a clock reading's own error.
std::size_t moved(const std::vector<std::int64_t>& deviations) {
  std::size_t count = 0;
  for (const std::int64_t ns : deviations) count += std::abs(ns) > 1000;
  return count;
}

TEST(UtcClock, IsUtcAsTheKernelHasIt) {
  UtcFromTai clock;
  clock.look();
  const SystemClocks::Reading now = SystemClocks::kernel().read();
  const auto off = static_cast<std::int64_t>(clock.utc(now.tai) - now.utc);
  EXPECT_LT(std::abs(off), 100 * kMs);
}

TEST(UtcClock, ASteppedClockMovesNoFrame) {
  for (const std::int64_t step : {kSecond / 50, kSecond / 2, 3600 * kSecond}) {
    for (const std::int64_t sign : {1, -1}) {
      for (const std::int64_t at : {100, 107, 119}) {
        FakeClocks clocks;
        const auto off = deviations(clocks, 20'000, at, [&] { clocks.to_utc += sign * step; });
        EXPECT_EQ(moved(off), 0u) << sign * step << " at " << at;
      }
    }
  }
}

TEST(UtcClock, AStepWithinABatchKeepsTheOrder) {
  // Less than what lies between two looks: it cannot be told apart, but costs no order.
  for (const std::int64_t step : {5 * kMs, -5 * kMs, kMs / 2}) {
    FakeClocks clocks;
    const auto off = deviations(clocks, 7000, 107, [&] { clocks.to_utc += step; });
    for (std::size_t i = 0; i < off.size(); ++i) {
      EXPECT_LE(std::abs(off[i]), std::abs(step) + 1000) << i;
      if (i > 0) {
        EXPECT_GE(off[i] - off[i - 1], -kMs) << "back in time at " << i;
      }
    }
    EXPECT_LE(std::abs(off.back()), 1000);
  }
}

TEST(UtcClock, ATaiOffsetSetLateMovesNoFrame) {
  FakeClocks clocks;
  clocks.leaps = 0;
  const auto off = deviations(clocks, 20'000, 107, [&] { clocks.leaps = 37 * kSecond; });
  EXPECT_EQ(moved(off), 0u);
}

TEST(UtcClock, ALeapSecondIsPutInAtMidnight) {
  FakeClocks clocks;
  // The kernel leaps 3 ms late, in the middle of a batch.
  const std::int64_t midnight = 100 * 1000;
  const auto off = deviations(clocks, 120'000, midnight + 3, [&] {
    clocks.to_utc -= kSecond;
    clocks.leaps += kSecond;
  });
  for (std::size_t i = 0; i < off.size(); ++i)
    ASSERT_EQ(off[i], static_cast<std::int64_t>(i) < midnight ? 0 : -kSecond) << i;
}

TEST(UtcClock, ALeapSecondIsLeftOutAMomentBeforeMidnight) {
  FakeClocks clocks;
  const std::int64_t last_second = 99 * 1000;
  const auto off = deviations(clocks, 120'000, last_second + 3, [&] {
    clocks.to_utc += kSecond;
    clocks.leaps -= kSecond;
  });
  for (std::size_t i = 0; i < off.size(); ++i)
    ASSERT_EQ(off[i], static_cast<std::int64_t>(i) < last_second ? 0 : kSecond) << i;
}

}  // namespace
}  // namespace gray
