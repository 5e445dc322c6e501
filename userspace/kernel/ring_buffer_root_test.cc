// The lending reader against a real BPF ring buffer, filled by test runs of the host program.
#include "userspace/kernel/ring_buffer.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>

#include "userspace/kernel/programs.h"
#include "userspace/kernel/ring_for_test.h"

namespace gray {
namespace {

constexpr std::uint64_t kRingBytes = 1 << 16;

class RingBufferTest : public ::testing::Test {
 protected:
  static ProgramOptions small_ring() {
    ProgramOptions options;
    options.ring_bytes = kRingBytes;
    return options;
  }

  void produce(std::uint32_t number) { produce_record(program_, number); }

  std::uint64_t ring_full() const { return program_.counters()[GRAY_RING_FULL]; }

  OnCpu pinned_{0};  // which has a ring of its own
  HostProgram program_{small_ring()};
  RingBuffer ring_{program_.ring_fds()[0]};
  std::array<RingRecord, 1024> records_;
};

TEST_F(RingBufferTest, RecordsComeInOrderWithTheirBytes) {
  EXPECT_EQ(ring_.size(), kRingBytes);
  EXPECT_TRUE(ring_.empty());
  for (std::uint32_t i = 0; i < 10; ++i) produce(i);
  EXPECT_FALSE(ring_.empty());
  ASSERT_EQ(ring_.take(std::span(records_).first(4)), 4u);
  ASSERT_EQ(ring_.take(std::span(records_).subspan(4)), 6u);
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_EQ(number_of(records_[i]), i);
  EXPECT_TRUE(ring_.empty());
  EXPECT_EQ(ring_.lent(), 10u);
}

// The program's loader has been through every page, and left records without content.
TEST_F(RingBufferTest, AllOfANewRingIsThereForFrames) {
  for (std::uint32_t round = 0; round < 3; ++round) {
    const std::uint64_t full = ring_full();
    std::uint32_t produced = 0;
    while (ring_full() == full) produce(produced++);
    const std::size_t taken = ring_.take(records_);
    ASSERT_EQ(taken, produced - 1);
    EXPECT_GT(taken * (BPF_RINGBUF_HDR_SZ + records_[0].bytes.size()), kRingBytes * 9 / 10);
    for (std::size_t i = 0; i < taken; ++i) ring_.give_back(records_[i].ticket);
  }
}

TEST_F(RingBufferTest, TheKernelGetsTheSpaceBackBehindTheOldestLentRecord) {
  std::uint32_t produced = 0;
  while (ring_full() == 0) produce(produced++);
  const std::size_t taken = ring_.take(records_);
  ASSERT_EQ(taken, produced - 1);
  for (std::size_t i = taken - 1; i > 0; --i) ring_.give_back(records_[i].ticket);
  produce(produced);
  EXPECT_EQ(ring_full(), 2u) << "the oldest is still lent";
  EXPECT_EQ(number_of(records_[0]), 0u) << "and still whole";
  ring_.give_back(records_[0].ticket);
  EXPECT_EQ(ring_.lent(), 0u);
  produce(77);
  EXPECT_EQ(ring_full(), 2u);
  ASSERT_EQ(ring_.take(records_), 1u);
  EXPECT_EQ(number_of(records_[0]), 77u);
}

TEST_F(RingBufferTest, AnyOrderOfReturnsLosesNothingOverManyRounds) {
  std::mt19937 random(7);
  std::uint32_t produced = 0;
  std::uint32_t expected = 0;
  std::vector<RingRecord> lent;
  for (int round = 0; round < 2000; ++round) {
    for (unsigned i = random() % 8; i > 0; --i) produce(produced++);
    const std::size_t count = ring_.take(std::span(records_).first(random() % 8));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(number_of(records_[i]), expected++);
      lent.push_back(records_[i]);
    }
    std::shuffle(lent.begin(), lent.end(), random);
    while (lent.size() > 16) {
      ring_.give_back(lent.back().ticket);
      lent.pop_back();
    }
    while (produced - expected > 64) {
      ASSERT_EQ(ring_.take(std::span(records_).first(1)), 1u);
      ASSERT_EQ(number_of(records_[0]), expected++);
      ring_.give_back(records_[0].ticket);
    }
  }
  EXPECT_EQ(ring_full(), 0u);
  EXPECT_GT(expected, 4000u);
}

TEST_F(RingBufferTest, ATicketGivenBackTwiceDoesNoHarm) {
  produce(1);
  produce(2);
  ASSERT_EQ(ring_.take(records_), 2u);
  ring_.give_back(records_[0].ticket);
  ring_.give_back(records_[0].ticket);
  ring_.give_back(records_[1].ticket + 100);
  EXPECT_EQ(ring_.lent(), 1u);
}

TEST(RingBuffer, AnotherKindOfMapIsRefused) {
  const int array = bpf_map_create(BPF_MAP_TYPE_ARRAY, "other", 4, 4, 1, nullptr);
  EXPECT_THROW(RingBuffer ring(array), std::system_error);
  close(array);
}

}  // namespace
}  // namespace gray
