#include "replay/rewrite/frame_layers.h"

#include <netinet/in.h>

#include <algorithm>

#include "replay/rewrite/address_list.h"
#include "replay/rewrite/extensions.h"
#include "replay/rewrite/icmp.h"
#include "userspace/packet/layers.h"

namespace gray {
namespace {

using Bytes = std::span<const std::uint8_t>;

std::uint16_t u16(Bytes bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

/// Some, but not all bytes of its addresses were captured.
bool cuts_arp_address(Bytes frame, std::uint32_t arp) noexcept {
  const std::uint32_t hardware = frame[arp + 4];
  const std::uint32_t sender = arp + 8 + hardware;
  return frame.size() > sender && frame.size() < sender + 8 + hardware;
}

/// Follows one frame from IP header to IP header.
class Finder {
 public:
  Finder(Bytes frame, Depth depth) noexcept : frame_(frame), depth_(depth) {}

  FrameLayers& layers() noexcept { return layers_; }

  void follow(Piece piece) noexcept {
    IpLayer like;  // what the next layer takes over: where it stands
    for (bool more = true; more && layers_.odd == FrameLayers::Odd::None;) {
      const Packet packet = read_ip(piece);
      if (!add(piece, packet, like)) return;
      const IpLayer& layer = layers_.ip[layers_.count - 1];
      like = IpLayer{};
      like.tunnels = layer.tunnels;
      like.quoted = layer.quoted;
      like.returning = layer.returning;
      more = open_quoted(layer, piece, like) || open_inner(packet, piece, like);
    }
  }

 private:
  std::uint32_t offset(Bytes bytes) const noexcept {
    return static_cast<std::uint32_t>(bytes.data() - frame_.data());
  }
  bool odd(FrameLayers::Odd why) noexcept {
    layers_.odd = why;
    return false;
  }

  bool add(Piece piece, const Packet& packet, IpLayer layer) noexcept {
    if (!packet.is_ip || layers_.count == FrameLayers::kMost) return odd(FrameLayers::Odd::Odd);
    const bool cut = piece.bytes.size() < piece.wire;
    if (packet.odd == Odd::Ipv6Extension && !cut) return odd(FrameLayers::Odd::Odd);
    layer.ip = offset(piece.bytes);
    layer.v4 = packet.is_v4;
    layer.header = packet.is_v4 ? (piece.u8(0) & 0x0fU) * 4 : 40;
    const std::uint32_t claimed = packet.is_v4 ? piece.u16(2) : piece.u16(4);
    layer.end = layer.ip + (claimed == 0 ? piece.wire : claimed + (packet.is_v4 ? 0 : 40));
    layer.captured = layer.ip + static_cast<std::uint32_t>(piece.bytes.size());
    layer.fragment = packet.fragment;
    layer.source = layer.ip + (packet.is_v4 ? 12 : 8);
    layer.destination = layer.ip + (packet.is_v4 ? 16 : 24);
    find_upper(packet, layer);
    if (layer.more_addresses && !take_addresses(layer)) return odd(FrameLayers::Odd::Odd);
    if (cuts_icmp_address(frame_, layer)) return odd(FrameLayers::Odd::Odd);
    layers_.ip[layers_.count++] = layer;
    return true;
  }

  void find_upper(const Packet& packet, IpLayer& layer) const noexcept {
    const std::uint8_t first = frame_[layer.ip + (layer.v4 ? 9 : 6)];
    ExtensionChain chain(frame_, first, layer.ip + layer.header);
    layer.more_addresses = layer.v4 ? layer.header > 20 : chain.current().is_extension();
    const bool walks = !layer.v4 || first == IPPROTO_AH;
    while (walks && chain.step()) {
    }
    layer.proto = chain.current().proto;
    const bool later = packet.fragment && !packet.first_fragment;
    const std::uint32_t at = chain.current().at;
    const bool reached = !walks || !chain.current().is_extension();
    if (!later && reached && at < std::min(layer.end, layer.captured)) layer.upper = at;
  }

  bool take_addresses(IpLayer& layer) const noexcept {
    const AddressList list = list_addresses(frame_, layer);
    if (list.home_source != 0) layer.source = list.home_source;
    if (list.final_destination != 0) layer.destination = list.final_destination;
    return !list.odd;
  }

  /// What an ICMP error quotes is as long as it says it was, and cut.
  bool open_quoted(const IpLayer& layer, Piece& piece, IpLayer& like) noexcept {
    if (!quotes(frame_, layer)) return false;
    const std::size_t end = std::min(layer.end, layer.captured);
    const std::size_t at = layer.upper + kIcmpHeader;
    if (at >= end) return false;
    const Bytes quoted = frame_.subspan(at, end - at);
    const bool v4 = layer.proto == IPPROTO_ICMP;
    if (quoted.size() <= (v4 ? 12U : 8U)) return false;  // not one byte of an address
    std::uint32_t claimed = v4 ? u16(quoted, 2) : u16(quoted, 4) + 40U;
    piece = {quoted, std::max(claimed, static_cast<std::uint32_t>(quoted.size()))};
    like.quoted = true;
    like.returning = !like.returning;
    return true;
  }

  bool open_inner(const Packet& packet, Piece& piece, IpLayer& like) noexcept {
    if (depth_ == Depth::Outer) return false;
    if (packet.odd == Odd::None && !packet.fragment && like.tunnels < kMaxTunnelDepth) {
      const Network inside = open_tunnel(packet);
      if (inside.odd == Odd::None && read_ip(inside.ip).is_ip) {
        piece = inside.ip;
        ++like.tunnels;
        return true;
      }
    }
    if (depth_ == Depth::Everything && looks_like_tunnel(packet)) odd(FrameLayers::Odd::Tunnel);
    return false;
  }

  static bool looks_like_tunnel(const Packet& packet) noexcept {
    switch (packet.ip_proto) {
      case IPPROTO_IPIP:
      case IPPROTO_IPV6:
      case IPPROTO_GRE:
      case IPPROTO_MPLS:
        return !packet.payload.empty();
      case IPPROTO_UDP:
        return tunnel_name(packet) != "UDP" && !packet.payload.empty();
      default:
        return false;
    }
  }

  Bytes frame_;
  Depth depth_;
  FrameLayers layers_;
};

}  // namespace

std::uint32_t find_arp(Bytes frame, LinkType link) noexcept {
  constexpr std::uint16_t kReverseArp = 0x8035;
  std::uint32_t type_at = 12;
  std::uint32_t at = 14;
  if (link == LinkType::LinuxSll) type_at = 14, at = 16;
  if (link == LinkType::LinuxSll2) type_at = 0, at = 20;
  if (link != LinkType::Ethernet && at == 14) return 0;
  for (unsigned tags = 0; tags < 16; ++tags) {
    if (at + 8 > frame.size()) return 0;
    const std::uint16_t type = u16(frame, type_at);
    if (type == ether_type::kArp || type == kReverseArp)
      return u16(frame, at + 2) == ether_type::kIpv4 && frame[at + 5] == 4 ? at : 0;
    if (type != ether_type::kVlan && type != ether_type::kQinq && type != ether_type::kQinqOld)
      return 0;
    type_at = at + 2;
    at += 4;
  }
  return 0;
}

FrameLayers find_layers(Bytes frame, std::uint32_t wire_length, LinkType link,
                        Depth depth) noexcept {
  const auto captured = static_cast<std::uint32_t>(frame.size());
  Finder finder(frame, depth);
  FrameLayers& layers = finder.layers();
  const Network network = open_link(link, {frame, std::max(wire_length, captured)});
  if (network.odd == Odd::None)
    finder.follow(network.ip);
  else if (network.odd != Odd::NotIp)
    layers.odd = FrameLayers::Odd::Odd;
  else if (layers.arp = find_arp(frame, link); layers.arp == 0)
    layers.odd = FrameLayers::Odd::NotIp;
  else if (cuts_arp_address(frame, layers.arp))
    layers.odd = FrameLayers::Odd::Odd;
  return layers;
}

}  // namespace gray
