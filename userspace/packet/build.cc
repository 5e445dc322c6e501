#include "userspace/packet/build.h"

#include <netinet/in.h>

#include <algorithm>
#include <stdexcept>

#include "userspace/packet/checksum.h"

namespace gray {
namespace {

using Bytes = PacketBuilder::Bytes;

constexpr std::size_t kMaxIpv4Options = 40;
constexpr std::uint16_t kBridged = 0x6558;
constexpr std::uint16_t kMplsType = 0x8847;
constexpr std::uint16_t kErspan2Type = 0x88be;

// An IP header calls by a protocol number what others call by an EtherType.
std::uint8_t protocol_of(std::uint16_t type) {
  switch (type) {
    case 0x0800:
      return IPPROTO_IPIP;
    case 0x86dd:
      return IPPROTO_IPV6;
    case kMplsType:
      return IPPROTO_MPLS;
    default:
      return static_cast<std::uint8_t>(type);
  }
}

void put16(Bytes& bytes, std::size_t at, std::uint32_t value) {
  bytes.at(at) = static_cast<std::uint8_t>(value >> 8);
  bytes.at(at + 1) = static_cast<std::uint8_t>(value);
}

void put32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  put16(bytes, at, value >> 16);
  put16(bytes, at + 2, value);
}

// CRC32c of SCTP (RFC 9260, appendix A), bit by bit: test frames are few.
std::uint32_t crc32c(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78U : 0);
  }
  return ~crc;
}

}  // namespace

PacketBuilder& PacketBuilder::add(Kind kind, Bytes header, std::uint16_t type) {
  layers_.push_back({.kind = kind, .header = std::move(header), .type = type});
  return *this;
}

PacketBuilder::Layer& PacketBuilder::last(Kind kind) {
  const auto found = std::find_if(layers_.rbegin(), layers_.rend(),
                                  [=](const Layer& l) { return l.kind == kind; });
  if (found == layers_.rend()) throw std::logic_error("PacketBuilder: no such layer yet");
  return *found;
}

PacketBuilder& PacketBuilder::eth(std::uint16_t type) {
  add(Kind::Ethernet, {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 0}, kBridged);
  layers_.back().inner = type;
  return *this;
}

PacketBuilder& PacketBuilder::vlan(std::uint16_t id, std::uint16_t tpid) {
  add(Kind::Vlan, Bytes(4), tpid);
  put16(layers_.back().header, 0, id);
  return *this;
}

PacketBuilder& PacketBuilder::ipv4(std::string_view source, std::string_view destination) {
  Bytes header(20);
  header[0] = 0x45;
  header[8] = 64;
  const IpAddress from = IpAddress::parse(source);
  const IpAddress to = IpAddress::parse(destination);
  std::copy_n(from.bytes.begin() + 12, 4, header.begin() + 12);
  std::copy_n(to.bytes.begin() + 12, 4, header.begin() + 16);
  return add(Kind::Ipv4, std::move(header), 0x0800);
}

PacketBuilder& PacketBuilder::options(const Bytes& options) {
  Layer& ip = last(Kind::Ipv4);
  if (options.size() > kMaxIpv4Options) throw std::logic_error("PacketBuilder: options too long");
  ip.header.insert(ip.header.end(), options.begin(), options.end());
  ip.header.resize((ip.header.size() + 3) / 4 * 4);
  ip.header[0] = static_cast<std::uint8_t>(0x40 | ip.header.size() / 4);
  return *this;
}

PacketBuilder& PacketBuilder::fragment(std::uint16_t offset, bool more, std::uint32_t id) {
  const auto innermost = std::find_if(layers_.rbegin(), layers_.rend(), [](const Layer& l) {
    return l.kind == Kind::Ipv4 || l.kind == Kind::Ipv6;
  });
  if (innermost != layers_.rend() && innermost->kind == Kind::Ipv6) {
    Bytes header(8);
    put16(header, 2, offset | (more ? 1U : 0U));
    put32(header, 4, id);
    return add(Kind::Extension, std::move(header), IPPROTO_FRAGMENT);
  }
  Layer& ip = last(Kind::Ipv4);
  put16(ip.header, 4, id);
  put16(ip.header, 6, offset / 8U | (more ? 0x2000U : 0U));
  return *this;
}

