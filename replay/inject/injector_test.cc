// The sender against a clock, a feed and ports that are made up.
#include "replay/inject/injector.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <deque>
#include <functional>

#include "userspace/base/clock.h"

namespace gray {
namespace {

// Time stands still but for waiting, and for a nanosecond a look.
class FakePacer final : public Pacer {
 public:
  std::uint64_t now_ns() noexcept override { return ++now; }
  std::uint64_t wait_until(std::uint64_t deadline_ns) noexcept override {
    now = std::max(now, deadline_ns + late);
    if (on_wait) on_wait();
    return now;
  }
  std::uint64_t now = 1'000'000;
  std::uint64_t late = 0;
  std::function<void()> on_wait;
};

struct Sent {
  std::uint64_t time_ns;
  std::vector<std::uint8_t> bytes;
};

class FakePort final : public TxPort {
 public:
  FakePort(FakePacer& pacer, std::uint32_t slots) : pacer_(pacer), slots_(slots) {
    for (std::uint32_t i = slots; i > 0; --i) free_.push_back(i - 1);
  }

  std::optional<std::uint32_t> stage(std::span<const std::uint8_t> frame) noexcept override {
    if (free_.empty()) return std::nullopt;
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    staged_.emplace_back(slot, std::vector<std::uint8_t>(frame.begin(), frame.end()));
    return slot;
  }
  void send() noexcept override {
    largest_handover = std::max(largest_handover, staged_.size());
    for (auto& [slot, bytes] : staged_) {
      sent.push_back({pacer_.now, std::move(bytes)});
      leaving_.push_back(slot);
    }
    staged_.clear();
  }
  void cancel() noexcept override {
    for (auto& [slot, bytes] : staged_) free_.push_back(slot);
    staged_.clear();
  }
  std::size_t reap(std::span<Departure> out) noexcept override {
    std::size_t count = 0;
    if (failed != 0 || stuck) return 0;
    for (; count < out.size() && !leaving_.empty(); ++count) {
      out[count] = {leaving_.front(), stamp ? pacer_.now + 77 : 0};
      free_.push_back(leaving_.front());
      leaving_.pop_front();
    }
    counts_.completed += count;
    return count;
  }
  std::uint32_t slots() const noexcept override { return slots_; }
  const TxCounts& counts() const noexcept override { return counts_; }
  int failure() const noexcept override { return failed; }
  const TxFacts& facts() const noexcept override { return facts_; }

  std::vector<Sent> sent;
  std::size_t largest_handover = 0;
  int failed = 0;
  bool stuck = false;
  bool stamp = false;

 private:
  FakePacer& pacer_;
  std::uint32_t slots_;
  std::vector<std::uint32_t> free_;
  std::deque<std::uint32_t> leaving_;
  std::deque<std::pair<std::uint32_t, std::vector<std::uint8_t>>> staged_;
  TxCounts counts_;
  TxFacts facts_;
};

class FakeFeed final : public FrameFeed {
 public:
  explicit FakeFeed(std::vector<FrameBatch> batches) : batches_(std::move(batches)) {}
  const FrameBatch* next() noexcept override {
    if (hungry > 0) {
      --hungry;
      return nullptr;
    }
    return next_ < batches_.size() ? &batches_[next_++] : nullptr;
  }
  void done(const FrameBatch*) noexcept override { ++given_back; }
  bool ended() const noexcept override { return next_ == batches_.size(); }

  int hungry = 0;  // so often there is nothing yet
  std::size_t given_back = 0;

 private:
  std::vector<FrameBatch> batches_;
  std::size_t next_ = 0;
};

// `count` frames, 1 µs apart, numbered from `first`.
FrameBatch batch(std::uint8_t first, int count, std::uint8_t port = 0) {
  FrameBatch made;
  for (int i = 0; i < count; ++i) {
    const auto number = static_cast<std::uint8_t>(first + i);
    made.add(std::vector<std::uint8_t>(60, number), 5000 + std::uint64_t{number} * 1000, port);
  }
  return made;
}

struct Bench {
  explicit Bench(std::vector<FrameBatch> batches, std::uint32_t slots = 256)
      : feed(std::move(batches)) {
    for (int i = 0; i < 2; ++i) ports.push_back(std::make_unique<FakePort>(pacer, slots));
  }
  FakePort& port(std::size_t i = 0) { return static_cast<FakePort&>(*ports[i]); }
  Injector& run(const FrameScheduleOptions& schedule = {}, const InjectLimits& limits = {}) {
    injector = std::make_unique<Injector>(feed, ports, schedule, limits, stop);
    injector->run(pacer);
    injector->account(ledger);
    EXPECT_TRUE(ledger.balanced());
    return *injector;
  }
  const Stage& stage(const std::string& name) {
    for (const Stage& stage : ledger.stages())
      if (stage.name == name) return stage;
    throw std::runtime_error("no stage " + name);
  }

