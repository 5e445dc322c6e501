// The mapping and the fill ring. The fill ring has an entry for every frame, so that a recycled
// frame always finds room.
#include "userspace/kernel/umem.h"

#include <bit>

#include "userspace/base/errors.h"
#include "userspace/base/pages.h"

namespace gray {
namespace {

constexpr std::size_t kHugePage = 2U << 20;

std::size_t round_up(std::size_t size, std::size_t unit) {
  return (size + unit - 1) / unit * unit;
}

std::uint8_t* map_pages(std::size_t size, int flags) noexcept {
  void* address =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  return address == MAP_FAILED ? nullptr : static_cast<std::uint8_t*>(address);
}

/// `size` bytes that start at a huge page, so that the kernel can make them of such as it has.
std::uint8_t* map_transparent(std::size_t size) {
  std::uint8_t* area = map_pages(size + kHugePage, 0);
  if (area == nullptr) throw_errno(errno, "map " + std::to_string(size >> 20) + " MiB for frames");
  const std::size_t before =
      (kHugePage - reinterpret_cast<std::uintptr_t>(area) % kHugePage) % kHugePage;
  if (before > 0) munmap(area, before);
  munmap(area + before + size, kHugePage - before);
  madvise(area + before, size, MADV_HUGEPAGE);
  return area + before;
}

}  // namespace

// A page holds one frame or two, so that without huge pages nearly each costs a miss of the TLB.
Umem::Area::Area(std::size_t wanted)
    : size(round_up(wanted, kHugePage)), bytes(map_pages(size, MAP_POPULATE | MAP_HUGETLB)) {
  huge = bytes != nullptr;
  if (!huge) bytes = map_transparent(size);
  touch_pages({bytes, size});
}

Umem::Umem(std::size_t bytes, std::uint32_t frame_size)
    : frame_size_(frame_size),
      frames_(static_cast<std::uint32_t>(bytes / frame_size)),
      area_(bytes) {
  if (!std::has_single_bit(bytes) || bytes < frame_size)
    throw UsageError("the bytes of a queue must be a power of two, not " + std::to_string(bytes));
  xsk_umem_config config{};
  config.fill_size = frames_;
  config.comp_size = XSK_RING_CONS__DEFAULT_NUM_DESCS;
  config.frame_size = frame_size;
  xsk_umem* umem = nullptr;
  const int error = xsk_umem__create(&umem, area_.bytes, bytes, &fill_, &completion_, &config);
  if (error == -EAFNOSUPPORT)
    throw std::runtime_error(
        "this kernel has no AF_XDP sockets (CONFIG_XDP_SOCKETS), which tap mode needs: use --mode "
        "host");
  check(error, "register " + std::to_string(frames_) + " frames with AF_XDP");
  umem_.reset(umem);
  for (std::uint32_t i = 0; i < frames_; ++i) recycle(std::uint64_t{i} * frame_size);
  submit();
}

void Umem::recycle(std::uint64_t address) noexcept {
  std::uint32_t index = 0;
  if (xsk_ring_prod__reserve(&fill_, 1, &index) != 1) return;
  *xsk_ring_prod__fill_addr(&fill_, index) = address & ~std::uint64_t{frame_size_ - 1};
  ++pending_;
}

bool Umem::submit() noexcept {
  if (pending_ == 0) return false;
  xsk_ring_prod__submit(&fill_, pending_);
  pending_ = 0;
  return xsk_ring_prod__needs_wakeup(&fill_) != 0;
}

}  // namespace gray
