// Bounds the memory of all connections together: whoever keeps bytes takes them from here first.
#pragma once

#include <algorithm>
#include <cstddef>

namespace gray {

/// What many readers may keep together, in bytes.
struct MemoryBudget {
  std::size_t limit = 0;
  std::size_t used = 0;

  bool take(std::size_t bytes) noexcept {
    if (bytes > limit - std::min(limit, used)) return false;
    used += bytes;
    return true;
  }
  void give_back(std::size_t bytes) noexcept { used -= std::min(used, bytes); }
};

}  // namespace gray
