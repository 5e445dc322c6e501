#include "userspace/capture/ring_wait.h"

#include <gtest/gtest.h>

namespace gray {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kRing = 10'000;
constexpr milliseconds kIdle{50};

/// Looks once a millisecond for 20 ms at a ring that gets `frames` each time.
void look_on(RingWait& wait, std::size_t frames, std::uint64_t& now) {
  for (int i = 0; i < 20; ++i) wait.looked(frames, now += kNsPerMs);
}

TEST(RingWait, NapsAtFirstWhileTheRingBridgesATenthOfASecond) {
  RingWait wait(milliseconds(1), kRing);
  std::uint64_t now = kNsPerSecond;
  look_on(wait, 99, now);
  EXPECT_FALSE(wait.awake());
  EXPECT_EQ(wait.timeout(kIdle), kIdle);
}

TEST(RingWait, StaysAwakeAboveThatAndNapsAgainBelow) {
  RingWait wait(milliseconds(1), kRing);
  std::uint64_t now = kNsPerSecond;
  look_on(wait, 101, now);
  EXPECT_TRUE(wait.awake());
  EXPECT_EQ(wait.timeout(kIdle), milliseconds(0));
  look_on(wait, 0, now);
  EXPECT_FALSE(wait.awake());
}

TEST(RingWait, LearnsHowLateItIsWoken) {
  RingWait wait(milliseconds(1), kRing);
  std::uint64_t now = kNsPerSecond;
  for (int i = 0; i < 1000; ++i) look_on(wait, 0, now);  // 20 s without a late one
  look_on(wait, 180, now);
  EXPECT_FALSE(wait.awake()) << "55 ms are enough";
  wait.woken(12 * kNsPerMs);
  look_on(wait, 180, now);
  EXPECT_TRUE(wait.awake());
  look_on(wait, 150, now);
  EXPECT_FALSE(wait.awake()) << "66 ms are 5 times 12";
  for (int i = 0; i < 1000; ++i) look_on(wait, 0, now);
  look_on(wait, 220, now);
  EXPECT_TRUE(wait.awake()) << "never with less than 50 ms";
}

TEST(RingWait, NapsAtAnyRateWhenTheRingIsNotKnown) {
  RingWait wait(milliseconds(1), 0);
  std::uint64_t now = kNsPerSecond;
  look_on(wait, 1'000'000, now);
  EXPECT_FALSE(wait.awake());
}

}  // namespace
}  // namespace gray
