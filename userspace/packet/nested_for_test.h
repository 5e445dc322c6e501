// For tests of the decoder: a TCP segment with "hello" in it, and what it may travel in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "userspace/packet/build.h"
#include "userspace/packet/packet.h"

namespace gray {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// A TCP segment from 10.1.0.1:50000 to 10.1.0.2:80, with link header or without.
inline PacketBuilder tcp_in(PacketBuilder builder = {}) {
  return builder.ipv4("10.1.0.1", "10.1.0.2").tcp(50000, 80, 0x18).seq(100, 200).payload("hello");
}
inline PacketBuilder tcp6_in(PacketBuilder builder = {}) {
  return builder.ipv6("2001:db8::1", "2001:db8::2").tcp(50000, 80, 0x18).seq(100).payload("hello");
}
inline Bytes ethernet() {
  return tcp_in(PacketBuilder().eth()).bytes();
}
inline Bytes raw() {
  return tcp_in().bytes();
}

/// A UDP datagram between tunnel endpoints, around `payload`.
inline Bytes outer_udp(std::uint16_t port, const Bytes& payload) {
  return PacketBuilder()
      .eth()
      .ipv4("192.0.2.1", "192.0.2.2")
      .udp(40000, port)
      .payload(payload)
      .bytes();
}
inline Bytes outer_ip(std::uint8_t proto, const Bytes& payload) {
  return PacketBuilder()
      .eth()
      .ipv4("192.0.2.1", "192.0.2.2")
      .protocol(proto)
      .payload(payload)
      .bytes();
}

inline Packet decode_as(LinkType link, const Bytes& bytes, std::uint32_t wire_len = 0) {
  return decode({.bytes = bytes, .wire_len = wire_len, .link = link});
}

inline std::string text_of(const Packet& packet) {
  return {packet.payload.begin(), packet.payload.end()};
}

inline const Bytes kVxlan = {8, 0, 0, 0, 0, 0, 42, 0};
inline const Bytes kGenevePlain = {0, 0, 0x65, 0x58, 0, 0, 1, 0};
inline const Bytes kMac = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

}  // namespace gray
