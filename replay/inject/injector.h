// The sender: takes frames from a feed, stages each ahead of its time in a port, hands it over at
// its deadline, and collects departures between deadlines. One thread runs it; another may look at
// progress() and ask it to stop.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "replay/inject/batch.h"
#include "replay/inject/fidelity.h"
#include "replay/inject/pacer.h"
#include "replay/inject/schedule.h"
#include "userspace/base/ledger.h"
#include "userspace/kernel/tx_port.h"

namespace gray {

struct InjectLimits {
  std::uint64_t frames = 0;       ///< 0: no limit
  std::uint64_t duration_ns = 0;  ///< of the schedule; at top speed, of the clock. 0: no limit
  std::uint64_t stall_ns = 2'000'000'000;  ///< without a completion: the port is given up
};

class Injector {
 public:
  struct Progress {
    std::uint64_t sent = 0;
    std::uint64_t bytes = 0;
  };

  /// One port or two; all references outlive the injector.
  Injector(FrameFeed& feed, std::span<const std::unique_ptr<TxPort>> ports,
           const FrameScheduleOptions& schedule, const InjectLimits& limits,
           const std::atomic<bool>& stop);

  /// Sends until the feed ends, a limit is reached, `stop` is set or a port fails; then waits for
  /// what is in flight. `pacer` is of the calling thread.
  void run(Pacer& pacer) noexcept;

  Progress progress() const noexcept { return {sent_, bytes_}; }

  // After run().
  /// Adds "schedule" (out of the feed, to the kernel) and "tx" (from there, completed).
  void account(Ledger& ledger) const;
  std::uint64_t sent() const noexcept;  ///< completed, and not known to be dropped
  std::uint64_t bytes() const noexcept { return bytes_; }
  std::uint64_t duration_ns() const noexcept { return last_ns_ - first_ns_; }
  const FrameSchedule& schedule() const noexcept { return schedule_; }
  const Fidelity& fidelity() const noexcept { return fidelity_; }
  /// Departures are the kernel's or the NIC's times; else those of the system call.
  bool measured_by_kernel() const noexcept { return clock_ == Measured::ByKernel; }
  /// Why it ended before its time; empty when it did not.
  const std::string& failure() const noexcept { return failure_; }

 private:
  enum class Measured { Unknown, ByKernel, BySend };
  struct InFlight {
    std::uint64_t number = 0;
    std::uint64_t due_ns = 0;
    std::uint64_t handed_over_ns = 0;
    std::uint32_t length = 0;
  };
  struct Lane {
    TxPort* port = nullptr;
    std::vector<InFlight> slots;
    std::vector<std::uint32_t> staged;  // and not handed over
    std::uint64_t handed_over = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t progressed_ns = 0;  // last completion, or start of what is in flight
  };

  const FrameBatch* take() noexcept;
  bool send_batch(const FrameBatch& batch) noexcept;
  bool send_frame(Lane& lane, std::span<const std::uint8_t> bytes, std::uint64_t due_ns) noexcept;
  bool stage(Lane& lane, std::span<const std::uint8_t> bytes, std::uint64_t due_ns) noexcept;
  bool wait_for(std::uint64_t deadline_ns) noexcept;
  bool over_limit(std::uint64_t due_ns) noexcept;
  void hand_over(std::uint64_t now) noexcept;
  void collect() noexcept;
  void collect(Lane& lane) noexcept;
  void depart(const Lane& lane, const Departure& departure) noexcept;
  void watch(Lane& lane, std::uint64_t now) noexcept;
  void drain() noexcept;
  bool stopped() const noexcept {
    return !failure_.empty() || stop_.load(std::memory_order_relaxed);
  }

  FrameFeed& feed_;
  FrameSchedule schedule_;
  bool timed_;
  InjectLimits limits_;
  const std::atomic<bool>& stop_;
  Pacer* pacer_ = nullptr;
  std::vector<Lane> lanes_;
  std::uint64_t epoch_ns_ = 0;
  std::uint64_t first_ns_ = 0;
  std::uint64_t last_ns_ = 0;
  std::uint64_t taken_ = 0;    // frames out of the feed
  std::uint64_t staged_ = 0;   // of them
  std::uint32_t waiting_ = 0;  // staged, not handed over
  std::uint64_t over_limit_ = 0;
  std::uint64_t interrupted_ = 0;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> bytes_{0};
  Measured clock_ = Measured::Unknown;
  Fidelity fidelity_;
  std::string failure_;
};

}  // namespace gray
