// One AF_XDP socket: the user-space end of one RX queue. One thread uses it, and the Umem outlives
// it. It cannot move: libxdp keeps the address of its ring.
#pragma once

#include <linux/if_xdp.h>
#include <xdp/xsk.h>

#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)  // Linux 6.6
#endif
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0)
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "userspace/base/owned.h"
#include "userspace/kernel/umem.h"

namespace gray {

enum class BindMode { Copy, ZeroCopy };

struct BindOptions {
  BindMode mode = BindMode::Copy;
  bool multi_buffer = false;  ///< take frames that do not fit a UMEM chunk, in several (XDP_USE_SG)
};

class Socket {
 public:
  /// Binds to `queue` of `interface`; frames come once the socket is in the program's XSKMAP.
  /// Throws std::system_error; bind_refused() tells which of those are worth a try with less.
  Socket(Umem& umem, const std::string& interface, std::uint32_t queue, const BindOptions& options);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const noexcept { return xsk_socket__fd(xsk_.get()); }
  /// From now on wait() drives the NIC queue itself; throws when the kernel has no such option.
  void prefer_busy_poll();
  bool busy_polls() const noexcept { return busy_poll_; }
  /// Whether the driver told which of its NAPI instances the frames come from: without, busy
  /// polling has nothing to poll. Known when a frame has come.
  bool knows_napi() const noexcept;

  /// Shows up to out.size() received descriptors, of whole frames: a frame ends with the first
  /// descriptor without XDP_PKT_CONTD. Never blocks, never fails.
  std::size_t peek(std::span<xdp_desc> out) noexcept;
  /// Takes the first `count` of what peek() showed, the others stay in the ring. Each lends a
  /// chunk, until umem.recycle(desc.addr).
  void take(std::size_t count) noexcept;
  /// Waits until there is something to receive, or for `timeout`.
  void wait(std::chrono::milliseconds timeout) noexcept;
  /// Makes the kernel look at the fill ring, when umem.submit() asked for it.
  void wake() noexcept;

  /// The kernel's own counts (XDP_STATISTICS). In copy mode a frame that found no UMEM frame is in
  /// rx_dropped, one that found the RX ring full in rx_ring_full.
  xdp_statistics statistics() const;
  /// Both of these; 0 when the kernel does not tell.
  std::uint64_t lost() const noexcept;

 private:
  bool readable() noexcept;

  xsk_ring_cons rx_{};
  std::uint32_t shown_ = 0;
  bool busy_poll_ = false;
  Owned<xsk_socket, xsk_socket__delete> xsk_;  // last, so deleted first: it unmaps the ring
};

/// Whether `error` (positive errno) is how zero-copy and multi-buffer are refused: EOPNOTSUPP (not
/// in the driver), EINVAL (no DMA device; a kernel before 6.6), ENOENT (the queue cannot be reset).
bool bind_refused(int error) noexcept;

}  // namespace gray