PacketBuilder& PacketBuilder::ttl(std::uint8_t hops) {
  Layer& layer = layers_.back();
  layer.header.at(layer.kind == Kind::Ipv6 ? 7 : 8) = hops;
  return *this;
}

PacketBuilder& PacketBuilder::ipv6(std::string_view source, std::string_view destination) {
  Bytes header(40);
  header[0] = 0x60;
  header[7] = 64;
  std::ranges::copy(IpAddress::parse(source).bytes, header.begin() + 8);
  std::ranges::copy(IpAddress::parse(destination).bytes, header.begin() + 24);
  return add(Kind::Ipv6, std::move(header), 0x86dd);
}

PacketBuilder& PacketBuilder::extension(std::uint8_t proto, std::uint8_t extra) {
  Bytes header(proto == IPPROTO_AH ? 8U + 4U * extra : 8U + 8U * extra);
  header[1] = extra;
  return add(Kind::Extension, std::move(header), proto);
}

PacketBuilder& PacketBuilder::protocol(std::uint8_t proto) {
  layers_.back().inner = proto;
  return *this;
}

PacketBuilder& PacketBuilder::tcp(std::uint16_t source, std::uint16_t destination,
                                  std::uint8_t flags) {
  Bytes header(20);
  put16(header, 0, source);
  put16(header, 2, destination);
  header[12] = 5 << 4;
  header[13] = flags;
  put16(header, 14, 65535);
  return add(Kind::Tcp, std::move(header), IPPROTO_TCP);
}

PacketBuilder& PacketBuilder::seq(std::uint32_t seq, std::uint32_t ack) {
  Layer& tcp = last(Kind::Tcp);
  put32(tcp.header, 4, seq);
  put32(tcp.header, 8, ack);
  return *this;
}

PacketBuilder& PacketBuilder::udp(std::uint16_t source, std::uint16_t destination) {
  Bytes header(8);
  put16(header, 0, source);
  put16(header, 2, destination);
  return add(Kind::Udp, std::move(header), IPPROTO_UDP);
}

PacketBuilder& PacketBuilder::sctp(std::uint16_t source, std::uint16_t destination) {
  Bytes header(12);
  put16(header, 0, source);
  put16(header, 2, destination);
  return add(Kind::Sctp, std::move(header), IPPROTO_SCTP);
}

PacketBuilder& PacketBuilder::icmp(std::uint8_t type, std::uint8_t code) {
  return add(Kind::Icmp, {type, code, 0, 0, 0, 1, 0, 1}, IPPROTO_ICMP);
}

PacketBuilder& PacketBuilder::icmpv6(std::uint8_t type, std::uint8_t code) {
  return add(Kind::Icmpv6, {type, code, 0, 0, 0, 1, 0, 1}, IPPROTO_ICMPV6);
}

PacketBuilder& PacketBuilder::mpls(std::uint32_t label) {
  Bytes header(4);
  put32(header, 0, label << 12 | 64);
  return add(Kind::Mpls, std::move(header), kMplsType);
}

PacketBuilder& PacketBuilder::vxlan(std::uint32_t vni) {
  Bytes header(8);
  header[0] = 8;
  put32(header, 4, vni << 8);
  return add(Kind::Opaque, std::move(header), 0);
}

PacketBuilder& PacketBuilder::geneve(std::uint32_t vni, const Bytes& options) {
  Bytes header(8);
  header[0] = static_cast<std::uint8_t>(options.size() / 4);
  put32(header, 4, vni << 8);
  header.insert(header.end(), options.begin(), options.end());
  return add(Kind::Geneve, std::move(header), 0);
}

PacketBuilder& PacketBuilder::gtp(std::uint32_t teid, std::uint8_t first, const Bytes& extensions) {
  Bytes header(first != 0 ? 12 : 8);
  header[0] = first != 0 ? 0x34 : 0x30;
  header[1] = 0xff;
  put32(header, 4, teid);
  if (first != 0) header[11] = first;
  header.insert(header.end(), extensions.begin(), extensions.end());
  return add(Kind::Gtp, std::move(header), 0);
}

PacketBuilder& PacketBuilder::gre(std::uint16_t flags) {
  Bytes header(4);
  put16(header, 0, flags);
  for (const unsigned bit : {0x8000U, 0x2000U, 0x1000U})
    if (flags & bit) header.insert(header.end(), {0, 0, 0, 0});
  return add(Kind::Gre, std::move(header), IPPROTO_GRE);
}

