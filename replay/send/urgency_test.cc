#include "replay/send/urgency.h"

#include <gtest/gtest.h>
#include <sched.h>

#include "userspace/base/clock.h"

namespace gray {
namespace {

int policy() {
  return ::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
}

TEST(Urgency, NotWantedChangesNothing) {
  const int before = policy();
  Urgency urgency(false);
  urgency.turn(kNsPerSecond, 0);
  urgency.turn(2 * kNsPerSecond, 0);
  EXPECT_FALSE(urgency.permitted());
  EXPECT_EQ(policy(), before);
}

TEST(Urgency, IsGivenBackByAThreadThatHardlySleeps) {
  const int before = policy();
  {
    Urgency urgency(true);
    if (!urgency.permitted()) GTEST_SKIP() << "no real-time priority for this user";
    EXPECT_EQ(policy(), SCHED_FIFO);
    urgency.turn(kNsPerSecond, 0);
    urgency.turn(kNsPerSecond + 60 * kNsPerMs, 5 * kNsPerMs);
    EXPECT_EQ(policy(), SCHED_OTHER);
    urgency.turn(kNsPerSecond + 120 * kNsPerMs, 40 * kNsPerMs);
    EXPECT_EQ(policy(), SCHED_FIFO);
    EXPECT_TRUE(urgency.real_time());
  }
  EXPECT_EQ(policy(), before);
}

}  // namespace
}  // namespace gray
