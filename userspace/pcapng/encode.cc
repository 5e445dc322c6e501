#include "userspace/pcapng/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace gray::pcapng {
namespace {

// Options are 16 bits long, and texts come from command lines.
constexpr std::size_t kMaxText = 4096;

/// A block being built. The caller has made room for all of it.
class Block {
 public:
  Block(std::uint8_t* to, std::uint32_t type) noexcept : start_(to), at_(to) {
    put(type);
    put(std::uint32_t{0});
  }

  template <class T>
  void put(T value) noexcept {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void put_bytes(std::span<const std::uint8_t> bytes) noexcept {
    // Whole words first, so that the padding is zero without a length of its own.
    const std::size_t room = padded(bytes.size());
    if (room != bytes.size()) std::memset(at_ + room - 4, 0, 4);
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += room;
  }
  /// Ticks above 32 bits are written high half first, in either byte order.
  void put_time(std::uint64_t ns) noexcept {
    put(static_cast<std::uint32_t>(ns >> 32));
    put(static_cast<std::uint32_t>(ns));
  }

  template <class T>
  void option_value(std::uint16_t code, T value) noexcept {
    put(code);
    put(static_cast<std::uint16_t>(sizeof value));
    if constexpr (sizeof value % 4 == 0) {
      put(value);
    } else {
      std::uint8_t bytes[sizeof value];
      std::memcpy(bytes, &value, sizeof value);
      put_bytes(bytes);
    }
  }
  void option_text(std::uint16_t code, std::string_view text) noexcept {
    if (text.empty()) return;
    text = text.substr(0, kMaxText);
    put(code);
    put(static_cast<std::uint16_t>(text.size()));
    put_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  void option_time(std::uint16_t code, std::uint64_t ns) noexcept {
    put(code);
    put(std::uint16_t{8});
    put_time(ns);
  }

  /// Ends the options and the block; its length.
  std::size_t close() noexcept {
    put(std::uint32_t{kEndOfOptions});
    const auto length = static_cast<std::uint32_t>(at_ - start_) + 4;
    put(length);
    std::memcpy(start_ + 4, &length, sizeof length);
    return length;
  }

 private:
  std::uint8_t* start_;
  std::uint8_t* at_;
};

std::string section_comment(const SectionInfo& section) {
  const std::string seed = fmt::format("flow tag seed: {:#018x}", section.tag_seed);
  return section.clock.empty() ? seed : fmt::format("clock: {}; {}", section.clock, seed);
}

std::size_t encode_section(std::uint8_t* to, const SectionInfo& section) {
  Block block(to, kSectionHeader);
  block.put(kByteOrderMagic);
  block.put(std::uint16_t{1});  // version 1.0
  block.put(std::uint16_t{0});
  block.put(~std::uint64_t{0});  // section length: not said
  block.option_text(kShbOs, section.os);
  block.option_text(kShbApplication, section.application);
  block.option_text(kComment, section_comment(section));
  return block.close();
}

std::size_t encode_interface(std::uint8_t* to, const InterfaceInfo& interface) {
  Block block(to, kInterfaceDescription);
  block.put(static_cast<std::uint16_t>(interface.link));
  block.put(std::uint16_t{0});
  block.put(interface.snaplen);
  block.option_text(kIfName, interface.name);
  block.option_text(kIfDescription, interface.description);
  block.option_value(kIfTsResolution, std::uint8_t{9});
  // The first byte says how the filter is written: 0 is as text.
  if (!interface.filter.empty()) block.option_text(kIfFilter, '\0' + interface.filter);
  block.option_text(kIfOs, interface.os);
  return block.close();
}

}  // namespace

std::vector<std::uint8_t> encode_head(const SectionInfo& section,
                                      std::span<const InterfaceInfo> interfaces) {
  constexpr std::size_t kRoom = 6 * kMaxText;  // for any one of these blocks
  std::vector<std::uint8_t> head(kRoom * (1 + interfaces.size()));
  std::size_t used = encode_section(head.data(), section);
  for (const InterfaceInfo& interface : interfaces)
    used += encode_interface(head.data() + used, interface);
  head.resize(used);
  return head;
}

std::size_t encode_frame(std::uint8_t* to, const Frame& frame,
                         std::uint64_t dropped_before) noexcept {
  const auto captured = static_cast<std::uint32_t>(frame.bytes.size());
  Block block(to, kEnhancedPacket);
  block.put(frame.interface);
  block.put_time(frame.time_ns);
  block.put(captured);
  block.put(std::max(frame.wire_len, captured));
  block.put_bytes(frame.bytes);
  if (frame.direction != GRAY_DIR_UNKNOWN)
    block.option_value(kEpbFlags, std::uint32_t{frame.direction});
  if (dropped_before > 0) block.option_value(kEpbDropCount, dropped_before);
  block.option_value(kEpbQueue, std::uint32_t{frame.queue});
  return block.close();
}

std::size_t encode_statistics(std::uint8_t* to, std::uint32_t interface,
                              const InterfaceStatistics& statistics) noexcept {
  Block block(to, kInterfaceStatistics);
  block.put(interface);
  block.put_time(statistics.end_ns);
  block.option_time(kIsbStartTime, statistics.start_ns);
  block.option_time(kIsbEndTime, statistics.end_ns);
  block.option_value(kIsbReceived, statistics.received);
  block.option_value(kIsbDropped, statistics.dropped);
  return block.close();
}

Whole count_whole(std::span<const std::uint8_t> bytes) noexcept {
  Whole whole;
  std::uint32_t head[2];
  while (bytes.size() - whole.bytes >= sizeof head) {
    std::memcpy(head, bytes.data() + whole.bytes, sizeof head);
    if (head[1] < kMinBlock || head[1] > bytes.size() - whole.bytes) break;
    whole.bytes += head[1];
    whole.frames += head[0] == kEnhancedPacket;
  }
  return whole;
}

}  // namespace gray::pcapng
