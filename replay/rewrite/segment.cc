#include "replay/rewrite/segment.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "bpf/tag.h"
#include "replay/rewrite/address_list.h"
#include "replay/rewrite/extensions.h"
#include "userspace/base/errors.h"
#include "userspace/packet/checksum.h"
#include "userspace/packet/layers.h"

namespace gray {
namespace {

using Bytes = std::span<const std::uint8_t>;
using Room = std::span<std::uint8_t>;

constexpr std::size_t kLeastMtu = 576;  // RFC 791: what every host takes
constexpr std::uint32_t kIpv6Header = 40;
constexpr std::uint32_t kFragmentHeader = 8;
constexpr std::uint8_t kCwr = 0x80;

std::uint16_t get16(Bytes bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
std::uint32_t get32(Bytes bytes, std::size_t at) noexcept {
  return std::uint32_t{get16(bytes, at)} << 16 | get16(bytes, at + 2);
}
void put16(Room bytes, std::size_t at, std::uint32_t value) noexcept {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}
void put32(Room bytes, std::size_t at, std::uint32_t value) noexcept {
  put16(bytes, at, value >> 16);
  put16(bytes, at + 2, value & 0xffff);
}

CutPlan refused(CutRefusal why) noexcept {
  CutPlan plan;
  plan.refusal = why;
  plan.pieces = 0;
  return plan;
}

/// Where the link header with its VLAN tags ends, and whether it holds no length of its own.
struct LinkHeader {
  std::size_t bytes = 0;
  bool plain = true;
};
LinkHeader link_header(Bytes frame, LinkType link) noexcept {
  if (link != LinkType::Ethernet) return {};
  LinkHeader header{.bytes = 14, .plain = false};
  while (header.bytes + 4 <= frame.size()) {
    const std::uint16_t type = get16(frame, header.bytes - 2);
    if (type != ether_type::kVlan && type != ether_type::kQinq && type != ether_type::kQinqOld) {
      header.plain = type == ether_type::kIpv4 || type == ether_type::kIpv6 ||
                     type == ether_type::kMpls || type == ether_type::kMplsMulticast;
      break;
    }
    header.bytes += 4;
  }
  return header;
}

/// RFC 2675: a hop-by-hop header that holds the jumbo payload option and nothing else.
std::uint32_t jumbo_bytes(Bytes frame, const CutPlan& plan) noexcept {
  const std::size_t at = plan.ip + kIpv6Header;
  const bool jumbo = !plan.v4 && get16(frame, plan.ip + 4) == 0 && frame[plan.ip + 6] == 0 &&
                     at + 8 <= plan.upper && frame[at + 1] == 0 && frame[at + 2] == 0xc2;
  return jumbo ? 8 : 0;
}

/// The upper-layer header, and the address that is the destination in its checksum.
bool find_upper(Bytes frame, CutPlan& plan) noexcept {
  IpLayer layer;
  layer.ip = plan.ip;
  layer.v4 = plan.v4;
  layer.header = plan.v4 ? (frame[plan.ip] & 0x0fU) * 4 : kIpv6Header;
  plan.upper = plan.ip + layer.header;
  plan.destination = plan.ip + (plan.v4 ? 16 : 24);
  if (!plan.v4) {
    ExtensionChain chain(frame, frame[plan.ip + 6], plan.upper);
    while (chain.step()) {
    }
    if (chain.current().is_extension()) return false;
    plan.upper = chain.current().at;
  }
  if (plan.upper == plan.ip + (plan.v4 ? 20 : kIpv6Header)) return true;
  const AddressList list = list_addresses(frame, layer);
  if (list.final_destination != 0) plan.destination = list.final_destination;
  return !list.odd && list.home_source == 0;
}

/// Where what every IPv6 fragment repeats ends: behind the routing header or the hop-by-hop options
/// (RFC 8200 §4.5).
std::uint32_t repeated_end(Bytes frame, const CutPlan& plan) noexcept {
  ExtensionChain chain(frame, frame[plan.ip + 6], plan.ip + kIpv6Header);
  std::uint32_t end = plan.ip + kIpv6Header;
  do {
    const Extension& header = chain.current();
    if (header.proto == IPPROTO_HOPOPTS || header.proto == IPPROTO_ROUTING)
      end = header.at + header.length;
  } while (chain.step());
  return end;
}

IpAddress address_at(Bytes frame, std::uint32_t at, bool v4) noexcept {
  return v4 ? IpAddress::v4(&frame[at]) : IpAddress::v6(&frame[at]);
}

void finish_ipv4(Room ip, std::size_t length, std::size_t header) noexcept {
  put16(ip, 2, static_cast<std::uint32_t>(length));
  put16(ip, 10, 0);
  put16(ip, 10, internet_checksum(ip.first(header)));
}

/// Copies the frame up to `end` without a jumbogram's option; gives the length.
std::size_t copy_head(const CutPlan& plan, Bytes frame, std::uint32_t end, Room out) noexcept {
  const std::size_t first = plan.jumbo == 0 ? end : plan.ip + kIpv6Header;
  std::memcpy(out.data(), frame.data(), first);
  if (plan.jumbo == 0) return first;
  const std::size_t skipped = first + plan.jumbo;
  std::memcpy(out.data() + first, frame.data() + skipped, end - skipped);
  out[plan.ip + 6] = frame[first];
  return end - plan.jumbo;
}

/// FIN and PSH are the last piece's, CWR the first's (RFC 3168 §6.1.2); the urgent pointer counts
/// from the piece's own sequence number.
void finish_tcp_flags(Room tcp, std::uint32_t offset, std::uint32_t index, bool last) noexcept {
  std::uint8_t flags = tcp[13];
  if (!last) flags &= static_cast<std::uint8_t>(~(kTcpFin | kTcpPsh));
  if (index != 0) flags &= static_cast<std::uint8_t>(~kCwr);
  const std::uint32_t urgent = get16(tcp, 18);
  if ((flags & kTcpUrg) && urgent <= offset && offset != 0) {
    flags &= static_cast<std::uint8_t>(~kTcpUrg);
    put16(tcp, 18, 0);
  } else if (flags & kTcpUrg) {
    put16(tcp, 18, urgent - offset);
  }
  tcp[13] = flags;
}

std::size_t write_segment(const CutPlan& plan, Bytes frame, std::uint32_t index,
                          Room out) noexcept {
  const std::uint32_t offset = index * plan.piece_data;
  const std::uint32_t data = std::min(plan.piece_data, plan.end - plan.data - offset);
  const std::size_t head = plan.data - plan.jumbo;
  if (out.size() < head + data) return 0;
  copy_head(plan, frame, plan.data, out);
  std::memcpy(out.data() + head, frame.data() + plan.data + offset, data);

  const Room ip = out.subspan(plan.ip, head - plan.ip + data);
  if (plan.v4) {
    put16(ip, 4, get16(ip, 4) + index);
    finish_ipv4(ip, ip.size(), plan.upper - plan.ip);
  } else {
    put16(ip, 4, static_cast<std::uint32_t>(ip.size() - kIpv6Header));
  }
  const Room tcp = ip.subspan(plan.upper - plan.jumbo - plan.ip);
  put32(tcp, 4, get32(tcp, 4) + offset);
  finish_tcp_flags(tcp, offset, index, index + 1 == plan.pieces);
  put16(tcp, 16, 0);
  put16(tcp, 16,
        transport_checksum(address_at(frame, plan.ip + (plan.v4 ? 12 : 8), plan.v4),
                           address_at(frame, plan.destination, plan.v4), IPPROTO_TCP, tcp));
  return head + data;
}

/// Options that only the first fragment carries (RFC 791 §3.1) become no-operations, as in Linux.
void blank_options(Room ip, std::size_t header) noexcept {
  constexpr std::uint8_t kNop = 1;
  constexpr std::uint8_t kCopied = 0x80;
  for (std::size_t at = 20; at < header && ip[at] != 0;) {
    const std::size_t length = ip[at] == kNop || at + 1 == header ? 1 : ip[at + 1];
    if (length == 0 || at + length > header) return;
    if (!(ip[at] & kCopied)) std::memset(&ip[at], kNop, length);
    at += length;
  }
}

/// A UDP checksum that was left to a network card is computed before the datagram is cut. `at` is
/// where its header lies in the first piece.
void finish_udp(const CutPlan& plan, Bytes frame, Room piece, std::size_t at) noexcept {
  const auto datagram = frame.subspan(plan.upper, plan.end - plan.upper);
  if (!plan.udp || get16(datagram, 4) != datagram.size() || at + 8 > piece.size()) return;
  const std::uint16_t field = get16(datagram, 6);
  if (field == 0 && plan.v4) return;
  std::uint64_t sum = pseudo_header_sum(address_at(frame, plan.ip + (plan.v4 ? 12 : 8), plan.v4),
                                        address_at(frame, plan.destination, plan.v4), IPPROTO_UDP,
                                        static_cast<std::uint32_t>(datagram.size()));
  sum = checksum_add(sum, datagram) + static_cast<std::uint16_t>(~field);
  const std::uint16_t checksum = checksum_finish(sum);
  put16(piece, at + 6, checksum == 0 ? 0xffff : checksum);
}

std::size_t write_fragment_v4(const CutPlan& plan, Bytes frame, std::uint32_t index,
                              Room out) noexcept {
  const std::uint32_t offset = index * plan.piece_data;
  const std::uint32_t data = std::min(plan.piece_data, plan.end - plan.data - offset);
  if (out.size() < plan.data + data) return 0;
  std::memcpy(out.data(), frame.data(), plan.data);
  std::memcpy(out.data() + plan.data, frame.data() + plan.data + offset, data);
  const Room ip = out.subspan(plan.ip, plan.data - plan.ip + data);
  const bool last = index + 1 == plan.pieces;
  put16(ip, 6, offset / 8 | (last ? 0U : 0x2000U));
  if (index != 0) blank_options(ip, plan.data - plan.ip);
  finish_ipv4(ip, ip.size(), plan.data - plan.ip);
  if (index == 0) finish_udp(plan, frame, out.first(plan.data + data), plan.upper);
  return plan.data + data;
}

/// The same for all fragments of a datagram, another one for the next datagram.
std::uint32_t fragment_id(const CutPlan& plan, Bytes frame) noexcept {
  const std::uint64_t sum = checksum_add(0, frame.subspan(plan.ip, plan.end - plan.ip));
  return static_cast<std::uint32_t>(
      gray_mix(sum << 32 | get32(frame, std::min(plan.data, plan.end - 4))));
}

std::size_t write_fragment_v6(const CutPlan& plan, Bytes frame, std::uint32_t index,
                              Room out) noexcept {
  const std::uint32_t offset = index * plan.piece_data;
  const std::uint32_t data = std::min(plan.piece_data, plan.end - plan.data - offset);
  const std::size_t head = plan.data - plan.jumbo;
  if (out.size() < head + kFragmentHeader + data) return 0;
  copy_head(plan, frame, plan.data, out);
  const Room ip = out.subspan(plan.ip, head - plan.ip + kFragmentHeader + data);
  put16(ip, 4, static_cast<std::uint32_t>(ip.size() - kIpv6Header));
  std::size_t next_at = 6;
  for (std::size_t at = kIpv6Header; at < head - plan.ip; at += (ip[at + 1] + 1U) * 8) next_at = at;
  const Room fragment = ip.subspan(head - plan.ip);
  fragment[0] = ip[next_at];
  fragment[1] = 0;
  ip[next_at] = IPPROTO_FRAGMENT;
  put16(fragment, 2, offset | (index + 1 == plan.pieces ? 0U : 1U));
  put32(fragment, 4, fragment_id(plan, frame));
  std::memcpy(&fragment[kFragmentHeader], frame.data() + plan.data + offset, data);
  const std::size_t length = head + kFragmentHeader + data;
  const std::size_t upper = plan.upper - plan.jumbo + kFragmentHeader;
  if (index == 0) finish_udp(plan, frame, out.first(length), upper);
  return length;
}

}  // namespace

std::string_view to_string(CutRefusal refusal) noexcept {
  switch (refusal) {
    case CutRefusal::None:
      return "none";
    case CutRefusal::Cut:
      return "snapped";
    case CutRefusal::NotTcp:
      return "not_tcp";
    case CutRefusal::Fragment:
      return "fragment";
    case CutRefusal::Odd:
      return "odd";
  }
  return "unknown";
}

Segmenter::Segmenter(std::size_t mtu, OtherThanTcp others) : mtu_(mtu), others_(others) {
  if (mtu < kLeastMtu) throw UsageError("an MTU is at least 576 bytes (RFC 791)");
}

CutPlan Segmenter::plan(Bytes frame, std::uint32_t wire_length, LinkType link) const noexcept {
  const auto captured = static_cast<std::uint32_t>(frame.size());
  const std::uint32_t wire = std::max(wire_length, captured);
  const LinkHeader header = link_header(frame, link);
  if (wire <= header.bytes + mtu_) return {};
  const Network network = open_link(link, {frame, wire});
  if (network.odd != Odd::None) return refused(CutRefusal::Odd);
  const Packet packet = read_ip(network.ip);
  if (!packet.is_ip) return refused(CutRefusal::Odd);

  CutPlan plan;
  plan.v4 = packet.is_v4;
  plan.ip = static_cast<std::uint32_t>(network.ip.bytes.data() - frame.data());
  const std::uint32_t claimed = network.ip.u16(plan.v4 ? 2 : 4);
  const std::uint32_t total =
      claimed == 0 ? network.ip.wire : claimed + (plan.v4 ? 0 : kIpv6Header);
  if (total <= mtu_) return {};  // the rest is padding
  plan.end = plan.ip + total;
  if (plan.end > captured) return refused(CutRefusal::Cut);
  if (packet.odd != Odd::None || !header.plain || !find_upper(frame, plan))
    return refused(CutRefusal::Odd);
  if (packet.fragment) return refused(CutRefusal::Fragment);
  plan.jumbo = jumbo_bytes(frame, plan);
  plan.tcp = packet.has_tcp;
  plan.udp = packet.has_udp;
  if (!plan.tcp && others_ == OtherThanTcp::Refuse) return refused(CutRefusal::NotTcp);
  return divide(plan, frame);
}

/// Decides how much payload a piece has.
CutPlan Segmenter::divide(CutPlan plan, Bytes frame) const noexcept {
  std::size_t head = 0;
  if (plan.tcp) {
    plan.data = plan.upper + (frame[plan.upper + 12] >> 4) * 4U;
    head = plan.data - plan.ip - plan.jumbo;
  } else {
    plan.data = plan.v4 ? plan.upper : repeated_end(frame, plan);
    head = plan.data - plan.ip - plan.jumbo + (plan.v4 ? 0 : kFragmentHeader);
  }
  if (head + 8 > mtu_ || plan.data >= plan.end) return refused(CutRefusal::Odd);
  plan.piece_data = static_cast<std::uint32_t>(mtu_ - head);
  const std::uint32_t rest = plan.end - plan.data;
  if (!plan.tcp) {
    plan.piece_data &= ~std::uint32_t{7};
    if (rest > 0xffff) return refused(CutRefusal::NotTcp);  // beyond what an offset can say
  }
  plan.pieces = (rest + plan.piece_data - 1) / plan.piece_data;
  return plan;
}

std::size_t Segmenter::write(const CutPlan& plan, Bytes frame, std::uint32_t index,
                             Room out) const noexcept {
  if (plan.piece_data == 0) {
    if (plan.pieces != 1 || out.size() < frame.size()) return 0;
    std::memcpy(out.data(), frame.data(), frame.size());
    return frame.size();
  }
  if (index >= plan.pieces) return 0;
  if (plan.tcp) return write_segment(plan, frame, index, out);
  return plan.v4 ? write_fragment_v4(plan, frame, index, out)
                 : write_fragment_v6(plan, frame, index, out);
}

}  // namespace gray
