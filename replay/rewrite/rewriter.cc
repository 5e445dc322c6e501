#include "replay/rewrite/rewriter.h"

#include <netinet/in.h>

#include <algorithm>

#include "replay/rewrite/edit.h"
#include "replay/rewrite/frame_layers.h"
#include "replay/rewrite/layer_edit.h"
#include "replay/rewrite/link_edit.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

bool changes_mac(const MacPair& mac) noexcept {
  return mac.client_to_server || mac.server_to_client;
}

bool changes_link(const RewriteOptions& options) noexcept {
  return changes_mac(options.source_mac) || changes_mac(options.destination_mac) ||
         options.vlan != VlanAction::Keep;
}

bool changes_network(const RewriteOptions& options) noexcept {
  return options.changes_addresses() || !options.port_map.empty() || options.ttl.set ||
         options.ttl.change != 0 || options.tos || options.traffic_class || options.flow_label ||
         options.fix_checksums;
}

void check_vlan(const RewriteOptions& options) {
  const VlanTag& tag = options.vlan_tag;
  const bool says = tag.id || tag.priority || tag.drop_eligible || tag.protocol;
  if (options.vlan == VlanAction::Add && !tag.id)
    throw UsageError("--enet-vlan add: give the tag's id with --enet-vlan-tag");
  if (options.vlan == VlanAction::Set && !says)
    throw UsageError(
        "--enet-vlan set: say what, with --enet-vlan-tag, --enet-vlan-pri, --enet-vlan-cfi or "
        "--enet-vlan-proto");
  if ((options.vlan == VlanAction::Keep || options.vlan == VlanAction::Delete) && says)
    throw UsageError("--enet-vlan-tag, -pri, -cfi and -proto need --enet-vlan add or set");
}

Depth depth_of(const RewriteOptions& options) noexcept {
  if (options.seed) return Depth::Everything;
  return options.inner ? Depth::Inner : Depth::Outer;
}

/// Its checksum needs the length of the whole datagram, which a fragment does not tell.
bool changes_sctp_fragment(const RewriteOptions& options, std::span<const std::uint8_t> frame,
                           const IpLayer& layer) noexcept {
  if (layer.proto != IPPROTO_SCTP || !layer.fragment || layer.upper == 0) return false;
  if (layer.tunnels > 0 && !options.inner) return false;
  for (std::size_t at = layer.upper; at + 2 <= std::min<std::size_t>(layer.upper + 4, frame.size());
       at += 2) {
    const auto port = static_cast<std::uint16_t>(frame[at] << 8 | frame[at + 1]);
    if (mapped_port(options.port_map, port) != port) return true;
  }
  return false;
}

RewriteRefusal refusal_of(const RewriteOptions& options, std::span<const std::uint8_t> frame,
                          const FrameLayers& layers) noexcept {
  switch (layers.odd) {
    case FrameLayers::Odd::NotIp:
      return options.seed ? RewriteRefusal::NotIp : RewriteRefusal::None;
    case FrameLayers::Odd::Odd:
      return RewriteRefusal::Odd;
    case FrameLayers::Odd::Tunnel:
      return RewriteRefusal::Tunnel;
    case FrameLayers::Odd::None:
      break;
  }
  for (std::size_t i = 0; i < layers.count; ++i)
    if (changes_sctp_fragment(options, frame, layers.ip[i])) return RewriteRefusal::Sctp;
  return RewriteRefusal::None;
}

}  // namespace

std::string_view to_string(RewriteRefusal refusal) noexcept {
  switch (refusal) {
    case RewriteRefusal::None:
      return "none";
    case RewriteRefusal::NotIp:
      return "not_ip";
    case RewriteRefusal::Odd:
      return "odd";
    case RewriteRefusal::Tunnel:
      return "tunnel";
    case RewriteRefusal::Sctp:
      return "sctp_fragment";
    case RewriteRefusal::NoRoom:
      return "no_room";
  }
  return "unknown";
}

Rewriter::Rewriter(const RewriteOptions& options)
    : options_(options),
      addresses_(options),
      network_(changes_network(options)),
      idle_(!network_ && !changes_link(options)) {
  check_vlan(options);
  if (options.ttl.set && *options.ttl.set == 0)
    throw UsageError("--ttl 0: no packet may be sent with it (RFC 1122)");
}

Rewritten Rewriter::apply(std::span<std::uint8_t> room, std::size_t length,
                          std::uint32_t wire_length, LinkType link, Way way) const noexcept {
  Rewritten result{.length = length, .wire_length = wire_length, .refusal = RewriteRefusal::None};
  const bool ethernet = link == LinkType::Ethernet;
  if (ethernet && options_.vlan == VlanAction::Add && room.size() - length < kRewriteGrowth) {
    result.refusal = RewriteRefusal::NoRoom;
    return result;
  }
  if (network_) {
    const auto frame = room.first(length);
    const FrameLayers layers = find_layers(frame, wire_length, link, depth_of(options_));
    result.refusal = refusal_of(options_, frame, layers);
    if (result.refusal != RewriteRefusal::None) return result;
    Editor editor(frame);
    for (std::size_t i = layers.count; i-- > 0;)
      LayerEdit(options_, addresses_, editor, layers.ip[i], way).apply();
    if (layers.arp != 0) edit_arp(addresses_, editor, layers.arp, way);
  }
  if (!ethernet) return result;
  result.length = edit_ethernet(options_, room, length, way);
  result.wire_length += static_cast<std::uint32_t>(result.length - length);
  return result;
}

}  // namespace gray
