// What the tc programs of a production host copied into their BPF ring buffers, as a Source. Set up
// by one thread, then used by one other; stop() may come from a third.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "userspace/base/utc_clock.h"
#include "userspace/capture/source.h"
#include "userspace/kernel/ring_group.h"

namespace gray {

class HostSource final : public Source {
 public:
  /// `ring_fds`: HostProgram::ring_fds(), of a program that outlives this object.
  HostSource(const std::string& interface, std::uint32_t snaplen, std::span<const int> ring_fds);

  std::size_t receive(std::span<Frame> out, std::chrono::milliseconds timeout) override;
  void recycle(std::span<const Frame> frames) noexcept override;
  /// The programs are detached: what is still on its way is received, then the source ends.
  void stop() noexcept override { stopped_ = true; }
  bool ended() const noexcept override { return quiet_waits_ >= kQuietWaits; }
  std::span<const Interface> interfaces() const noexcept override { return {&interface_, 1}; }

  /// Frames handed out so far; after ended(), all of them.
  std::uint64_t received() const noexcept { return received_.load(std::memory_order_relaxed); }

 private:
  // After a detach a program can still be running on another CPU: two waits without a record end
  // it.
  static constexpr int kQuietWaits = 2;

  std::size_t take(std::span<Frame> out) noexcept;

  Interface interface_;
  UtcFromTai utc_;
  TaiClock clock_;
  RingGroup rings_;
  std::atomic<bool> stopped_{false};
  std::atomic<std::uint64_t> received_{0};
  int quiet_waits_ = 0;
};

}  // namespace gray
