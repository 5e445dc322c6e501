// decode(): link header, IP header, and into each tunnel in turn, down to the innermost payload.
// The order of the steps; how each is read is in link.cc, ip.cc and tunnel.cc.
#include <cstring>

#include "userspace/packet/exported_pdu.h"
#include "userspace/packet/layers.h"

namespace gray {
namespace {

/// What a tunnel holds replaces the outer packet only when it is a sound IP packet.
void peel(Packet& packet, const TunnelOptions& tunnels) noexcept {
  while (packet.odd == Odd::None && !packet.fragment && !packet.has_tcp) {
    const Network inside = open_tunnel(packet, tunnels);
    if (inside.odd != Odd::None) break;
    if (packet.tunnels >= tunnels.depth) {
      packet.odd = Odd::TunnelDepth;
      break;
    }
    Packet inner = read_ip(inside.ip);
    if (!inner.is_ip) break;
    inner.tunnels = static_cast<std::uint8_t>(packet.tunnels + 1);
    inner.vlan = packet.vlan != 0 ? packet.vlan : inside.vlan;
    packet = inner;
  }
}

Packet stopped(Odd odd) noexcept {
  Packet packet;
  packet.odd = odd;
  return packet;
}

gray_flow_key key_of(const Endpoint& low, const Endpoint& high) noexcept {
  gray_flow_key key{};
  std::memcpy(key.addr[0], low.address.bytes.data(), sizeof key.addr[0]);
  std::memcpy(key.addr[1], high.address.bytes.data(), sizeof key.addr[1]);
  key.port[0] = __builtin_bswap16(low.port);
  key.port[1] = __builtin_bswap16(high.port);
  return key;
}

}  // namespace

std::string_view to_string(Odd odd) noexcept {
  switch (odd) {
    case Odd::None:
      return "none";
    case Odd::Runt:
      return "runt";
    case Odd::LinkType:
      return "link_type";
    case Odd::NotIp:
      return "not_ip";
    case Odd::Vlan:
      return "vlan";
    case Odd::IpHeader:
      return "ip_header";
    case Odd::Ipv6Extension:
      return "ipv6_extension";
    case Odd::L4Header:
      return "l4_header";
    case Odd::TunnelDepth:
      return "tunnel_depth";
    case Odd::PduTags:
      return "pdu_tags";
    case Odd::PduOfNoStream:
      return "pdu_of_no_stream";
  }
  return "unknown";
}

Packet decode(const Frame& frame, const TunnelOptions& tunnels) noexcept {
  if (frame.link == LinkType::WiresharkUpperPdu) return read_exported_pdu(frame).packet;
  const auto captured = static_cast<std::uint32_t>(frame.bytes.size());
  const Network network = open_link(frame.link, {frame.bytes, std::max(frame.wire_len, captured)});
  Packet packet = network.odd == Odd::None ? read_ip(network.ip) : stopped(network.odd);
  packet.vlan = network.vlan;
  peel(packet, tunnels);
  packet.time_ns = frame.time_ns;
  return packet;
}

Packet decode_ip(std::span<const std::uint8_t> ip, std::uint64_t time_ns,
                 const TunnelOptions& tunnels) noexcept {
  Packet packet = read_ip({ip, static_cast<std::uint32_t>(ip.size())});
  peel(packet, tunnels);
  packet.time_ns = time_ns;
  return packet;
}

FlowKey flow_key(const Packet& packet) noexcept {
  const bool reversed = packet.destination < packet.source;
  FlowKey flow{.key = reversed ? key_of(packet.destination, packet.source)
                               : key_of(packet.source, packet.destination),
               .reversed = reversed};
  flow.key.proto = packet.ip_proto;
  flow.key.family = packet.is_v4 ? 4 : 6;
  return flow;
}

}  // namespace gray
