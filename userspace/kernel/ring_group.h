// Several BPF ring buffers, one a CPU, read as one: records come by time, lent and given back as a
// RingBuffer's. One thread uses it.
//
// A CPU stamps a record a moment before it is in its ring. So while a ring is empty, the youngest
// records of the others wait until nothing older can come from it any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "userspace/base/clock.h"
#include "userspace/kernel/ring_buffer.h"

namespace gray {

class RingGroup {
 public:
  /// `map_fds`: BPF_MAP_TYPE_RINGBUF maps of records that begin with gray_frame_meta; they outlive
  /// this object. `clock` reads the clock that stamps them.
  RingGroup(std::span<const int> map_fds, const Clock& clock);
  RingGroup(const RingGroup&) = delete;
  RingGroup& operator=(const RingGroup&) = delete;
  ~RingGroup();

  /// Lends up to out.size() records in order of time. Never blocks.
  std::size_t take(std::span<RingRecord> out) noexcept;
  void give_back(std::uint64_t ticket) noexcept;

  /// Sleeps until there may be a record to take, or for `timeout`. The kernel side commits without
  /// a wakeup, so this looks by itself from time to time, the less often the longer nothing came.
  void wait(std::chrono::milliseconds timeout) noexcept;

  /// Nothing more comes in: take() holds no record back from here on.
  void close() noexcept { closed_ = true; }
  /// Nothing committed, nothing held back and nothing being written is left to take.
  bool empty() const noexcept;

  /// How long after its stamp a record is in its ring at the latest. Interrupts and a hypervisor
  /// may come in between, hence much more than a copy takes; should that not be enough, records
  /// of two CPUs come out of order.
  static constexpr std::uint64_t kSettleNs = 1'000'000;

 private:
  struct Lane;

  std::uint64_t horizon() const noexcept;
  bool readable() const noexcept;
  void nap(std::uint64_t left_ns) noexcept;

  const Clock& clock_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  bool closed_ = false;
  bool held_back_ = false;  // by the last take()
  std::chrono::microseconds nap_;
};

}  // namespace gray
