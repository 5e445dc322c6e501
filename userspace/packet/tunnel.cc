// Which packets are tunnels, and where the packet inside begins. A well-known port is only a hint:
// the header must be exact, and what it holds must look like IP, else the packet is taken for what
// it is outside.
#include <netinet/in.h>

#include <array>
#include <string_view>

#include "userspace/packet/layers.h"

namespace gray {
namespace {

constexpr std::uint32_t kTunnelHeader = 8;  // of VXLAN, GENEVE, GTP-U and AYIYA

// EtherTypes that only GRE carries.
constexpr std::uint16_t kGrePpp = 0x880b;
constexpr std::uint16_t kGreErspan2 = 0x88be;
constexpr std::uint16_t kGreErspan3 = 0x22eb;

Network none() noexcept {
  return {.odd = Odd::NotIp, .vlan = 0, .ip = {}};
}

/// RFC 7348 §5: the I flag, and zeros where zeros must be.
Network open_vxlan(Piece data) noexcept {
  if (!data.has(kTunnelHeader)) return none();
  if (data.u32(0) != 0x08000000 || data.u8(7) != 0) return none();
  return open_ethernet(data.after(kTunnelHeader));
}

/// RFC 8926 §3.4.
Network open_geneve(Piece data) noexcept {
  if (!data.has(kTunnelHeader) || data.u8(0) >> 6 != 0 || data.u8(7) != 0) return none();
  const std::uint32_t header = kTunnelHeader + (data.u8(0) & 0x3fU) * 4;
  if (header > data.wire) return none();
  return open_ether_type(data.u16(2), data.after(header));
}

/// 3GPP TS 29.281 §5.2: each extension header says its length in words and the next one's type.
Piece skip_gtp_extensions(Piece data, std::uint8_t next) noexcept {
  for (unsigned count = 0; next != 0; ++count) {
    if (count == GRAY_MAX_GTP_EXTENSIONS || !data.has(1)) return {};
    const std::uint32_t length = data.u8(0) * 4U;
    if (length == 0 || !data.has(length)) return {};
    next = data.u8(length - 1);
    data = data.after(length);
  }
  return data;
}

/// 3GPP TS 29.281 §5.1, version 1, G-PDU only.
Network open_gtp(Piece data) noexcept {
  constexpr std::uint8_t kGPdu = 0xff;
  constexpr std::uint8_t kVersion1 = 0x30;  // with protocol type GTP
  if (!data.has(kTunnelHeader)) return none();
  const std::uint8_t flags = data.u8(0);
  if ((flags & 0xf8) != kVersion1 || data.u8(1) != kGPdu) return none();
  const std::uint32_t length = data.u16(2);
  Piece inside = data.after(kTunnelHeader);
  if (length > inside.wire) return none();
  inside = inside.first(length);
  if (flags & 0x07) {  // sequence number, N-PDU number and next extension come together
    if (!inside.has(4)) return none();
    const std::uint8_t next = flags & 0x04 ? inside.u8(3) : std::uint8_t{0};
    inside = skip_gtp_extensions(inside.after(4), next);
  }
  return open_ip(inside);
}

/// RFC 4380 §5.1.1: authentication and origin indication may stand before the IPv6 packet, which
/// fills the datagram to its end.
Network open_teredo(Piece data) noexcept {
  if (data.has(13) && data.u16(0) == 1) {
    const std::uint32_t length = 13U + data.u8(2) + data.u8(3);
    if (!data.has(length)) return none();
    data = data.after(length);
  }
  if (data.has(8) && data.u16(0) == 0) data = data.after(8);
  if (!data.has(40) || data.u8(0) >> 4 != 6 || data.u16(4) + 40U != data.wire) return none();
  return open_ip(data);
}

/// draft-massar-v6ops-ayiya-02 §3: identity and signature lengths stand in the header.
Network open_ayiya(Piece data) noexcept {
  constexpr unsigned kForward = 1;
  if (!data.has(kTunnelHeader)) return none();
  const unsigned identity_log2 = data.u8(0) >> 4;
  const std::uint32_t signature = (data.u8(1) >> 4) * 4U;
  const std::uint8_t next = data.u8(3);
  if ((data.u8(2) & 0x0f) != kForward || (next != IPPROTO_IPV6 && next != IPPROTO_IPIP))
    return none();
  const std::uint32_t header = kTunnelHeader + (1U << identity_log2) + signature;
  return header > data.wire ? none() : open_ip(data.after(header));
}

/// The ERSPAN header that stands between GRE and the mirrored frame; type I has none.
Network open_erspan(std::uint16_t type, bool has_sequence, Piece data) noexcept {
  std::uint32_t header = type == kGreErspan3 ? 12 : 8;
  if (type == kGreErspan2 && !has_sequence) header = 0;
  if (!data.has(header)) return none();
  if (type == kGreErspan3 && data.u8(11) & 1) header += 8;  // platform sub-header
  return header > data.wire ? none() : open_ethernet(data.after(header));
}

/// RFC 2784 and 2890; version 1 is PPTP's (RFC 2637 §4.1).
Network open_gre(Piece data) noexcept {
  constexpr std::uint16_t kChecksum = 0x8000;
  constexpr std::uint16_t kRouting = 0x4000;
  constexpr std::uint16_t kKey = 0x2000;
  constexpr std::uint16_t kSequence = 0x1000;
  constexpr std::uint16_t kPptpAck = 0x0080;
  if (!data.has(4)) return none();
  const std::uint16_t flags = data.u16(0);
  const std::uint16_t type = data.u16(2);
  const unsigned version = flags & 7;
  if (version > 1 || flags & kRouting) return none();
  std::uint32_t header = 4;
  if (flags & kChecksum) header += 4;
  if (flags & kKey) header += 4;
  if (flags & kSequence) header += 4;
  if (version == 1 && flags & kPptpAck) header += 4;
  if (header > data.wire) return none();
  const Piece inside = data.after(header);
  if (type == kGreErspan2 || type == kGreErspan3)
    return open_erspan(type, flags & kSequence, inside);
  if (type == kGrePpp) return open_ppp(inside);
  return open_ether_type(type, inside);
}

/// What kind of tunnel the ports stand for: the first that fits.
gray_tunnel tunnel_of(const Packet& packet, const TunnelOptions& tunnels) noexcept {
  const std::uint16_t source = packet.source.port;
  const std::uint16_t destination = packet.destination.port;
  const auto has = [](const std::vector<std::uint16_t>& ports, std::uint16_t port) {
    return std::find(ports.begin(), ports.end(), port) != ports.end();
  };
  if (has(tunnels.vxlan, destination)) return GRAY_TUNNEL_VXLAN;
  if (has(tunnels.geneve, destination)) return GRAY_TUNNEL_GENEVE;
  if (has(tunnels.gtp, destination) || has(tunnels.gtp, source)) return GRAY_TUNNEL_GTP;
  if (destination == kTeredoPort || source == kTeredoPort) return GRAY_TUNNEL_TEREDO;
  if (destination == kAyiyaPort || source == kAyiyaPort) return GRAY_TUNNEL_AYIYA;
  return GRAY_TUNNEL_NONE;
}

Network open_udp(const Packet& packet, Piece data, const TunnelOptions& tunnels) noexcept {
  switch (tunnel_of(packet, tunnels)) {
    case GRAY_TUNNEL_VXLAN:
      return open_vxlan(data);
    case GRAY_TUNNEL_GENEVE:
      return open_geneve(data);
    case GRAY_TUNNEL_GTP:
      return open_gtp(data);
    case GRAY_TUNNEL_TEREDO:
      return open_teredo(data);
    case GRAY_TUNNEL_AYIYA:
      return open_ayiya(data);
    case GRAY_TUNNEL_NONE:
      break;
  }
  return none();
}

}  // namespace

Network open_tunnel(const Packet& packet, Piece data, const TunnelOptions& tunnels) noexcept {
  switch (packet.ip_proto) {
    case IPPROTO_UDP:
      return open_udp(packet, data, tunnels);
    case IPPROTO_IPIP:
    case IPPROTO_IPV6:
      return open_ip(data);
    case IPPROTO_GRE:
      return open_gre(data);
    case IPPROTO_MPLS:
      return open_ether_type(ether_type::kMpls, data);
    default:
      return none();
  }
}

Network open_tunnel(const Packet& packet, const TunnelOptions& tunnels) noexcept {
  return open_tunnel(packet, {packet.payload, packet.payload_wire_len}, tunnels);
}

std::string_view tunnel_name(const Packet& packet, const TunnelOptions& tunnels) noexcept {
  constexpr std::array<std::string_view, 6> kUdpNames = {"UDP",   "VXLAN",  "GENEVE",
                                                         "GTP-U", "Teredo", "AYIYA"};
  switch (packet.ip_proto) {
    case IPPROTO_UDP:
      return kUdpNames[tunnel_of(packet, tunnels)];
    case IPPROTO_GRE:
      return "GRE";
    case IPPROTO_MPLS:
      return "MPLS";
    default:
      return "IP-in-IP";
  }
}

}  // namespace gray
