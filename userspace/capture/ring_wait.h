// How the thread that reads a ring waits for more when the ring is empty, or nearly. A wakeup by
// the next frame costs the kernel more than a frame does, so it naps, while the ring bridges many
// times what the thread was woken late by of late: on a virtual CPU that can be milliseconds. At
// rates at which the ring does not bridge that, it stays awake: then a CPU is cheaper than a loss.
// One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "userspace/base/clock.h"

namespace gray {

class RingWait {
 public:
  /// `nap` is how long a frame may lie in the ring before somebody looks; 0: never naps.
  /// `ring_frames` is what the ring holds; 0: not known, and it naps at any rate.
  RingWait(std::chrono::microseconds nap, std::size_t ring_frames) noexcept
      : nap_(nap), ring_frames_(ring_frames) {}

  /// How long to wait for a first frame: `idle`, or not at all.
  std::chrono::milliseconds timeout(std::chrono::milliseconds idle) const noexcept {
    return awake_ ? std::chrono::milliseconds(0) : idle;
  }
  bool awake() const noexcept { return awake_; }

  /// After each look at the ring, which gave `frames`.
  void looked(std::size_t frames, std::uint64_t now_ns) noexcept {
    frames_ += frames;
    const std::uint64_t elapsed = now_ns - since_ns_;
    if (elapsed < kWindowNs) return;
    // frames / elapsed * bridge > ring_frames, without a division.
    const std::uint64_t bridge_ns = std::clamp(kTimesLate * late_ns_, kShortestNs, kLongestNs);
    awake_ = ring_frames_ > 0 && frames_ * bridge_ns > ring_frames_ * elapsed;
    late_ns_ -= late_ns_ / kForgetting;
    frames_ = 0;
    since_ns_ = now_ns;
  }

  /// When the ring is empty by now, or nearly.
  void rest() noexcept {
    if (awake_) {
      std::this_thread::yield();
    } else if (nap_.count() > 0) {
      const std::uint64_t due =
          monotonic_ns() + static_cast<std::uint64_t>(nap_.count()) * kNsPerUs;
      std::this_thread::sleep_for(nap_);
      const std::uint64_t now = monotonic_ns();
      woken(now - std::min(now, due));
    }
  }
  /// A nap ended so much late. While awake nobody learns: what was known fades until a nap is
  /// tried.
  void woken(std::uint64_t late_ns) noexcept { late_ns_ = std::max(late_ns_, late_ns); }

 private:
  static constexpr std::uint64_t kWindowNs = 10 * kNsPerMs;
  static constexpr std::uint64_t kTimesLate = 5;
  static constexpr std::uint64_t kShortestNs = 50 * kNsPerMs;
  static constexpr std::uint64_t kLongestNs = kNsPerSecond;
  static constexpr std::uint64_t kFirstLateNs = 20 * kNsPerMs;  // until it is known better
  static constexpr std::uint64_t kForgetting = 256;             // half in some 2 s

  std::chrono::microseconds nap_;
  std::uint64_t ring_frames_;
  std::uint64_t frames_ = 0;
  std::uint64_t since_ns_ = 0;
  std::uint64_t late_ns_ = kFirstLateNs;  // the worst, halved with time
  bool awake_ = false;
};

}  // namespace gray
