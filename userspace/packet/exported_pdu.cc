#include "userspace/packet/exported_pdu.h"

#include <netinet/in.h>

#include <optional>
#include <string_view>

#include "userspace/packet/layers.h"

namespace gray {
namespace {

// Of Wireshark's epan/exported_pdu.h; a tag is its number and its length, two bytes each, and as
// many bytes.
namespace tag {
constexpr std::uint16_t kEnd = 0;
constexpr std::uint16_t kDissector = 12;
constexpr std::uint16_t kHeuristicDissector = 13;  ///< found by content
constexpr std::uint16_t kIpv4Source = 20;
constexpr std::uint16_t kIpv4Destination = 21;
constexpr std::uint16_t kIpv6Source = 22;
constexpr std::uint16_t kIpv6Destination = 23;
constexpr std::uint16_t kPortType = 24;
constexpr std::uint16_t kSourcePort = 25;
constexpr std::uint16_t kDestinationPort = 26;
}  // namespace tag
constexpr std::uint32_t kTagHeader = 4;
constexpr std::uint32_t kPortTypeTcp = 2;

struct Tags {
  std::optional<PduProtocol> protocol;
  std::optional<IpAddress> source;
  std::optional<IpAddress> destination;
  std::uint32_t port_type = 0;
  std::uint32_t source_port = 0;
  std::uint32_t destination_port = 0;

  bool of_a_stream() const noexcept {
    return protocol && source && destination && source->is_v4() == destination->is_v4() &&
           port_type == kPortTypeTcp && source_port <= 0xffff && destination_port <= 0xffff;
  }
};

/// Only names under which the bytes of the connection itself are exported: others' PDUs are parts
/// of messages that are exported already. Names are padded with zeros.
std::optional<PduProtocol> protocol_of(Piece value) noexcept {
  std::string_view name(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  name = name.substr(0, name.find('\0'));
  if (name == "http2") return PduProtocol::Http2;
  if (name == "http-over-tls" || name == "http_tls" || name == "http") return PduProtocol::Http1;
  return std::nullopt;
}

void take_address(std::optional<IpAddress>& address, Piece value, bool is_v4) noexcept {
  if (value.wire != (is_v4 ? 4U : 16U)) return;
  address = is_v4 ? IpAddress::v4(value.bytes.data()) : IpAddress::v6(value.bytes.data());
}

void take_number(std::uint32_t& number, Piece value) noexcept {
  if (value.wire == 4) number = value.u32(0);
}

void take(Tags& tags, std::uint16_t kind, Piece value) noexcept {
  switch (kind) {
    case tag::kDissector:
    case tag::kHeuristicDissector:
      tags.protocol = protocol_of(value);
      break;
    case tag::kIpv4Source:
    case tag::kIpv6Source:
      take_address(tags.source, value, kind == tag::kIpv4Source);
      break;
    case tag::kIpv4Destination:
    case tag::kIpv6Destination:
      take_address(tags.destination, value, kind == tag::kIpv4Destination);
      break;
    case tag::kPortType:
      take_number(tags.port_type, value);
      break;
    case tag::kSourcePort:
      take_number(tags.source_port, value);
      break;
    case tag::kDestinationPort:
      take_number(tags.destination_port, value);
      break;
    default:
      break;
  }
}

/// What is behind the last tag; nothing when the tags are cut or have no end.
std::optional<Piece> read_tags(Piece rest, Tags& tags) noexcept {
  while (rest.has(kTagHeader)) {
    const std::uint16_t kind = rest.u16(0);
    const std::uint16_t length = rest.u16(2);
    rest = rest.after(kTagHeader);
    if (!rest.has(length)) return std::nullopt;
    if (kind == tag::kEnd) return rest.after(length);
    take(tags, kind, rest.first(length));
    rest = rest.after(length);
  }
  return std::nullopt;
}

}  // namespace

ExportedPdu read_exported_pdu(const Frame& frame) noexcept {
  const auto captured = static_cast<std::uint32_t>(frame.bytes.size());
  Tags tags;
  ExportedPdu pdu;
  Packet& packet = pdu.packet;
  packet.time_ns = frame.time_ns;
  const auto bytes = read_tags({frame.bytes, std::max(frame.wire_len, captured)}, tags);
  if (!bytes || !tags.of_a_stream()) {
    packet.odd = bytes ? Odd::PduOfNoStream : Odd::PduTags;
    return pdu;
  }
  pdu.protocol = *tags.protocol;
  packet.is_ip = true;
  packet.is_v4 = tags.source->is_v4();
  packet.has_tcp = true;
  packet.ip_proto = IPPROTO_TCP;
  packet.tcp_flags = kTcpPsh;
  packet.source = {*tags.source, static_cast<std::uint16_t>(tags.source_port)};
  packet.destination = {*tags.destination, static_cast<std::uint16_t>(tags.destination_port)};
  packet.payload = bytes->bytes;
  packet.payload_wire_len = bytes->wire;
  return pdu;
}

}  // namespace gray
