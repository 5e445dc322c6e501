#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "userspace/packet/nested_for_test.h"

namespace gray {
namespace {

struct Case {
  const char* sentence;
  LinkType link;
  Bytes bytes;
  unsigned tunnels = 0;
  unsigned vlan = 0;
};

/// Each carries the segment of tcp_in() or tcp6_in() at the innermost.
std::vector<Case> cases() {
  const Bytes inner6 = tcp6_in().bytes();
  const auto length = static_cast<std::uint8_t>(raw().size());
  const auto ppp_length = static_cast<std::uint8_t>(raw().size() + 2);
  const Bytes gre = PacketBuilder()
                        .ipv4("198.51.100.1", "198.51.100.2")
                        .protocol(IPPROTO_GRE)
                        .payload(Bytes{0, 0, 8, 0} + raw())
                        .bytes();
  const auto ethernet_link = LinkType::Ethernet;
  std::vector<Case> all = {
      {"Ethernet", ethernet_link, ethernet()},
      {"Ethernet, padded", ethernet_link, ethernet() + Bytes(20, 0xee)},
      {"802.1Q", ethernet_link, tcp_in(PacketBuilder().eth().vlan(5)).bytes(), 0, 5},
      {"QinQ", ethernet_link, tcp_in(PacketBuilder().eth().vlan(7, 0x88a8).vlan(5)).bytes(), 0, 7},
      {"old QinQ", ethernet_link, tcp_in(PacketBuilder().eth().vlan(7, 0x9100).vlan(5)).bytes(), 0,
       7},
      {"a priority tag has no id", ethernet_link,
       tcp_in(PacketBuilder().eth().vlan(0).vlan(9)).bytes(), 0, 9},
      {"SNAP", ethernet_link, kMac + Bytes{0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0} + raw()},
      {"PPPoE", ethernet_link,
       kMac + Bytes{0x88, 0x64, 0x11, 0, 0, 1, 0, ppp_length, 0, 0x21} + raw() + Bytes(9, 0)},
      {"MPLS", ethernet_link, kMac + Bytes{0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64} + raw()},
      {"MPLS around IPv6", ethernet_link, kMac + Bytes{0x88, 0x47, 0, 2, 1, 64} + inner6},
      {"MPLS pseudowire with control word", ethernet_link,
       kMac + Bytes{0x88, 0x47, 0, 2, 1, 64, 0, 0, 0, 0} + ethernet()},
      {"MPLS pseudowire without", ethernet_link,
       kMac + Bytes{0x88, 0x47, 0, 2, 1, 64} + ethernet()},
      {"BSD loopback, little-endian", LinkType::Null, Bytes{2, 0, 0, 0} + raw()},
      {"BSD loopback, big-endian", LinkType::Null, Bytes{0, 0, 0, 2} + raw()},
      {"BSD loopback, IPv6 of macOS", LinkType::Null, Bytes{30, 0, 0, 0} + inner6},
      {"OpenBSD loopback", LinkType::Loop, Bytes{0, 0, 0, 24} + inner6},
      {"raw IPv4", LinkType::Raw, raw()},
      {"raw IPv6", LinkType::Raw, inner6},
      {"IPv4 by link type", LinkType::Ipv4, raw()},
      {"IPv6 by link type", LinkType::Ipv6, inner6},
      {"Linux cooked", LinkType::LinuxSll,
       Bytes{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0} + raw()},
      {"Linux cooked with VLAN", LinkType::LinuxSll,
       Bytes{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0, 0, 5, 8, 0} + raw(), 0, 5},
      {"Linux cooked v2", LinkType::LinuxSll2,
       Bytes{8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0} + raw()},
      {"IPv4 options", ethernet_link,
       PacketBuilder()
           .eth()
           .ipv4("10.1.0.1", "10.1.0.2")
           .options({7, 7, 4, 0, 0, 0, 0})
           .tcp(50000, 80, 0x18)
           .seq(100)
           .payload("hello")
           .bytes()},
      {"IPv6 extension headers", ethernet_link,
       PacketBuilder()
           .eth()
           .ipv6("2001:db8::1", "2001:db8::2")
           .extension(0)
           .extension(43, 2)
           .extension(51, 4)
           .extension(60, 1)
           .tcp(50000, 80, 0x18)
           .seq(100)
           .payload("hello")
           .bytes()},
      {"IPv6 fragment in one piece", ethernet_link,
       PacketBuilder()
           .eth()
           .ipv6("2001:db8::1", "2001:db8::2")
           .fragment(0, false)
           .tcp(50000, 80, 0x18)
           .seq(100)
           .payload("hello")
           .bytes()},
      {"VXLAN", ethernet_link, outer_udp(4789, kVxlan + ethernet()), 1},
      {"VXLAN in Linux's old port", ethernet_link, outer_udp(8472, kVxlan + ethernet()), 1},
      {"VXLAN around a VLAN", ethernet_link,
       outer_udp(4789, kVxlan + tcp_in(PacketBuilder().eth().vlan(6)).bytes()), 1, 6},
      {"GENEVE", ethernet_link, outer_udp(6081, kGenevePlain + ethernet()), 1},
      {"GENEVE with options, around IP", ethernet_link,
       outer_udp(6081, Bytes{2, 0, 8, 0, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8} + raw()), 1},
      {"GRE", ethernet_link, outer_ip(IPPROTO_GRE, Bytes{0, 0, 8, 0} + raw()), 1},
      {"GRE with checksum, key and sequence", ethernet_link,
       outer_ip(IPPROTO_GRE, Bytes{0xb0, 0, 0x86, 0xdd} + Bytes(12, 1) + inner6), 1},
      {"GRE around Ethernet", ethernet_link,
       outer_ip(IPPROTO_GRE, Bytes{0, 0, 0x65, 0x58} + ethernet()), 1},
      {"PPTP", ethernet_link,
       outer_ip(IPPROTO_GRE, Bytes{0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 0} + Bytes(8, 1) +
                                 Bytes{0xff, 3, 0, 0x21} + raw()),
       1},
      {"PPTP with a compressed protocol", ethernet_link,
       outer_ip(IPPROTO_GRE,
                Bytes{0x30, 1, 0x88, 0x0b, 0, 0, 0, 0} + Bytes(4, 1) + Bytes{0x21} + raw()),
       1},
      {"ERSPAN I", ethernet_link, outer_ip(IPPROTO_GRE, Bytes{0, 0, 0x88, 0xbe} + ethernet()), 1},
      {"ERSPAN II", ethernet_link,
       outer_ip(IPPROTO_GRE, Bytes{0x10, 0, 0x88, 0xbe} + Bytes(4, 0) + Bytes(8, 0) + ethernet()),
       1},
      {"ERSPAN III", ethernet_link,
       outer_ip(IPPROTO_GRE, Bytes{0x10, 0, 0x22, 0xeb} + Bytes(4, 0) + Bytes(11, 0) + Bytes{1} +
                                 Bytes(8, 0) + ethernet()),
       1},
      {"IP in IP", ethernet_link, outer_ip(IPPROTO_IPIP, raw()), 1},
      {"6in4", ethernet_link, outer_ip(IPPROTO_IPV6, inner6), 1},
      {"4in6", ethernet_link,
       PacketBuilder()
           .eth()
           .ipv6("2001:db8:ffff::1", "2001:db8:ffff::2")
           .protocol(IPPROTO_IPIP)
           .payload(raw())
           .bytes(),
       1},
      {"MPLS in IP", ethernet_link, outer_ip(IPPROTO_MPLS, Bytes{0, 2, 1, 64} + raw()), 1},
      {"GTP-U", ethernet_link, outer_udp(2152, Bytes{0x30, 0xff, 0, length, 0, 0, 0, 1} + raw()),
       1},
      {"GTP-U with sequence number and extension headers", ethernet_link,
       outer_udp(2152, Bytes{0x36, 0xff, 0, static_cast<std::uint8_t>(length + 16), 0, 0, 0, 1} +
                           Bytes{0, 1, 0, 0x85, 1, 0, 9, 0x85, 2, 0, 0, 0, 0, 0, 0, 0} + raw()),
       1},
      {"Teredo", ethernet_link, outer_udp(3544, inner6), 1},
      {"Teredo with origin indication", ethernet_link,
       outer_udp(3544, Bytes{0, 0, 1, 2, 3, 4, 5, 6} + inner6), 1},
      {"Teredo with authentication and origin", ethernet_link,
       outer_udp(3544, Bytes{0, 1, 0, 0} + Bytes(9, 7) + Bytes(8, 0) + inner6), 1},
      {"AYIYA", ethernet_link,
       outer_udp(5072, Bytes{0x41, 0x52, 0x11, 41, 0, 0, 0, 0} + Bytes(16 + 20, 1) + inner6), 1},
      {"four tunnels in each other", ethernet_link,
       outer_udp(4789, kVxlan + outer_udp(6081, kGenevePlain + outer_ip(IPPROTO_IPIP, gre))), 4},
  };
  return all;
}

TEST(Decode, FindsTheInnermostSegment) {
  for (const auto& [sentence, link, bytes, tunnels, vlan] : cases()) {
    SCOPED_TRACE(sentence);
    const Packet packet = decode_as(link, bytes);
    EXPECT_EQ(packet.odd, Odd::None) << to_string(packet.odd);
    EXPECT_TRUE(packet.is_ip);
    EXPECT_TRUE(packet.has_tcp);
    EXPECT_FALSE(packet.fragment);
    EXPECT_EQ(packet.source.to_string(), packet.is_v4 ? "10.1.0.1:50000" : "[2001:db8::1]:50000");
    EXPECT_EQ(packet.destination.to_string(), packet.is_v4 ? "10.1.0.2:80" : "[2001:db8::2]:80");
    EXPECT_EQ(text_of(packet), "hello");
    EXPECT_EQ(packet.payload_wire_len, 5u);
    EXPECT_EQ(packet.seq, 100u);
    EXPECT_EQ(packet.tcp_flags, kTcpPsh | kTcpAck);
    EXPECT_EQ(packet.tunnels, tunnels);
    EXPECT_EQ(packet.vlan, vlan);
    EXPECT_EQ(packet.l3[0] >> 4, packet.is_v4 ? 4 : 6);
    EXPECT_EQ(packet.l3.data() + packet.l3.size(), packet.payload.data() + 5);
  }
}

/// A copy that ends where the bytes end, so that the address sanitizer sees one byte too far.
struct Exact {
  explicit Exact(std::span<const std::uint8_t> bytes)
      : copy(new std::uint8_t[bytes.size()]), size(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), copy.get());
  }
  std::span<const std::uint8_t> span() const { return {copy.get(), size}; }
  std::unique_ptr<std::uint8_t[]> copy;
  std::size_t size;
};

