#include "userspace/capture/side_buffers.h"

#include <cerrno>
#include <string>

#include "userspace/base/errors.h"

namespace gray {

SideBuffers::SideBuffers(std::uint32_t slots) : slots_(slots) {
  free_.reserve(slots);
  for (std::uint32_t slot = slots; slot > 0; --slot) free_.push_back(slot - 1);
  void* address = mmap(nullptr, size(), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED)
    throw_errno(errno, "map " + std::to_string(size() >> 20) + " MiB for long frames");
  bytes_ = static_cast<std::uint8_t*>(address);
}

std::uint32_t SideBuffers::take() noexcept {
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

}  // namespace gray
