// What ICMP (RFC 792, 4443) and neighbour discovery (RFC 4861) messages hold of other packets and
// hosts. Inside of the Rewriter.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <span>

#include "replay/rewrite/frame_layers.h"

namespace gray {

inline constexpr std::uint32_t kIcmpHeader = 8;

/// An address in the body of an ICMP message; `bytes` 0: none.
struct IcmpAddresses {
  std::uint32_t at = 0;     ///< offset into the frame of the first
  std::uint32_t bytes = 0;  ///< of each
  std::uint32_t count = 0;
};

constexpr bool is_icmp(const IpLayer& layer) noexcept {
  return layer.upper != 0 && layer.proto == (layer.v4 ? +IPPROTO_ICMP : +IPPROTO_ICMPV6);
}

/// The message is an error, and quotes the packet it is about.
inline bool quotes(std::span<const std::uint8_t> frame, const IpLayer& layer) noexcept {
  if (!is_icmp(layer)) return false;
  const std::uint8_t type = frame[layer.upper];
  if (!layer.v4) return type >= 1 && type <= 4;
  return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/// A redirect's gateway, the target of neighbour discovery.
inline IcmpAddresses icmp_addresses(std::span<const std::uint8_t> frame,
                                    const IpLayer& layer) noexcept {
  if (!is_icmp(layer)) return {};
  const std::uint8_t type = frame[layer.upper];
  if (layer.v4) return type == 5 ? IcmpAddresses{layer.upper + 4, 4, 1} : IcmpAddresses{};
  if (type == 135 || type == 136) return {layer.upper + 8, 16, 1};
  return type == 137 ? IcmpAddresses{layer.upper + 8, 16, 2} : IcmpAddresses{};
}

/// Some, but not all bytes of such an address were captured.
inline bool cuts_icmp_address(std::span<const std::uint8_t> frame, const IpLayer& layer) noexcept {
  const IcmpAddresses addresses = icmp_addresses(frame, layer);
  const std::uint32_t end = addresses.at + addresses.bytes * addresses.count;
  return addresses.at < frame.size() && end > frame.size();
}

}  // namespace gray
