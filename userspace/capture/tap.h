// One RX queue of a tap port as a Source: a UMEM, an AF_XDP socket, and the gray_frame_meta that
// the XDP program put in front of every frame. A frame in one chunk is lent where it lies; one in
// several (jumbo, super-frame) is copied together into a side buffer, and when none is free it
// waits in the RX ring. Set up by one thread, then used by one other; stop() may come from a third.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "userspace/base/utc_clock.h"
#include "userspace/capture/side_buffers.h"
#include "userspace/capture/source.h"
#include "userspace/kernel/socket.h"
#include "userspace/kernel/umem.h"

namespace gray {

struct UmemSize {  ///< as Umem takes it
  std::size_t bytes = 0;
  std::uint32_t frame_size = 0;
};

class TapSource final : public Source {
 public:
  /// Throws std::system_error; bind_refused() knows the errors that mean "not here".
  TapSource(const std::string& interface, std::uint32_t queue, const UmemSize& umem,
            const BindOptions& options);

  std::size_t receive(std::span<Frame> out, std::chrono::milliseconds timeout) override;
  void recycle(std::span<const Frame> frames) noexcept override;
  /// The program is detached: what is still on its way is received, then the source ends.
  void stop() noexcept override { stopped_ = true; }
  bool ended() const noexcept override { return quiet_waits_ >= kQuietWaits; }
  std::size_t ring_frames() const noexcept override { return umem_.frames(); }
  std::span<const Interface> interfaces() const noexcept override { return {&interface_, 1}; }

  Socket& socket() noexcept { return socket_; }
  const Socket& socket() const noexcept { return socket_; }
  const Umem& umem() const noexcept { return umem_; }
  /// Frames handed out so far; after ended(), all of them.
  std::uint64_t received() const noexcept { return received_.load(std::memory_order_relaxed); }
  /// Of these, the ones with a time of the NIC's.
  std::uint64_t hardware_stamped() const noexcept {
    return hardware_stamped_.load(std::memory_order_relaxed);
  }
  /// Of these, the ones copied together out of several chunks.
  std::uint64_t joined() const noexcept { return joined_.load(std::memory_order_relaxed); }

 private:
  // After a detach a frame can still be on its way through another CPU: two waits without one end
  // it.
  static constexpr int kQuietWaits = 2;

  std::size_t take(std::span<Frame> out) noexcept;
  Frame lend(const xdp_desc& descriptor) noexcept;
  void prefetch_meta(const xdp_desc& descriptor) const noexcept;
  Frame join(std::span<const xdp_desc> chain) noexcept;

  Interface interface_;
  UtcFromTai clock_;
  Umem umem_;
  Socket socket_;
  SideBuffers side_;
  bool starved_ = false;  // the next frame waits for a side buffer
  std::atomic<bool> stopped_{false};
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> joined_{0};
  std::atomic<std::uint64_t> hardware_stamped_{0};
  int quiet_waits_ = 0;
};

}  // namespace gray
