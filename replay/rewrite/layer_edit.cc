#include "replay/rewrite/layer_edit.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>

#include "replay/rewrite/address_list.h"
#include "replay/rewrite/icmp.h"
#include "replay/rewrite/sctp.h"

namespace gray {
namespace {

constexpr std::uint8_t kOspf = 89;
constexpr std::uint8_t kVrrp = 112;
constexpr std::uint32_t kSctpHeader = 12;
constexpr std::uint32_t kUdpHeader = 8;

bool has_ports(std::uint8_t proto) noexcept {
  return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/// Where a protocol's checksum is in its header, and whether addresses count.
struct SumField {
  std::uint32_t at = 0;  ///< 0: it has none of this kind
  bool pseudo = false;
};

SumField sum_field(std::uint8_t proto, bool v4, std::uint8_t first_byte) noexcept {
  switch (proto) {
    case IPPROTO_TCP:
      return {16, true};
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_DCCP:
      return {6, true};
    case IPPROTO_ICMP:
      return {2, false};
    case IPPROTO_GRE:  // RFC 2784: only when its first flag says so
      return first_byte & 0x80 ? SumField{4, false} : SumField{};
    case IPPROTO_ICMPV6:
    case IPPROTO_PIM:
      return v4 ? SumField{} : SumField{2, true};
    case kOspf:
      return v4 ? SumField{} : SumField{12, true};
    case kVrrp:
      return v4 ? SumField{} : SumField{6, true};
    default:
      return {};
  }
}

IpAddress address_at(const Editor& frame, std::uint32_t at, bool v4) noexcept {
  const std::uint8_t* bytes = frame.bytes().data() + at;
  return v4 ? IpAddress::v4(bytes) : IpAddress::v6(bytes);
}

/// Never from alive to dead, never around.
std::uint8_t hop_limit(const HopLimit& rule, std::uint8_t old) noexcept {
  if (rule.set) return *rule.set;
  return static_cast<std::uint8_t>(std::clamp(old + rule.change, old == 0 ? 0 : 1, 255));
}

}  // namespace

std::uint16_t mapped_port(const std::vector<PortMap>& maps, std::uint16_t port) noexcept {
  for (const PortMap& map : maps)
    if (port >= map.first && port <= map.last) return map.to;
  return port;
}

LayerEdit::LayerEdit(const RewriteOptions& options, const AddressMap& addresses, Editor& frame,
                     const IpLayer& layer, Way way) noexcept
    : options_(options),
      addresses_(addresses),
      frame_(frame),
      layer_(layer),
      way_(layer.returning ? opposite(way) : way),
      all_rules_(layer.tunnels == 0 || options.inner) {
  if (!has_upper(1)) return;
  const SumField field = sum_field(layer.proto, layer.v4, frame.u8(layer.upper));
  if (field.at == 0 || !has_upper(field.at + 2)) return;
  sum_at_ = layer.upper + field.at;
  has_pseudo_ = field.pseudo;
}

void LayerEdit::apply() noexcept {
  const Sum how = choose_sum();
  const bool sctp = layer_.proto == IPPROTO_SCTP && has_upper(kSctpHeader);
  const std::uint32_t old_ports =
      sctp ? std::uint32_t{frame_.u16(layer_.upper)} << 16 | frame_.u16(layer_.upper + 2) : 0;
  change_ports();
  change_icmp_addresses();
  const SumChange covered = frame_.changed();
  change_addresses();
  change_hops_and_class();
  if (layer_.v4) change_header_sum(frame_.changed().since(covered));
  change_sum(how, covered);
  if (sctp) change_sctp_sum(old_ports);
}

/// Behind it, bytes are padding, or were not captured.
std::uint32_t LayerEdit::limit() const noexcept {
  return std::min(layer_.end, layer_.captured);
}

bool LayerEdit::has_upper(std::uint32_t bytes) const noexcept {
  return layer_.upper != 0 && layer_.upper + bytes <= limit();
}

/// Bytes that the checksum covers; 0 when that cannot be told or they are not all here.
std::uint32_t LayerEdit::covered_length() const noexcept {
  if (layer_.fragment || layer_.quoted || limit() < layer_.end) return 0;
  const std::uint32_t all = layer_.end - layer_.upper;
  switch (layer_.proto) {
    case IPPROTO_UDP: {
      const std::uint32_t said = frame_.u16(layer_.upper + 4);
      if (said == 0) return all;
      return said >= kUdpHeader && said <= all ? said : 0;
    }
    case IPPROTO_TCP:
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return all;
    default:
      return 0;
  }
}

std::uint64_t LayerEdit::pseudo_sum() const noexcept {
  if (!has_pseudo_) return 0;
  return pseudo_header_sum(address_at(frame_, layer_.source, layer_.v4),
                           address_at(frame_, layer_.destination, layer_.v4), layer_.proto,
                           covered_length());
}

/// What belongs into the field, whatever stands there now.
std::uint16_t LayerEdit::computed() const noexcept {
  const auto covered = frame_.bytes().subspan(layer_.upper, covered_length());
  const std::uint16_t field = frame_.u16(sum_at_);
  const std::uint64_t sum =
      checksum_add(pseudo_sum(), covered) + static_cast<std::uint16_t>(~field);
  return checksum_finish(sum);
}

/// A field that holds the sum of the pseudo-header alone was left to a network card to finish, and
/// stays so: the packet was captured where it was sent.
LayerEdit::Sum LayerEdit::choose_sum() const noexcept {
  if (sum_at_ == 0) return Sum::None;
  const std::uint16_t field = frame_.u16(sum_at_);
  const bool udp = layer_.proto == IPPROTO_UDP;
  const bool whole = covered_length() != 0;
  const bool fix = options_.fix_checksums && all_rules_ && whole;
  if (udp && field == 0) return fix && !layer_.v4 ? Sum::Compute : Sum::None;
  if (fix) return Sum::Compute;
  const bool may_be_partial = has_pseudo_ && whole && layer_.proto != IPPROTO_ICMPV6;
  if (may_be_partial && field == static_cast<std::uint16_t>(~checksum_finish(pseudo_sum())) &&
      computed() != field)
    return Sum::Partial;
  return Sum::Update;
}

void LayerEdit::change_ports() noexcept {
  if (!all_rules_ || options_.port_map.empty() || !has_ports(layer_.proto) || !has_upper(4)) return;
  for (const std::uint32_t at : {layer_.upper, layer_.upper + 2}) {
    const std::uint16_t old = frame_.u16(at);
    const std::uint16_t port = mapped_port(options_.port_map, old);
    if (port != old) frame_.put16(at, port);
  }
}

void LayerEdit::change_icmp_addresses() noexcept {
  const IcmpAddresses found = icmp_addresses(frame_.bytes(), layer_);
  for (std::uint32_t i = 0; i < found.count; ++i) {
    const std::uint32_t at = found.at + i * found.bytes;
    if (at + found.bytes <= limit()) change_address(at, End::Destination);
  }
}

void LayerEdit::change_address(std::uint32_t at, End end) noexcept {
  std::array<std::uint8_t, 16> bytes{};
  const auto address = std::span(bytes).first(layer_.v4 ? 4 : 16);
  std::ranges::copy(frame_.bytes().subspan(at, address.size()), address.begin());
  addresses_.apply(address, end, way_);
  if (at == layer_.source || at == layer_.destination)
    for (std::size_t i = 0; i < address.size(); ++i)
      pseudo_.replace(i, frame_.u8(at + i), address[i]);
  frame_.put(at, address);
}

void LayerEdit::change_addresses() noexcept {
  if (addresses_.idle()) return;
  if (layer_.more_addresses) {
    const AddressList more = list_addresses(frame_.bytes(), layer_);
    for (std::size_t i = 0; i < more.count; ++i)
      change_address(more.entries[i].at, more.entries[i].end);
  }
  change_address(layer_.ip + (layer_.v4 ? 12 : 8), End::Source);
  change_address(layer_.ip + (layer_.v4 ? 16 : 24), End::Destination);
}

/// What a quoted packet had when it was dropped is a fact, and stays.
void LayerEdit::change_hops_and_class() noexcept {
  if (!all_rules_ || layer_.quoted) return;
  const std::uint32_t ip = layer_.ip;
  const std::uint32_t hops = ip + (layer_.v4 ? 8 : 7);
  frame_.put8(hops, hop_limit(options_.ttl, frame_.u8(hops)));
  if (layer_.v4) {
    if (options_.tos) frame_.put8(ip + 1, *options_.tos);
    return;
  }
  std::uint32_t word = std::uint32_t{frame_.u16(ip)} << 16 | frame_.u16(ip + 2);
  if (options_.traffic_class)
    word = (word & 0xf00fffff) | std::uint32_t{*options_.traffic_class} << 20;
  if (options_.flow_label) word = (word & 0xfff00000) | *options_.flow_label;
  frame_.put16(ip, static_cast<std::uint16_t>(word >> 16));
  frame_.put16(ip + 2, static_cast<std::uint16_t>(word));
}

void LayerEdit::change_header_sum(const SumChange& change) noexcept {
  const std::uint32_t field = layer_.ip + 10;
  const std::uint16_t old = frame_.u16(field);
  const bool fix = options_.fix_checksums && all_rules_ && !layer_.quoted;
  if (fix && frame_.has(layer_.ip, layer_.header)) {
    const auto header = frame_.bytes().subspan(layer_.ip, layer_.header);
    const auto without = static_cast<std::uint16_t>(~old);
    frame_.put16(field, checksum_finish(checksum_add(0, header) + without));
  } else if (!change.none()) {
    frame_.put16(field, change.apply(old, layer_.ip));
  }
}

void LayerEdit::change_sum(Sum how, const SumChange& covered) noexcept {
  const bool zero_is_none = layer_.proto == IPPROTO_UDP || layer_.proto == IPPROTO_UDPLITE;
  const std::uint16_t old = sum_at_ == 0 ? std::uint16_t{0} : frame_.u16(sum_at_);
  std::uint16_t sum = old;
  switch (how) {
    case Sum::None:
      return;
    case Sum::Partial:
      return frame_.put16(sum_at_, static_cast<std::uint16_t>(~checksum_finish(pseudo_sum())));
    case Sum::Compute:
      sum = computed();
      break;
    case Sum::Update:
      // The one counts words from the frame's first byte, the other from the address's.
      if (!covered.none()) sum = covered.apply(sum, layer_.upper);
      if (has_pseudo_ && !pseudo_.none()) sum = pseudo_.apply(sum, 0);
      break;
  }
  if (sum == 0 && zero_is_none) sum = 0xffff;
  if (sum != old) frame_.put16(sum_at_, sum);
}

/// Nothing of the addresses is in it. A field of 0 says that there is none (RFC 9653).
void LayerEdit::change_sctp_sum(std::uint32_t old_ports) noexcept {
  const std::uint32_t at = layer_.upper + 8;
  const std::uint32_t change =
      old_ports ^ (std::uint32_t{frame_.u16(layer_.upper)} << 16 | frame_.u16(layer_.upper + 2));
  const std::uint32_t old =
      __builtin_bswap32(std::uint32_t{frame_.u16(at)} << 16 | frame_.u16(at + 2));
  const bool whole = !layer_.fragment && !layer_.quoted && limit() == layer_.end;
  std::uint32_t sum = old;
  if (old == 0) return;
  if (options_.fix_checksums && all_rules_ && whole)
    sum = sctp_checksum(frame_.bytes().subspan(layer_.upper, layer_.end - layer_.upper));
  else if (change != 0)
    sum = sctp_checksum_update(old, change, layer_.end - layer_.upper);
  sum = __builtin_bswap32(sum);
  frame_.put16(at, static_cast<std::uint16_t>(sum >> 16));
  frame_.put16(at + 2, static_cast<std::uint16_t>(sum));
}

/// RFC 826: hardware and protocol addresses of the sender, then of the target.
void edit_arp(const AddressMap& addresses, Editor& frame, std::uint32_t at, Way way) noexcept {
  if (addresses.idle()) return;
  const std::uint32_t hardware = frame.u8(at + 4);
  const std::uint32_t sender = at + 8 + hardware;
  const std::uint32_t target = sender + 4 + hardware;
  for (const auto& [where, end] : {std::pair{sender, End::Source}, {target, End::Destination}}) {
    if (!frame.has(where, 4)) continue;
    std::array<std::uint8_t, 4> address{};
    std::ranges::copy(frame.bytes().subspan(where, 4), address.begin());
    addresses.apply(address, end, way);
    frame.put(where, address);
  }
}

}  // namespace gray
