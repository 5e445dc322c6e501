// The rings of several CPUs read as one, filled by test runs of the host program on those CPUs.
#include "userspace/kernel/ring_group.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <thread>

#include "userspace/kernel/ring_for_test.h"

namespace gray {
namespace {

using std::chrono::milliseconds;

class ClockOfTest final : public Clock {
 public:
  std::uint64_t now_ns() const noexcept override { return now; }
  void stop(std::uint64_t ns_ago) { now = TaiClock().now_ns() - ns_ago; }
  void go_on() { now = ~std::uint64_t{0}; }
  std::uint64_t now = ~std::uint64_t{0};  // long after all that was produced
};

class RingGroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (program_.ring_fds().size() < 2 || std::thread::hardware_concurrency() < 2)
      GTEST_SKIP() << "needs two CPUs";
  }

  void produce(unsigned cpu, std::uint32_t number) {
    const OnCpu pinned(cpu);
    produce_record(program_, number);
  }

  std::size_t take() { return group_.take(records_); }

  HostProgram program_{ProgramOptions{}};
  ClockOfTest clock_;
  RingGroup group_{program_.ring_fds(), clock_};
  std::array<RingRecord, 256> records_;
};

TEST_F(RingGroupTest, RecordsOfTwoCpusComeByTime) {
  std::mt19937 random(3);
  for (std::uint32_t i = 0; i < 200; ++i) produce(random() % 2, i);
  ASSERT_EQ(take(), 200u);
  for (std::uint32_t i = 0; i < 200; ++i) EXPECT_EQ(number_of(records_[i]), i);
  EXPECT_TRUE(group_.empty());
  for (const RingRecord& record : std::span(records_).first(200)) group_.give_back(record.ticket);
  EXPECT_EQ(take(), 0u);
}

TEST_F(RingGroupTest, EveryRecordGoesBackToItsOwnRing) {
  HostProgram small(ProgramOptions{.ring_bytes = 1 << 16});
  RingGroup group(small.ring_fds(), clock_);
  std::uint32_t next = 0;
  for (std::uint32_t number = 0; number < 4000; ++number) {
    {
      const OnCpu pinned(number % 2);
      produce_record(small, number);
    }
    const std::size_t count = group.take(records_);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(number_of(records_[i]), next++);
      group.give_back(records_[i].ticket);
    }
  }
  EXPECT_EQ(next, 4000u);
  EXPECT_EQ(small.counters()[GRAY_RING_FULL], 0u);
}

TEST_F(RingGroupTest, WhatIsYoungWaitsWhileAnotherRingIsEmpty) {
  clock_.stop(0);
  produce(0, 1);
  produce(0, 3);
  EXPECT_EQ(take(), 0u);
  EXPECT_FALSE(group_.empty());
  // No longer than the other ring is empty: this is later, so the first may go.
  produce(1, 4);
  EXPECT_EQ(take(), 2u);
  EXPECT_EQ(number_of(records_[0]), 1u);
  EXPECT_EQ(number_of(records_[1]), 3u);
  clock_.go_on();
  EXPECT_EQ(take(), 1u);
  EXPECT_EQ(number_of(records_[0]), 4u);
}

TEST_F(RingGroupTest, AClosedGroupHoldsNothingBack) {
  clock_.stop(0);
  produce(1, 1);
  EXPECT_EQ(take(), 0u);
  group_.close();
  EXPECT_EQ(take(), 1u);
}

TEST_F(RingGroupTest, AClockThatIsSetBackStopsNothing) {
  clock_.stop(3600 * kNsPerSecond);
  produce(0, 1);
  EXPECT_EQ(take(), 1u);
}

TEST_F(RingGroupTest, WaitEndsWithARecordOrAfterItsTime) {
  const std::uint64_t start = monotonic_ns();
  group_.wait(milliseconds(30));
  EXPECT_GE(monotonic_ns() - start, 30 * kNsPerMs);
  produce(1, 1);
  group_.wait(milliseconds(60'000));
  ASSERT_EQ(take(), 1u);
  // With the record still lent: waiting must neither spin nor end early.
  const std::uint64_t again = monotonic_ns();
  group_.wait(milliseconds(30));
  EXPECT_GE(monotonic_ns() - again, 30 * kNsPerMs);
}

TEST_F(RingGroupTest, WaitSleepsOverWhatIsHeldBack) {
  clock_.stop(0);
  produce(0, 1);
  ASSERT_EQ(take(), 0u);
  const std::uint64_t start = monotonic_ns();
  group_.wait(milliseconds(60'000));
  EXPECT_GE(monotonic_ns() - start, RingGroup::kSettleNs);
  clock_.go_on();
  EXPECT_EQ(take(), 1u);
}

TEST(RingGroup, NoRingsAreRefused) {
  const TaiClock clock;
  EXPECT_THROW(RingGroup(std::span<const int>{}, clock), std::system_error);
}

}  // namespace
}  // namespace gray