  FakePacer pacer;
  FakeFeed feed;
  std::vector<std::unique_ptr<TxPort>> ports;
  std::atomic<bool> stop{false};
  Ledger ledger;
  std::unique_ptr<Injector> injector;
};

TEST(Injector, EachFrameLeavesAtItsTime) {
  Bench bench({batch(0, 3), batch(3, 2)});
  bench.run();
  ASSERT_EQ(bench.port().sent.size(), 5u);
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(bench.port().sent[i].time_ns - bench.port().sent[0].time_ns, i * 1000);
    EXPECT_EQ(bench.port().sent[i].bytes,
              std::vector<std::uint8_t>(60, static_cast<std::uint8_t>(i)));
  }
  EXPECT_EQ(bench.injector->sent(), 5u);
  EXPECT_EQ(bench.injector->bytes(), 300u);
  EXPECT_EQ(bench.feed.given_back, 2u);
  EXPECT_EQ(bench.injector->fidelity().report().max_ns, 0u);
  EXPECT_FALSE(bench.injector->measured_by_kernel());
}

TEST(Injector, TheKernelsTimesAreUsedWhereThereAreSuch) {
  Bench bench({batch(0, 10)});
  bench.port().stamp = true;
  EXPECT_TRUE(bench.run().measured_by_kernel());
  EXPECT_EQ(bench.injector->fidelity().report().frames, 10u);
}

TEST(Injector, WhatIsLateLeavesTogetherAndIsReported) {
  Bench bench({batch(0, 200)});
  int waits = 0;
  bench.pacer.on_wait = [&] {
    if (++waits == 50) bench.pacer.now += 100'000;
  };
  bench.run();
  EXPECT_EQ(bench.port().sent.size(), 200u);
  EXPECT_GT(bench.port().largest_handover, 32u);
  const FidelityReport report = bench.injector->fidelity().report();
  EXPECT_GT(report.max_ns, 90'000u);
  EXPECT_EQ(report.reordered, 0u);
}

TEST(Injector, TopSpeedGoesInBatchesAndHasNoError) {
  Bench bench({batch(0, 200)}, 64);
  bench.run({.pace = FramePace::TopSpeed});
  EXPECT_EQ(bench.port().sent.size(), 200u);
  EXPECT_GE(bench.port().largest_handover, 64u);
  EXPECT_EQ(bench.injector->fidelity().report().frames, 0u);
}

TEST(Injector, TwoInterfacesHaveOneEpoch) {
  Bench bench({batch(0, 2, 0), batch(2, 2, 1), batch(4, 1, 0)});
  bench.run();
  ASSERT_EQ(bench.port(0).sent.size(), 3u);
  ASSERT_EQ(bench.port(1).sent.size(), 2u);
  EXPECT_EQ(bench.port(1).sent[0].time_ns - bench.port(0).sent[0].time_ns, 2000u);
  EXPECT_EQ(bench.port(0).sent[2].time_ns - bench.port(0).sent[0].time_ns, 4000u);
  EXPECT_EQ(bench.injector->sent(), 5u);
}

TEST(Injector, ALimitOfFramesIsExact) {
  Bench bench({batch(0, 10), batch(10, 10)});
  bench.run({}, {.frames = 13});
  EXPECT_EQ(bench.port().sent.size(), 13u);
  EXPECT_EQ(bench.stage("schedule").drops[0].count, 7u);
}

TEST(Injector, ADurationIsOfTheSchedule) {
  Bench bench({batch(0, 100)});
  bench.run({}, {.duration_ns = 30'000});
  EXPECT_EQ(bench.port().sent.size(), 30u);
}

TEST(Injector, ADurationEndsTopSpeedToo) {
  Bench bench({batch(0, 200), batch(0, 200), batch(0, 200)});
  bench.run({.pace = FramePace::TopSpeed}, {.duration_ns = 3});
  EXPECT_LT(bench.port().sent.size(), 600u);
  EXPECT_GT(bench.port().sent.size(), 0u);
}

TEST(Injector, AStopDuringAWaitSendsNothingMore) {
  Bench bench({batch(0, 100)});
  bench.pacer.on_wait = [&] { bench.stop = bench.port().sent.size() == 10; };
  bench.run();
  EXPECT_EQ(bench.port().sent.size(), 10u);
  EXPECT_EQ(bench.injector->sent(), 10u);
  EXPECT_EQ(bench.stage("schedule").drops[1].count, 90u);
}

TEST(Injector, ASlowFeedIsWaitedFor) {
  Bench bench({batch(0, 10)});
  bench.feed.hungry = 5;
  bench.run();
  EXPECT_EQ(bench.port().sent.size(), 10u);
}

TEST(Injector, APortThatFailsEndsTheRunWithTheCount) {
  Bench bench({batch(0, 100)});
  bench.pacer.on_wait = [&] {
    if (bench.port().sent.size() == 20) bench.port().failed = ENETDOWN;
  };
  bench.run();
  EXPECT_EQ(bench.injector->failure(), "Network is down");
  EXPECT_LT(bench.injector->sent(), 30u);
  EXPECT_EQ(bench.stage("tx").in, bench.stage("tx").out + bench.stage("tx").held);
}

TEST(Injector, APortWithoutCompletionsIsGivenUp) {
  Bench bench({batch(0, 200)}, 16);
  bench.port().stuck = true;
  bench.run({}, {.stall_ns = 10 * kNsPerMs});
  EXPECT_EQ(bench.injector->failure(), "no completion in 10ms, 16 frames on their way");
  EXPECT_EQ(bench.injector->sent(), 0u);
  EXPECT_EQ(bench.stage("tx").held, 16u);
}

TEST(Injector, RoundsFollowEachOther) {
  FrameBatch first = batch(0, 5);
  first.begins_round = true;
  Bench bench({first, first});
  bench.run();
  ASSERT_EQ(bench.port().sent.size(), 10u);
  for (std::uint64_t i = 0; i < 10; ++i)
    EXPECT_EQ(bench.port().sent[i].time_ns - bench.port().sent[0].time_ns, i * 1000);
}

}  // namespace
}  // namespace gray
