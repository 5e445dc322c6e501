#include "userspace/packet/print.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <ctime>
#include <iterator>
#include <string_view>

#include "userspace/base/clock.h"
#include "userspace/packet/layers.h"

namespace gray {
namespace {

class Line {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void print_time(Line& line, std::uint64_t time_ns) {
  const auto seconds = static_cast<std::time_t>(time_ns / kNsPerSecond);
  std::tm local{};
  localtime_r(&seconds, &local);
  line.add("{:02}:{:02}:{:02}.{:09} ", local.tm_hour, local.tm_min, local.tm_sec,
           time_ns % kNsPerSecond);
}

std::string_view ether_type_name(std::uint16_t type) {
  switch (type) {
    case ether_type::kIpv4:
      return "IPv4";
    case ether_type::kIpv6:
      return "IPv6";
    case ether_type::kArp:
      return "ARP";
    case ether_type::kVlan:
      return "802.1Q";
    case ether_type::kQinq:
    case ether_type::kQinqOld:
      return "802.1Q-QinQ";
    case ether_type::kMpls:
    case ether_type::kMplsMulticast:
      return "MPLS";
    case ether_type::kPppoeSession:
      return "PPPoE S";
    case 0x88cc:
      return "LLDP";
    default:
      return "Unknown";
  }
}

void print_mac(Line& line, Piece frame, std::size_t at) {
  line.add("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", frame.u8(at), frame.u8(at + 1),
           frame.u8(at + 2), frame.u8(at + 3), frame.u8(at + 4), frame.u8(at + 5));
}

void print_link_header(Line& line, Piece frame) {
  if (!frame.has(14)) return;
  const std::uint16_t type = frame.u16(12);
  print_mac(line, frame, 6);
  line.add(" > ");
  print_mac(line, frame, 0);
  if (type < ether_type::kLeastType)
    line.add(", 802.3, length {}: ", type);
  else
    line.add(", ethertype {} (0x{:04x}), length {}: ", ether_type_name(type), type, frame.wire);
}

/// Behind Ethernet and its VLAN tags: EtherType and what follows.
std::uint16_t skip_vlans(Piece& data) {
  std::uint16_t type = data.u16(12);
  data = data.after(14);
  while ((type == ether_type::kVlan || type == ether_type::kQinq || type == ether_type::kQinqOld) &&
         data.has(4)) {
    type = data.u16(2);
    data = data.after(4);
  }
  return type;
}

/// RFC 826, for Ethernet and IPv4.
void print_arp(Line& line, Piece arp) {
  constexpr std::uint16_t kRequest = 1;
  constexpr std::uint16_t kReply = 2;
  if (!arp.has(28) || arp.u32(0) != 0x00010800 || arp.u16(4) != 0x0604) {
    line.add("ARP, length {}", arp.wire);
    return;
  }
  const std::string sender = IpAddress::v4(&arp.bytes[14]).to_string();
  const std::string target = IpAddress::v4(&arp.bytes[24]).to_string();
  const std::uint16_t operation = arp.u16(6);
  if (operation == kRequest) {
    line.add("ARP, Request who-has {} tell {}", target, sender);
  } else if (operation == kReply) {
    line.add("ARP, Reply {} is-at ", sender);
    print_mac(line, arp, 8);
  } else {
    line.add("ARP, operation {}", operation);
  }
  line.add(", length {}", arp.wire);
}

void print_not_ip(Line& line, LinkType link, Piece frame, Odd odd) {
  if (odd == Odd::NotIp && link == LinkType::Ethernet && frame.has(14)) {
    const std::uint16_t type = skip_vlans(frame);
    if (type == ether_type::kArp) return print_arp(line, frame);
    if (type >= ether_type::kLeastType)
      line.add("ethertype {} (0x{:04x}), length {}", ether_type_name(type), type, frame.wire);
    else
      line.add("802.3, length {}", type);
    return;
  }
  line.add("[{}], length {}", to_string(odd), frame.wire);
}

std::string flags_of(std::uint8_t flags) {
  constexpr std::string_view kNames = "FSRP.UEW";
  std::string text;
  for (unsigned bit = 0; bit < kNames.size(); ++bit)
    if (flags & 1U << bit) text += kNames[bit];
  return text.empty() ? "none" : text;
}

void print_tcp(Line& line, const Packet& packet) {
  const std::uint32_t length = packet.payload_wire_len;
  line.add("Flags [{}], ", flags_of(packet.tcp_flags));
  if (length > 0)
    line.add("seq {}:{}, ", packet.seq, packet.seq + length);
  else if (packet.tcp_flags & (kTcpSyn | kTcpFin | kTcpRst))
    line.add("seq {}, ", packet.seq);
  if (packet.tcp_flags & kTcpAck) line.add("ack {}, ", packet.ack);
  line.add("win {}, length {}", packet.window, length);
}

std::string_view icmp_name(bool v6, std::uint8_t type) {
  switch (type | (v6 ? 0x100 : 0)) {
    case 0:
    case 0x181:
      return "echo reply";
    case 8:
    case 0x180:
      return "echo request";
    case 3:
    case 0x101:
      return "destination unreachable";
    case 5:
    case 0x189:
      return "redirect";
    case 11:
    case 0x103:
      return "time exceeded";
    case 0x102:
      return "packet too big";
    case 0x185:
      return "router solicitation";
    case 0x186:
      return "router advertisement";
    case 0x187:
      return "neighbor solicitation";
    case 0x188:
      return "neighbor advertisement";
    default:
      return {};
  }
}

void print_icmp(Line& line, const Packet& packet) {
  const Piece message{packet.payload, packet.payload_wire_len};
  const bool v6 = packet.ip_proto == IPPROTO_ICMPV6;
  line.add("{}", v6 ? "ICMP6, " : "ICMP ");
  if (!message.has(8)) {
    line.add("[cut], length {}", message.wire);
    return;
  }
  const std::uint8_t type = message.u8(0);
  const std::string_view name = icmp_name(v6, type);
  const bool echo = v6 ? type == 128 || type == 129 : type == 0 || type == 8;
  if (echo)
    line.add("{}, id {}, seq {}", name, message.u16(4), message.u16(6));
  else if (!name.empty())
    line.add("{}, code {}", name, message.u8(1));
  else
    line.add("type {}, code {}", type, message.u8(1));
  line.add(", length {}", message.wire);
}

void print_verbose(Line& line, const Packet& packet) {
  line.add("({} {}, ", packet.is_v4 ? "ttl" : "hlim", packet.ttl);
  if (packet.is_v4) line.add("id {}, ", packet.ip_id);
  line.add("proto {}, captured {}) ", packet.ip_proto, packet.l3.size());
}

void print_endpoints(Line& line, const Packet& packet) {
  const auto print_one = [&](const Endpoint& endpoint) {
    line.add("{}", endpoint.address.to_string());
    if (endpoint.port != 0 || packet.has_tcp || packet.has_udp) line.add(".{}", endpoint.port);
  };
  print_one(packet.source);
  line.add(" > ");
  print_one(packet.destination);
  line.add(": ");
}

void print_payload(Line& line, const Packet& packet) {
  const std::uint32_t length = packet.payload_wire_len;
  if (packet.odd != Odd::None) {
    line.add("ip-proto-{} [{}], length {}", packet.ip_proto, to_string(packet.odd), length);
  } else if (packet.fragment) {
    line.add("ip-proto-{} (frag {}:{}@{}{})", packet.ip_proto, packet.fragment_id, length,
             packet.fragment_offset, packet.more_fragments ? "+" : "");
  } else if (packet.has_tcp) {
    print_tcp(line, packet);
  } else if (packet.has_udp) {
    line.add("UDP, length {}", length);
  } else if (packet.ip_proto == IPPROTO_ICMP || packet.ip_proto == IPPROTO_ICMPV6) {
    print_icmp(line, packet);
  } else {
    line.add("ip-proto-{}, length {}", packet.ip_proto, length);
  }
}

/// Each tunnel with its endpoints, then what is innermost; as decode() peels.
void print_ip(Line& line, Packet packet, const PrintOptions& options) {
  for (unsigned tunnels = 0;; ++tunnels) {
    line.add("{} ", packet.is_v4 ? "IP" : "IP6");
    if (options.verbose) print_verbose(line, packet);
    print_endpoints(line, packet);
    if (tunnels >= options.tunnels.depth || packet.odd != Odd::None || packet.fragment) break;
    const Network inside = open_tunnel(packet, options.tunnels);
    if (inside.odd != Odd::None) break;
    Packet inner = read_ip(inside.ip);
    if (!inner.is_ip) break;
    line.add("{}: ", tunnel_name(packet, options.tunnels));
    if (inside.vlan != 0) line.add("vlan {}, ", inside.vlan);
    packet = inner;
  }
  print_payload(line, packet);
}

}  // namespace

std::string print_frame(const Frame& frame, const PrintOptions& options) {
  const auto captured = static_cast<std::uint32_t>(frame.bytes.size());
  const Piece whole{frame.bytes, std::max(frame.wire_len, captured)};
  Line line;
  print_time(line, frame.time_ns);
  if (frame.direction == GRAY_DIR_IN) line.add("In ");
  if (frame.direction == GRAY_DIR_OUT) line.add("Out ");
  if (options.link_header && frame.link == LinkType::Ethernet) print_link_header(line, whole);
  const Network network = open_link(frame.link, whole);
  if (network.vlan != 0) line.add("vlan {}, ", network.vlan);
  const Packet packet = network.odd == Odd::None ? read_ip(network.ip) : Packet{};
  if (packet.is_ip)
    print_ip(line, packet, options);
  else
    print_not_ip(line, frame.link, whole, network.odd == Odd::None ? packet.odd : network.odd);
  return line.take();
}

namespace {

constexpr std::size_t kHexLine = 16;
constexpr std::size_t kHexColumns = 40;  // of a full line

bool is_printable(std::uint8_t byte) noexcept {
  return byte >= 0x20 && byte < 0x7f;
}

/// "\t0x0010:  0a00 0001"; how many columns the bytes took.
std::size_t print_hex_line(Line& line, std::size_t at, std::span<const std::uint8_t> bytes) {
  line.add("\t0x{:04x}: ", at);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    line.add("{}{:02x}", i % 2 == 0 ? " " : "", bytes[i]);
  return bytes.size() * 2 + (bytes.size() + 1) / 2;
}

}  // namespace

std::string print_hex(std::span<const std::uint8_t> bytes) {
  Line line;
  for (std::size_t at = 0; at < bytes.size(); at += kHexLine) {
    print_hex_line(line, at, bytes.subspan(at, std::min(kHexLine, bytes.size() - at)));
    line.add("\n");
  }
  return line.take();
}

std::string print_hex_and_text(std::span<const std::uint8_t> bytes) {
  Line line;
  for (std::size_t at = 0; at < bytes.size(); at += kHexLine) {
    const auto piece = bytes.subspan(at, std::min(kHexLine, bytes.size() - at));
    const std::size_t columns = print_hex_line(line, at, piece);
    line.add("{:{}}", "", kHexColumns - columns + 2);
    for (const std::uint8_t byte : piece)
      line.add("{}", byte != ' ' && is_printable(byte) ? static_cast<char>(byte) : '.');
    line.add("\n");
  }
  return line.take();
}

std::string print_text(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve(bytes.size() + 1);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint8_t byte = bytes[i];
    const bool crlf = byte == '\r' && i + 1 < bytes.size() && bytes[i + 1] == '\n';
    if (crlf) continue;
    const bool shown = is_printable(byte) || byte == '\t' || byte == '\n';
    text += shown ? static_cast<char>(byte) : '.';
  }
  text += '\n';
  return text;
}

}  // namespace gray
