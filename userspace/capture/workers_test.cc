#include "userspace/capture/workers.h"

#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <set>
#include <stdexcept>
#include <thread>

#include "userspace/base/clock.h"

namespace gray {
namespace {

using std::chrono::milliseconds;

// Hands out frames whose cookie counts up; checks that no more than `limit` are lent at a time and
// that each comes back once.
class CountingSource final : public Source {
 public:
  CountingSource(std::uint64_t count, std::size_t limit) : count_(count), limit_(limit) {}

  std::size_t receive(std::span<Frame> out, milliseconds timeout) override {
    std::size_t n = 0;
    while (n < out.size() && next_ < count_ && lent_.size() < limit_) {
      out[n] = Frame{.bytes = bytes_, .time_ns = 0};
      out[n].cookie = next_;
      lent_.insert(next_++);
      ++n;
    }
    if (n == 0) std::this_thread::sleep_for(std::min(timeout, milliseconds(1)));
    return n;
  }
  void recycle(std::span<const Frame> frames) noexcept override {
    for (const Frame& frame : frames) twice_ += lent_.erase(frame.cookie) == 1 ? 0 : 1;
  }
  void stop() noexcept override { stopped_ = true; }
  bool ended() const noexcept override { return next_ == count_ || stopped_; }
  std::span<const Interface> interfaces() const noexcept override { return {}; }

  std::uint64_t twice() const { return twice_; }
  std::uint64_t given_out() const { return next_; }

 private:
  const std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(60);
  const std::uint64_t count_;
  const std::size_t limit_;
  std::atomic<std::uint64_t> next_{0};
  std::set<std::uint64_t> lent_;
  std::atomic<std::uint64_t> twice_{0};
  std::atomic<bool> stopped_{false};
};

// Checks that cookies of one source come in order.
class OrderConsumer final : public FrameConsumer {
 public:
  explicit OrderConsumer(milliseconds pause = milliseconds(0)) : pause_(pause) {}

  void consume(std::span<const Frame> frames) noexcept override {
    for (const Frame& frame : frames) {
      if (total > 0 && frame.cookie <= last_) disordered_ = true;
      last_ = frame.cookie;
      ++total;
    }
    if (pause_.count() > 0) std::this_thread::sleep_for(pause_);
  }
  void tick() noexcept override { ++ticks; }

  bool disordered() const { return disordered_; }
  std::uint64_t total = 0;
  std::atomic<int> ticks{0};

 private:
  milliseconds pause_;
  std::uint64_t last_ = 0;
  bool disordered_ = false;
};

std::vector<std::unique_ptr<Source>> sources(std::vector<std::uint64_t> counts, std::size_t limit) {
  std::vector<std::unique_ptr<Source>> result;
  for (const std::uint64_t count : counts)
    result.push_back(std::make_unique<CountingSource>(count, limit));
  return result;
}

TEST(Workers, EveryFrameGoesThroughInOrderAndComesBackOnce) {
  const auto from = sources({300'000}, 1024);
  OrderConsumer consumer;
  Workers workers(from, consumer);
  const std::atomic<bool> stop{false};
  workers.run(stop);
  EXPECT_EQ(consumer.total, 300'000u);
  EXPECT_FALSE(consumer.disordered());
  EXPECT_EQ(static_cast<CountingSource&>(*from[0]).twice(), 0u);
  Ledger ledger;
  workers.account(ledger);
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.lost(), 0u);
  EXPECT_EQ(ledger.stages()[0].in, 300'000u);
}

TEST(Workers, SeveralSourcesAreConsumedToTheirEnds) {
  const auto from = sources({50'000, 1, 0, 20'000}, 4096);
  OrderConsumer consumer;
  Workers workers(from, consumer);
  const std::atomic<bool> stop{false};
  workers.run(stop);
  EXPECT_EQ(consumer.total, 70'001u);
  EXPECT_EQ(workers.queued(), 0u);
}

TEST(Workers, ALateConsumerCostsCountedFramesAndNoMore) {
  const auto from = sources({200'000}, 1 << 20);
  OrderConsumer consumer(milliseconds(1));
  Workers workers(from, consumer);
  const std::atomic<bool> stop{false};
  workers.run(stop);
  Ledger ledger;
  workers.account(ledger);
  EXPECT_TRUE(ledger.balanced());
  EXPECT_GT(ledger.drop("queue", "queue_full"), 0u);
  EXPECT_EQ(ledger.drop("queue", "queue_full") + consumer.total, 200'000u);
  EXPECT_FALSE(consumer.disordered());
  EXPECT_EQ(static_cast<CountingSource&>(*from[0]).twice(), 0u);
}

TEST(Workers, StopEndsRunAndASecondRunDrains) {
  const auto from = sources({~std::uint64_t{0}}, 4096);
  OrderConsumer consumer;
  Workers workers(from, consumer);
  std::atomic<bool> stop{false};
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(100));
    stop = true;
  });
  workers.run(stop);
  stopper.join();
  from[0]->stop();
  const std::atomic<bool> never{false};
  workers.run(never);
  Ledger ledger;
  workers.account(ledger);
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.stages()[0].held, 0u);
  EXPECT_EQ(ledger.stages()[0].in, static_cast<CountingSource&>(*from[0]).given_out());
}

TEST(Workers, AreEndedByTheirDestructorWhileSourcesStillFlow) {
  const auto from = sources({~std::uint64_t{0}, ~std::uint64_t{0}}, 4096);
  OrderConsumer consumer;
  Workers workers(from, consumer);
}

TEST(Workers, TicksComeWithoutTrafficAndWithoutSpinning) {
  const auto from = sources({~std::uint64_t{0}}, 0);
  OrderConsumer consumer;
  Workers workers(from, consumer);
  std::atomic<bool> stop{false};
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(400));
    stop = true;
  });
  timespec before{};
  timespec after{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  workers.run(stop);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  stopper.join();
  EXPECT_GE(consumer.ticks, 2);
  EXPECT_EQ(consumer.total, 0u);
  const auto used_ms =
      (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1'000'000;
  EXPECT_LT(used_ms, 200);
}

TEST(Workers, WhatASourceThrowsReachesRun) {
  class Failing final : public Source {
   public:
    std::size_t receive(std::span<Frame>, milliseconds) override {
      throw std::runtime_error("cut short");
    }
    void recycle(std::span<const Frame>) noexcept override {}
    bool ended() const noexcept override { return false; }
    std::span<const Interface> interfaces() const noexcept override { return {}; }
  };
  std::vector<std::unique_ptr<Source>> from;
  from.push_back(std::make_unique<Failing>());
  OrderConsumer consumer;
  Workers workers(from, consumer);
  const std::atomic<bool> stop{false};
  EXPECT_THROW(workers.run(stop), std::runtime_error);
}

}  // namespace
}  // namespace gray
