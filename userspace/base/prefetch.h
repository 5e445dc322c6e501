// Hints to the CPU about memory that is read soon. Pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gray {

/// Asks for the first bytes of `area`, a frame's worth of lines at most: more would push out what
/// was asked for before.
inline void prefetch(std::span<const std::uint8_t> area) noexcept {
  constexpr std::size_t kLine = 64;
  constexpr std::size_t kMost = 1536;
  const std::size_t size = std::min(area.size(), kMost);
  for (std::size_t at = 0; at < size; at += kLine) __builtin_prefetch(area.data() + at);
}

}  // namespace gray