PacketBuilder& PacketBuilder::erspan2(std::uint16_t session) {
  Bytes header(8);
  header[0] = 0x10;
  put16(header, 2, session);
  return add(Kind::Opaque, std::move(header), kErspan2Type);
}

PacketBuilder& PacketBuilder::payload(std::string_view text) {
  return add(Kind::Payload, Bytes(text.begin(), text.end()), 0);
}

PacketBuilder& PacketBuilder::payload(std::span<const std::uint8_t> bytes) {
  return add(Kind::Payload, Bytes(bytes.begin(), bytes.end()), 0);
}

PacketBuilder& PacketBuilder::filler(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + (i >> 8));
  return add(Kind::Payload, std::move(bytes), 0);
}

Bytes PacketBuilder::bytes() const {
  Bytes frame;
  std::vector<std::size_t> starts;
  for (const Layer& layer : layers_) {
    starts.push_back(frame.size());
    frame.insert(frame.end(), layer.header.begin(), layer.header.end());
  }
  for (std::size_t i = layers_.size(); i-- > 0;) finish(i, frame, starts);
  return frame;
}

void PacketBuilder::finish(std::size_t index, Bytes& frame,
                           std::span<const std::size_t> starts) const {
  const Layer& layer = layers_[index];
  const std::size_t at = starts[index];
  const Layer* next = index + 1 < layers_.size() ? &layers_[index + 1] : nullptr;
  std::uint16_t type = next != nullptr && next->kind != Kind::Payload ? next->type : layer.inner;
  const std::uint8_t proto = protocol_of(type);
  const std::size_t length = frame.size() - at;

  switch (layer.kind) {
    case Kind::Ethernet:
      return put16(frame, at + 12, type);
    case Kind::Vlan:
      return put16(frame, at + 2, type);
    case Kind::Ipv4:
      put16(frame, at + 2, static_cast<std::uint32_t>(length));
      frame[at + 9] = proto;
      return put16(frame, at + 10,
                   internet_checksum(std::span(frame).subspan(at, layer.header.size())));
    case Kind::Ipv6:
      put16(frame, at + 4, static_cast<std::uint32_t>(length - layer.header.size()));
      frame[at + 6] = proto;
      return;
    case Kind::Extension:
      frame[at] = proto;
      return;
    case Kind::Mpls:
      if (next == nullptr || next->kind != Kind::Mpls) frame[at + 2] |= 1;
      return;
    case Kind::Geneve:
      return put16(frame, at + 2, type);
    case Kind::Gtp:
      return put16(frame, at + 2, static_cast<std::uint32_t>(length - 8));
    case Kind::Gre:
      put16(frame, at + 2, type);
      if (frame[at] & 0x80) put16(frame, at + 4, internet_checksum(std::span(frame).subspan(at)));
      return;
    case Kind::Opaque:
    case Kind::Payload:
      return;
    default:
      return finish_transport(index, frame, starts);
  }
}

void PacketBuilder::finish_transport(std::size_t index, Bytes& frame,
                                     std::span<const std::size_t> starts) const {
  const Kind kind = layers_[index].kind;
  const std::size_t at = starts[index];
  const auto segment = std::span(frame).subspan(at);
  if (kind == Kind::Udp) put16(frame, at + 4, static_cast<std::uint32_t>(segment.size()));
  if (kind == Kind::Icmp) return put16(frame, at + 2, internet_checksum(segment));
  if (kind == Kind::Sctp) {  // the one field that goes out least significant byte first
    const std::uint32_t crc = crc32c(segment);
    return put32(frame, at + 8, __builtin_bswap32(crc));
  }
  for (std::size_t i = index; i-- > 0;) {
    const std::uint8_t* ip = frame.data() + starts[i];
    const bool v4 = layers_[i].kind == Kind::Ipv4;
    if (!v4 && layers_[i].kind != Kind::Ipv6) continue;
    const IpAddress source = v4 ? IpAddress::v4(ip + 12) : IpAddress::v6(ip + 8);
    const IpAddress destination = v4 ? IpAddress::v4(ip + 16) : IpAddress::v6(ip + 24);
    const std::size_t field = kind == Kind::Tcp ? 16 : kind == Kind::Udp ? 6 : 2;
    const auto proto = static_cast<std::uint8_t>(layers_[index].type);
    return put16(frame, at + field, transport_checksum(source, destination, proto, segment));
  }
}

}  // namespace gray
