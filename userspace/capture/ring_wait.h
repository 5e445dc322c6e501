// How the thread that reads a ring waits for more when the ring is empty, or nearly. A wakeup by
// the next frame costs the kernel more than a frame does, so it naps, while the ring holds many
// times what comes meanwhile, also when the thread is woken late: a virtual CPU that idles can take
// tens of milliseconds to come back. At rates at which the ring does not bridge that, it stays
// awake: then a CPU is cheaper than a loss. One thread.
#pragma once

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
    // frames / elapsed * kBridgeNs > ring_frames, without a division.
    awake_ = ring_frames_ > 0 && frames_ * kBridgeNs > ring_frames_ * elapsed;
    frames_ = 0;
    since_ns_ = now_ns;
  }

  /// When the ring is empty by now, or nearly.
  void rest() const noexcept {
    if (awake_) {
      std::this_thread::yield();
    } else if (nap_.count() > 0) {
      std::this_thread::sleep_for(nap_);
    }
  }

 private:
  static constexpr std::uint64_t kWindowNs = 10 * kNsPerMs;
  static constexpr std::uint64_t kBridgeNs = 100 * kNsPerMs;

  std::chrono::microseconds nap_;
  std::uint64_t ring_frames_;
  std::uint64_t frames_ = 0;
  std::uint64_t since_ns_ = 0;
  bool awake_ = false;
};

}  // namespace gray
