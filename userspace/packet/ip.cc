// From the IP header to the payload: IPv4 with options, IPv6 with extension headers, TCP, UDP.
// Checksums are never verified: offloads leave them unfinished in what a host captures of itself.
#include <netinet/in.h>

#include "bpf/extensions.h"
#include "userspace/packet/layers.h"

namespace gray {
namespace {

constexpr std::uint32_t kIpv4Header = 20;
constexpr std::uint32_t kIpv6Header = 40;
constexpr std::uint32_t kTcpHeader = 20;
constexpr std::uint32_t kUdpHeader = 8;
constexpr std::uint32_t kSctpHeader = 12;
constexpr std::uint32_t kFragmentHeader = 8;

/// The IP payload, while a Packet is being filled, and in it the header of the upper layer. The two
/// differ in IPv6's first fragments only, where extension headers may stand between them.
struct Payload {
  Odd odd = Odd::None;
  Piece data;
  Piece upper;
};

Payload stop(Odd odd) noexcept {
  return {.odd = odd, .data = {}, .upper = {}};
}

Payload found(Piece data) noexcept {
  return {.odd = Odd::None, .data = data, .upper = data};
}

/// RFC 791. Total length 0 is what a host captures of its own segments before the NIC cuts them
/// (TSO above 64 KB): they reach to the end of the frame.
Payload read_ipv4(Piece data, Packet& packet) noexcept {
  if (!data.has(kIpv4Header)) return stop(Odd::IpHeader);
  const std::uint32_t header = (data.u8(0) & 0x0fU) * 4;
  const std::uint32_t total = data.u16(2) == 0 ? data.wire : data.u16(2);
  if (header < kIpv4Header || total < header || total > data.wire) return stop(Odd::IpHeader);

  const Piece datagram = data.first(total);
  const std::uint16_t fragment = data.u16(6);
  packet.is_ip = true;
  packet.is_v4 = true;
  packet.l3 = datagram.bytes;
  packet.ip_id = data.u16(4);
  packet.ttl = data.u8(8);
  packet.ip_proto = data.u8(9);
  packet.source.address = IpAddress::v4(&data.bytes[12]);
  packet.destination.address = IpAddress::v4(&data.bytes[16]);
  packet.more_fragments = fragment & 0x2000;
  packet.fragment_offset = (fragment & 0x1fffU) * 8;
  packet.fragment = packet.more_fragments || packet.fragment_offset != 0;
  packet.first_fragment = packet.fragment && packet.fragment_offset == 0;
  packet.fragment_id = packet.fragment ? packet.ip_id : 0;
  return found(datagram.after(header));
}

/// RFC 8200 §4.5. A fragment of a datagram in one piece (RFC 6946) is an ordinary datagram.
void read_fragment_header(Piece header, Packet& packet) noexcept {
  const std::uint16_t offset_and_more = header.u16(2);
  if ((offset_and_more & 0xfff9U) == 0) return;
  packet.more_fragments = offset_and_more & 1;
  packet.fragment_offset = offset_and_more & 0xfff8U;
  packet.fragment_id = header.u32(4);
  packet.fragment = packet.more_fragments || packet.fragment_offset != 0;
  packet.first_fragment = packet.fragment && packet.fragment_offset == 0;
}

/// RFC 8200 §4: walks to the upper-layer header. Behind the fragment header of a later fragment
/// there is none.
Payload skip_extensions(Piece data, Packet& packet) noexcept {
  Payload payload = found(data);
  for (unsigned count = 0; gray_is_extension(packet.ip_proto); ++count) {
    if (count == GRAY_MAX_EXT_HEADERS || !data.has(8)) return stop(Odd::Ipv6Extension);
    const std::uint8_t proto = packet.ip_proto;
    std::uint32_t length = (data.u8(1) + 1U) * 8;
    if (proto == IPPROTO_FRAGMENT) length = kFragmentHeader;
    if (proto == IPPROTO_AH) length = (data.u8(1) + 2U) * 4;  // RFC 4302 §2.2
    if (length > data.wire) return stop(Odd::Ipv6Extension);
    packet.ip_proto = data.u8(0);
    if (proto == IPPROTO_FRAGMENT) read_fragment_header(data, packet);
    data = data.after(length);
    payload.upper = data;
    if (!packet.fragment || proto == IPPROTO_FRAGMENT) payload.data = data;
    if (packet.fragment && !packet.first_fragment) break;
  }
  return payload;
}

/// Payload length 0 is a jumbogram (RFC 2675), or one of Linux's super-frames that is still to be
/// cut (BIG TCP): both reach to the end of the frame.
Payload read_ipv6(Piece data, Packet& packet) noexcept {
  if (!data.has(kIpv6Header)) return stop(Odd::IpHeader);
  const std::uint32_t length = data.u16(4);
  const std::uint32_t total = length == 0 ? data.wire : kIpv6Header + length;
  if (total > data.wire) return stop(Odd::IpHeader);

  const Piece datagram = data.first(total);
  packet.is_ip = true;
  packet.l3 = datagram.bytes;
  packet.ip_proto = data.u8(6);
  packet.ttl = data.u8(7);
  packet.source.address = IpAddress::v6(&data.bytes[8]);
  packet.destination.address = IpAddress::v6(&data.bytes[24]);
  return skip_extensions(datagram.after(kIpv6Header), packet);
}

void set_payload(Piece payload, Packet& packet) noexcept {
  packet.payload = payload.bytes;
  packet.payload_wire_len = payload.wire;
}

void read_ports(Piece data, Packet& packet) noexcept {
  packet.source.port = data.u16(0);
  packet.destination.port = data.u16(2);
}

void read_tcp(Piece data, Packet& packet) noexcept {
  const std::uint32_t header = data.has(kTcpHeader) ? (data.u8(12) >> 4) * 4U : 0;
  if (header < kTcpHeader || header > data.wire) {
    packet.odd = Odd::L4Header;
    return;
  }
  packet.has_tcp = true;
  read_ports(data, packet);
  packet.seq = data.u32(4);
  packet.ack = data.u32(8);
  packet.tcp_flags = data.u8(13);
  packet.window = data.u16(14);
  set_payload(data.after(header), packet);
}

/// Length 0 is a datagram above 64 KB (RFC 2675 §4).
void read_udp(Piece data, Packet& packet) noexcept {
  const std::uint32_t claimed = data.has(kUdpHeader) ? data.u16(4) : 1;
  const std::uint32_t length = claimed == 0 ? data.wire : claimed;
  if (length < kUdpHeader || length > data.wire) {
    packet.odd = Odd::L4Header;
    return;
  }
  packet.has_udp = true;
  read_ports(data, packet);
  set_payload(data.first(length).after(kUdpHeader), packet);
}

/// Its ports only, for the flow key; no stage reads on.
void read_sctp(Piece data, Packet& packet) noexcept {
  if (data.has(kSctpHeader))
    read_ports(data, packet);
  else
    packet.odd = Odd::L4Header;
}

bool has_ports(std::uint8_t proto) noexcept {
  return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

void read_upper(Piece data, Packet& packet) noexcept {
  switch (packet.ip_proto) {
    case IPPROTO_TCP:
      return read_tcp(data, packet);
    case IPPROTO_UDP:
      return read_udp(data, packet);
    case IPPROTO_SCTP:
      return read_sctp(data, packet);
    default:
      return;
  }
}

Payload read_network(Piece data, Packet& packet) noexcept {
  const unsigned version = data.has(1) ? data.u8(0) >> 4 : 0;
  if (version == 4) return read_ipv4(data, packet);
  if (version == 6) return read_ipv6(data, packet);
  return stop(Odd::IpHeader);
}

}  // namespace

Piece upper_layer(const Packet& first_fragment) noexcept {
  // The length of the whole datagram is not known.
  constexpr std::uint32_t kUnknownLength = 0xffff;
  Packet again;
  const auto size = static_cast<std::uint32_t>(first_fragment.l3.size());
  const Payload payload = read_network({first_fragment.l3, size + kUnknownLength}, again);
  return {payload.upper.bytes, kUnknownLength};
}

Packet read_ip(Piece data) noexcept {
  Packet packet;
  const Payload payload = read_network(data, packet);
  packet.odd = payload.odd;
  if (packet.odd != Odd::None) return packet;

  set_payload(payload.data, packet);
  if (!packet.fragment)
    read_upper(payload.upper, packet);
  else if (packet.first_fragment && has_ports(packet.ip_proto) && payload.upper.has(4))
    read_ports(payload.upper, packet);
  return packet;
}

}  // namespace gray
