// Inside of decode(): the steps from a link header to an IP header, from there to the payload, and
// from a payload into the tunnel it may be. Every step looks at captured bytes only and knows how
// many there were on the wire, so a snap length is told from an impossible length.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "userspace/packet/packet.h"

namespace gray {

/// Bytes from some header on: what was captured of them and how many there were on the wire.
struct Piece {
  std::span<const std::uint8_t> bytes;
  std::uint32_t wire = 0;  ///< >= bytes.size()

  bool has(std::size_t count) const noexcept { return bytes.size() >= count; }
  /// All but the first `count`, which may be more than were captured, but not than were sent.
  Piece after(std::uint32_t count) const noexcept {
    return {bytes.subspan(std::min<std::size_t>(count, bytes.size())), wire - count};
  }
  /// The first `count` of the wire's bytes; count <= wire.
  Piece first(std::uint32_t count) const noexcept {
    return {bytes.first(std::min<std::size_t>(count, bytes.size())), count};
  }
  // Network order; the caller has checked has().
  std::uint8_t u8(std::size_t at) const noexcept { return bytes[at]; }
  std::uint16_t u16(std::size_t at) const noexcept {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
  }
  std::uint32_t u32(std::size_t at) const noexcept {
    return std::uint32_t{u16(at)} << 16 | u16(at + 2);
  }
};

namespace ether_type {
inline constexpr std::uint16_t kIpv4 = 0x0800;
inline constexpr std::uint16_t kArp = 0x0806;
inline constexpr std::uint16_t kBridged = 0x6558;  ///< an Ethernet frame, in GRE and GENEVE
inline constexpr std::uint16_t kVlan = 0x8100;
inline constexpr std::uint16_t kIpv6 = 0x86dd;
inline constexpr std::uint16_t kMpls = 0x8847;
inline constexpr std::uint16_t kMplsMulticast = 0x8848;
inline constexpr std::uint16_t kPppoeSession = 0x8864;
inline constexpr std::uint16_t kQinq = 0x88a8;
inline constexpr std::uint16_t kQinqOld = 0x9100;
inline constexpr std::uint16_t kLeastType = 0x0600;  ///< below, it is an 802.3 length
}  // namespace ether_type

/// Where a link header, and all that is stacked between it and IP, ends.
struct Network {
  Odd odd = Odd::None;  ///< Runt, LinkType or NotIp; then `ip` means nothing
  std::uint16_t vlan = 0;
  Piece ip;
};

Network open_link(LinkType link, Piece frame) noexcept;
Network open_ethernet(Piece frame) noexcept;
/// `data` as the protocol an EtherType names, through VLAN tags, MPLS labels and PPPoE.
Network open_ether_type(std::uint16_t type, Piece data) noexcept;
/// `data` as a PPP frame, with or without address and control bytes.
Network open_ppp(Piece data) noexcept;
/// `data` as IP, when its first nibble is 4 or 6.
Network open_ip(Piece data) noexcept;

/// Reads the IP header at `data`, extension headers and the TCP or UDP header. Peels nothing.
Packet read_ip(Piece data) noexcept;

/// Where a first fragment's upper layer begins. Packet::payload is all that is cut, and IPv6
/// extension headers may stand in front of it.
Piece upper_layer(const Packet& first_fragment) noexcept;

/// What `data`, the payload of `packet`, holds when it is a tunnel: odd is None and ip is the inner
/// header. Otherwise odd is not None.
Network open_tunnel(const Packet& packet, Piece data, const TunnelOptions& tunnels) noexcept;
/// Of a packet that is whole.
Network open_tunnel(const Packet& packet,
                    const TunnelOptions& tunnels = default_tunnels()) noexcept;
/// "VXLAN", "GRE", …: of a packet that open_tunnel() opened.
std::string_view tunnel_name(const Packet& packet,
                             const TunnelOptions& tunnels = default_tunnels()) noexcept;

}  // namespace gray
