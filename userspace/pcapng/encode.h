// What a pcapng file consists of, as bytes in this machine's order: section and interface headers,
// packets, statistics. Pure functions into memory that the caller has made room in; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "userspace/packet/packet.h"
#include "userspace/pcapng/format.h"

namespace gray {

/// What the section header says of the whole file.
struct SectionInfo {
  std::string application;     ///< "grayxdp 0.1"
  std::string os;              ///< "Linux 6.18.0"
  std::string clock;           ///< where timestamps come from; empty: not said
  std::uint64_t tag_seed = 0;  ///< of the flow tags
};

/// What an interface statistics block says, at the end.
struct InterfaceStatistics {
  std::uint64_t start_ns = 0;  ///< UTC
  std::uint64_t end_ns = 0;
  std::uint64_t received = 0;
  std::uint64_t dropped = 0;
};

namespace pcapng {

/// Section header and interface descriptions: the start of a file.
std::vector<std::uint8_t> encode_head(const SectionInfo& section,
                                      std::span<const InterfaceInfo> interfaces);

/// The most that encode_frame() writes for a frame of `captured` bytes.
constexpr std::size_t frame_room(std::size_t captured) noexcept {
  constexpr std::size_t kAround = 12 + 20;          // block type, lengths; fixed fields
  constexpr std::size_t kOptions = 8 + 12 + 8 + 4;  // flags, drop count, queue, end
  return kAround + padded(captured) + kOptions;
}
/// Writes an enhanced packet block and gives its length. `dropped_before` frames were lost since
/// the one before it.
std::size_t encode_frame(std::uint8_t* to, const Frame& frame,
                         std::uint64_t dropped_before) noexcept;

inline constexpr std::size_t kStatisticsRoom = 12 + 12 + 4 * 12 + 4;
std::size_t encode_statistics(std::uint8_t* to, std::uint32_t interface,
                              const InterfaceStatistics& statistics) noexcept;

/// Of blocks that stand one behind the other in `bytes`: how many bytes belong to those that are
/// there whole, and how many of those are packets.
struct Whole {
  std::size_t bytes = 0;
  std::uint64_t frames = 0;
};
Whole count_whole(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace pcapng
}  // namespace gray
