// The memory that the kernel puts frames into for one AF_XDP socket, with its fill ring. Frames are
// the kernel's (in the fill ring), on their way (in the RX ring) or lent to user space; recycle()
// gives a lent one back to the kernel. Used by one thread. See Documentation/networking/af_xdp.rst.
#pragma once

#include <sys/mman.h>
#include <xdp/xsk.h>

#include <cstddef>
#include <cstdint>

#include "bpf/shared.h"
#include "userspace/base/owned.h"

namespace gray {

class Umem {
 public:
  /// `bytes` in frames of `frame_size`, which is 2048 or 4096; both are powers of two. On huge
  /// pages when the machine has them to spare. All frames stand in the fill ring afterwards, so a
  /// socket may be bound.
  Umem(std::size_t bytes, std::uint32_t frame_size);
  Umem(const Umem&) = delete;
  Umem& operator=(const Umem&) = delete;

  xsk_umem* get() const noexcept { return umem_.get(); }
  std::uint32_t frames() const noexcept { return frames_; }
  bool huge_pages() const noexcept { return area_.huge; }
  /// What it takes of the machine's memory.
  std::size_t bytes() const noexcept { return area_.size; }
  /// What a descriptor's address points at.
  const std::uint8_t* data(std::uint64_t address) const noexcept { return area_.bytes + address; }

  /// Gives the frame that holds `address` back to the kernel. Never more than were received.
  void recycle(std::uint64_t address) noexcept;
  /// Makes what was recycled visible to the kernel; true when it must be woken to see it.
  bool submit() noexcept;

 private:
  struct Area {
    explicit Area(std::size_t size);
    Area(const Area&) = delete;
    Area& operator=(const Area&) = delete;
    ~Area() { munmap(bytes, size); }

    std::size_t size;
    std::uint8_t* bytes;
    bool huge = false;  // from the pool that the administrator set aside
  };

  std::uint32_t frame_size_;
  std::uint32_t frames_;
  Area area_;
  // Zeroed: libxdp 1.3 reads the cached indices before it sets them. It keeps their addresses, so
  // a Umem never moves.
  xsk_ring_prod fill_{};
  xsk_ring_cons completion_{};
  std::uint32_t pending_ = 0;
  Owned<xsk_umem, xsk_umem__delete> umem_;
};

}  // namespace gray