void expect_inside(const Packet& packet, std::span<const std::uint8_t> frame) {
  for (const auto part : {packet.payload, packet.l3}) {
    if (part.empty()) continue;
    EXPECT_GE(part.data(), frame.data());
    EXPECT_LE(part.data() + part.size(), frame.data() + frame.size());
  }
  EXPECT_GE(packet.payload_wire_len, packet.payload.size());
  EXPECT_LE(packet.tunnels, kMaxTunnelDepth);
  EXPECT_FALSE(packet.has_tcp && packet.has_udp);
  EXPECT_TRUE(packet.is_ip || packet.odd != Odd::None);
}

TEST(Decode, CutAtEveryLengthStaysInside) {
  for (const auto& [sentence, link, bytes, tunnels, vlan] : cases())
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      SCOPED_TRACE(sentence);
      const Exact cut(std::span<const std::uint8_t>(bytes).first(length));
      expect_inside(decode({.bytes = cut.span(), .link = link}), cut.span());
      const Packet snapped = decode({.bytes = cut.span(),
                                     .wire_len = static_cast<std::uint32_t>(bytes.size()),
                                     .link = link});
      expect_inside(snapped, cut.span());
      if (snapped.has_tcp && snapped.tunnels == tunnels) {
        EXPECT_EQ(snapped.odd, Odd::None);
        EXPECT_EQ(snapped.payload_wire_len, 5u) << "the snap length takes bytes, not lengths";
      }
    }
}

TEST(Decode, MutationsStayInside) {
  std::mt19937 random(4);
  const std::vector<Case> all = cases();
  for (int round = 0; round < 100'000; ++round) {
    const Case& one = all[random() % all.size()];
    Bytes bytes = one.bytes;
    for (unsigned i = 0; i <= random() % 5; ++i)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    bytes.resize(bytes.size() - (random() % 8 == 0 ? random() % bytes.size() : 0));
    const Exact mutant(bytes);
    expect_inside(decode({.bytes = mutant.span(), .link = one.link}), mutant.span());
  }
}

}  // namespace
}  // namespace gray
