// Room for the frames that do not lie in one UMEM chunk: jumbo frames and super-frames, which are
// copied together here because a Frame is one span of bytes. A fixed number of slots, each for the
// longest frame; what was never touched costs address space only. One thread uses it.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bpf/shared.h"

namespace gray {

class SideBuffers {
 public:
  /// Throws std::system_error when the address space is not to be had.
  explicit SideBuffers(std::uint32_t slots);
  SideBuffers(const SideBuffers&) = delete;
  SideBuffers& operator=(const SideBuffers&) = delete;
  ~SideBuffers() { munmap(bytes_, size()); }

  bool empty() const noexcept { return free_.empty(); }
  /// The slot given back last, so that few are ever touched. Not when empty().
  std::uint32_t take() noexcept;
  void give_back(std::uint32_t slot) noexcept { free_.push_back(slot); }
  /// GRAY_TAP_MAX_FRAME bytes.
  std::span<std::uint8_t> bytes(std::uint32_t slot) const noexcept {
    return {bytes_ + std::size_t{slot} * GRAY_TAP_MAX_FRAME, GRAY_TAP_MAX_FRAME};
  }

 private:
  std::size_t size() const noexcept { return std::size_t{slots_} * GRAY_TAP_MAX_FRAME; }

  std::uint32_t slots_;
  std::uint8_t* bytes_ = nullptr;
  std::vector<std::uint32_t> free_;  // has room for all slots from the start
};

}  // namespace gray
