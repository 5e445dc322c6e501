// The numbers of the two capture file formats: pcapng (draft-ietf-opsawg-pcapng) and classic pcap
// (draft-ietf-opsawg-pcap), and what both sides know about an interface.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "userspace/packet/packet.h"

namespace gray {

/// An interface as a capture file describes it.
struct InterfaceInfo {
  std::string name = {};
  std::string description = {};
  std::string os = {};
  std::string filter = {};  ///< what was selected, as the user wrote it
  LinkType link = LinkType::Ethernet;
  std::uint32_t snaplen = 0;  ///< 0: no limit
};

/// More captured bytes than this a frame never has (tcpdump's and Wireshark's limit, too).
inline constexpr std::uint32_t kMaxCapturedBytes = 256 * 1024;

namespace pcapng {
inline constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;  ///< reads the same in both byte orders
inline constexpr std::uint32_t kInterfaceDescription = 1;
inline constexpr std::uint32_t kPacket = 2;  ///< obsolete
inline constexpr std::uint32_t kSimplePacket = 3;
inline constexpr std::uint32_t kInterfaceStatistics = 5;
inline constexpr std::uint32_t kEnhancedPacket = 6;
inline constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
inline constexpr std::uint32_t kMinBlock = 12;  ///< type, length, and the length again

enum Option : std::uint16_t {
  kEndOfOptions = 0,
  kComment = 1,
  kShbOs = 3,
  kShbApplication = 4,
  kIfName = 2,
  kIfDescription = 3,
  kIfTsResolution = 9,
  kIfFilter = 11,
  kIfOs = 12,
  kIfTsOffset = 14,
  kEpbFlags = 2,
  kEpbDropCount = 4,
  kEpbQueue = 6,
  kIsbStartTime = 2,
  kIsbEndTime = 3,
  kIsbReceived = 4,
  kIsbDropped = 5,
};

/// Blocks and options are padded to 32 bits.
constexpr std::size_t padded(std::size_t length) noexcept {
  return (length + 3) & ~std::size_t{3};
}
}  // namespace pcapng

namespace pcap {
inline constexpr std::uint32_t kMagicMicro = 0xa1b2c3d4;
inline constexpr std::uint32_t kMagicNano = 0xa1b23c4d;
inline constexpr std::uint32_t kMagicModified = 0xa1b2cd34;  ///< 8 more bytes in a record header
}  // namespace pcap

}  // namespace gray
