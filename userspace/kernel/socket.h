// One AF_XDP socket: the user-space end of one RX queue. One thread uses it, and the Umem outlives
// it. It cannot move: libxdp keeps the address of its ring.
#pragma once

#include <linux/if_xdp.h>
#include <xdp/xsk.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "userspace/base/owned.h"
#include "userspace/kernel/umem.h"

namespace gray {

enum class BindMode { Copy, ZeroCopy };

class Socket {
 public:
  /// Binds to `queue` of `interface`; frames come once the socket is in the program's XSKMAP.
  /// Throws std::system_error; zero_copy_refused() tells which of those are worth a try with Copy.
  Socket(Umem& umem, const std::string& interface, std::uint32_t queue, BindMode mode);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const noexcept { return xsk_socket__fd(xsk_.get()); }
  /// Lets the caller's thread drive the NIC queue; throws when the kernel has no such option.
  void prefer_busy_poll();

  /// Takes up to out.size() received descriptors. Never blocks, never fails. Each lends a frame,
  /// until umem.recycle(desc.addr).
  std::size_t receive(std::span<xdp_desc> out) noexcept;
  /// Waits until there is something to receive, or for `timeout`.
  void wait(std::chrono::milliseconds timeout) noexcept;
  /// Makes the kernel look at the fill ring, when umem.submit() asked for it.
  void wake() noexcept;

  /// The kernel's own counts (XDP_STATISTICS). In copy mode a frame that found no UMEM frame is in
  /// rx_dropped, one that found the RX ring full in rx_ring_full.
  xdp_statistics statistics() const;

 private:
  xsk_ring_cons rx_{};
  Owned<xsk_socket, xsk_socket__delete> xsk_;  // last, so deleted first: it unmaps the ring
};

/// Whether `error` (positive errno) is how drivers refuse zero-copy: EOPNOTSUPP (none in the
/// driver), EINVAL (no DMA device), ENOENT (the queue cannot be reset).
bool zero_copy_refused(int error) noexcept;

}  // namespace gray
