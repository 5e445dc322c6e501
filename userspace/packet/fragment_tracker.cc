#include "userspace/packet/fragment_tracker.h"

#include <netinet/in.h>

#include "bpf/tag.h"
#include "userspace/packet/layers.h"

namespace gray {
namespace {

bool has_ports(std::uint8_t proto) noexcept {
  return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/// At the limit of the depth, the packet that was reached is the flow.
bool is_sound(const Packet& packet) noexcept {
  return packet.is_ip && (packet.odd == Odd::None || packet.odd == Odd::TunnelDepth);
}

/// The payload of a packet that may be a tunnel. What a first fragment says of lengths is about the
/// whole datagram, so in there they are not checked.
Piece payload_of(const Packet& packet) noexcept {
  constexpr std::uint32_t kUdpHeader = 8;
  if (!packet.first_fragment) return {packet.payload, packet.payload_wire_len};
  const Piece upper = upper_layer(packet);
  return packet.ip_proto == IPPROTO_UDP ? upper.after(kUdpHeader) : upper;
}

}  // namespace

std::optional<FlowKey> FragmentTracker::flow(const Packet& packet) {
  if (!is_sound(packet)) return std::nullopt;
  if (!packet.fragment) return flow_key(packet);
  Met met;
  const auto flow = descend(packet, met);
  if (flow)
    for (std::size_t i = 0; i < met.count; ++i) remember(met.datagrams[i], *flow);
  return flow;
}

/// From a fragment, where decode() stopped, to the innermost layer that can be seen.
std::optional<FlowKey> FragmentTracker::descend(Packet packet, Met& met) {
  while (true) {
    if (!is_sound(packet)) return std::nullopt;
    if (packet.fragment && !packet.first_fragment) return follow(packet);
    if (packet.first_fragment) {
      if (has_ports(packet.ip_proto) && !upper_layer(packet).has(4)) return std::nullopt;
      met.datagrams[met.count == 0 ? 0 : 1] = datagram_of(packet);
      met.count = met.count == 0 ? 1 : 2;
    }
    if (packet.tunnels >= tunnels_.depth) return flow_key(packet);
    const Network inside = open_tunnel(packet, payload_of(packet), tunnels_);
    if (inside.odd != Odd::None) return flow_key(packet);
    Packet inner = read_ip(inside.ip);
    if (!inner.is_ip) return flow_key(packet);
    inner.tunnels = static_cast<std::uint8_t>(packet.tunnels + 1);
    packet = inner;
  }
}

FlowKey FragmentTracker::follow(const Packet& later) {
  const auto found = index_.find(datagram_of(later));
  if (found == index_.end()) {
    ++orphans_;
    return flow_key(later);
  }
  order_.splice(order_.begin(), order_, found->second);
  return order_.front().flow;
}

void FragmentTracker::remember(const Datagram& datagram, const FlowKey& flow) {
  const auto found = index_.find(datagram);
  if (found != index_.end()) {
    order_.splice(order_.begin(), order_, found->second);
    order_.front().flow = flow;
    return;
  }
  if (index_.size() >= capacity_) {
    index_.erase(order_.back().datagram);
    order_.pop_back();
  }
  order_.push_front({datagram, flow});
  index_.emplace(datagram, order_.begin());
}

FragmentTracker::Datagram FragmentTracker::datagram_of(const Packet& fragment) noexcept {
  return {.source = fragment.source.address,
          .destination = fragment.destination.address,
          .id = fragment.fragment_id,
          .proto = fragment.is_v4 ? fragment.ip_proto : std::uint8_t{0},
          .family = static_cast<std::uint8_t>(fragment.is_v4 ? 4 : 6)};
}

std::size_t FragmentTracker::Hash::operator()(const Datagram& datagram) const noexcept {
  const std::hash<Endpoint> hash;
  const std::size_t ends =
      hash({datagram.source, datagram.proto}) * 31 + hash({datagram.destination, datagram.family});
  return gray_mix(ends ^ datagram.id);
}

}  // namespace gray
