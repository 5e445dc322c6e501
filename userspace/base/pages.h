// Memory that must not cost a page fault when it is first used. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gray {

/// Writes a zero into every page of `area`, which is new and mapped. MAP_POPULATE alone is not
/// enough: where the hypervisor keeps shadow page tables, the first access through each mapping
/// still costs an exit of some 15 us a page, and that while frames come.
inline void touch_pages(std::span<std::uint8_t> area) noexcept {
  constexpr std::size_t kPage = 4096;
  volatile std::uint8_t* bytes = area.data();
  for (std::size_t at = 0; at < area.size(); at += kPage) bytes[at] = 0;
}

}  // namespace gray
