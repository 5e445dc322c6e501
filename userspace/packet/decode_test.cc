#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "userspace/packet/build.h"
#include "userspace/packet/packet.h"

namespace gray {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// A TCP segment from 10.1.0.1:50000 to 10.1.0.2:80, with link header or without.
PacketBuilder tcp_in(PacketBuilder builder = {}) {
  return builder.ipv4("10.1.0.1", "10.1.0.2").tcp(50000, 80, 0x18).seq(100, 200).payload("hello");
}
PacketBuilder tcp6_in(PacketBuilder builder = {}) {
  return builder.ipv6("2001:db8::1", "2001:db8::2").tcp(50000, 80, 0x18).seq(100).payload("hello");
}
Bytes ethernet() {
  return tcp_in(PacketBuilder().eth()).bytes();
}
Bytes raw() {
  return tcp_in().bytes();
}

/// A UDP datagram between tunnel endpoints, around `payload`.
Bytes outer_udp(std::uint16_t port, const Bytes& payload) {
  return PacketBuilder()
      .eth()
      .ipv4("192.0.2.1", "192.0.2.2")
      .udp(40000, port)
      .payload(payload)
      .bytes();
}
Bytes outer_ip(std::uint8_t proto, const Bytes& payload) {
  return PacketBuilder()
      .eth()
      .ipv4("192.0.2.1", "192.0.2.2")
      .protocol(proto)
      .payload(payload)
      .bytes();
}

Packet decode_as(LinkType link, const Bytes& bytes, std::uint32_t wire_len = 0) {
  return decode({.bytes = bytes, .wire_len = wire_len, .link = link});
}

std::string text_of(const Packet& packet) {
  return {packet.payload.begin(), packet.payload.end()};
}

struct Case {
  const char* sentence;
  LinkType link;
  Bytes bytes;
  unsigned tunnels = 0;
  unsigned vlan = 0;
};

const Bytes kVxlan = {8, 0, 0, 0, 0, 0, 42, 0};
const Bytes kGenevePlain = {0, 0, 0x65, 0x58, 0, 0, 1, 0};
const Bytes kMac = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

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

struct OddCase {
  const char* sentence;
  Odd odd;
  LinkType link;
  Bytes bytes;
};

Bytes changed(Bytes bytes, std::size_t at, unsigned value) {
  bytes[at] = static_cast<std::uint8_t>(value);
  return bytes;
}

TEST(Decode, SaysWhyItStopped) {
  const Bytes udp = PacketBuilder().ipv4("10.1.0.1", "10.1.0.2").udp(1, 2).payload("hi").bytes();
  const Bytes six = tcp6_in().bytes();
  const PacketBuilder many = [] {
    PacketBuilder builder;
    builder.ipv6("2001:db8::1", "2001:db8::2");
    for (int i = 0; i < 9; ++i) builder.extension(60);
    return builder.tcp(1, 2);
  }();
  Bytes deep = raw();
  for (unsigned i = 0; i <= kMaxTunnelDepth; ++i)
    deep = PacketBuilder().ipv4("192.0.2.1", "192.0.2.2").protocol(4).payload(deep).bytes();
  Bytes tags = kMac;
  for (int i = 0; i <= GRAY_MAX_VLANS; ++i) tags = tags + Bytes{0x81, 0, 0, 1};
  Bytes frames = kMac;
  for (int i = 0; i < 40; ++i) frames = frames + Bytes{0x65, 0x58} + kMac;
  const auto ip = LinkType::Raw;
  for (const auto& [sentence, odd, link, bytes] : {
           OddCase{"13 bytes of Ethernet", Odd::Runt, LinkType::Ethernet, Bytes(13, 0)},
           {"nothing at all", Odd::Runt, LinkType::Ethernet, {}},
           {"a tag that is cut", Odd::Runt, LinkType::Ethernet, kMac + Bytes{0x81, 0, 0}},
           {"three tags", Odd::Vlan, LinkType::Ethernet, tags + Bytes{8, 0} + raw()},
           {"40 Ethernet headers", Odd::NotIp, LinkType::Ethernet, frames + Bytes{8, 0} + raw()},
           {"ARP", Odd::NotIp, LinkType::Ethernet, kMac + Bytes{8, 6} + Bytes(28, 0)},
           {"spanning tree", Odd::NotIp, LinkType::Ethernet, kMac + Bytes{0, 38} + Bytes(46, 0x42)},
           {"an unknown family", Odd::NotIp, LinkType::Null, Bytes{7, 0, 0, 0} + raw()},
           {"netlink", Odd::NotIp, LinkType::LinuxSll,
            Bytes{0, 0, 3, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0} + raw()},
           {"an unknown link type", Odd::LinkType, LinkType{105}, raw()},
           {"version 5", Odd::NotIp, ip, changed(raw(), 0, 0x55)},
           {"version 6 under an IPv4 EtherType, cut", Odd::IpHeader, LinkType::Ethernet,
            kMac + Bytes{8, 0, 0x60, 0}},
           {"header length 4", Odd::IpHeader, ip, changed(raw(), 0, 0x44)},
           {"header beyond the total length", Odd::IpHeader, ip, changed(raw(), 3, 19)},
           {"total length beyond the frame", Odd::IpHeader, ip, changed(raw(), 2, 1)},
           {"IPv6 length beyond the frame", Odd::IpHeader, LinkType::Ipv6, changed(six, 4, 1)},
           {"39 bytes of IPv6", Odd::IpHeader, LinkType::Ipv6,
            Bytes(six.begin(), six.begin() + 39)},
           {"nine extension headers", Odd::Ipv6Extension, ip, many.bytes()},
           {"TCP data offset 4", Odd::L4Header, ip, changed(raw(), 32, 0x40)},
           {"TCP data offset beyond the segment", Odd::L4Header, ip, changed(raw(), 32, 0xf0)},
           {"UDP length 7", Odd::L4Header, ip, changed(udp, 25, 7)},
           {"UDP length beyond the datagram", Odd::L4Header, ip, changed(udp, 25, 11)},
           {"five tunnels", Odd::TunnelDepth, ip, deep},
       }) {
    SCOPED_TRACE(sentence);
    const Packet packet = decode_as(link, bytes);
    EXPECT_EQ(packet.odd, odd) << to_string(packet.odd);
    EXPECT_FALSE(packet.has_tcp);
  }
}

TEST(Decode, FollowsTunnelsAsFarAsTold) {
  const Bytes deep =
      outer_udp(4789, kVxlan + outer_udp(6081, kGenevePlain + outer_ip(IPPROTO_IPIP, raw())));
  const struct {
    unsigned depth;
    const char* destination;
  } cases[] = {{0, "192.0.2.2:4789"},
               {1, "192.0.2.2:6081"},
               {2, "192.0.2.2:0"},
               {3, "10.1.0.2:80"},
               {8, "10.1.0.2:80"}};
  for (const auto& [depth, destination] : cases) {
    SCOPED_TRACE(depth);
    const Packet packet = decode({.bytes = deep}, {.depth = depth});
    EXPECT_EQ(packet.destination.to_string(), destination);
    EXPECT_EQ(packet.tunnels, std::min(depth, 3U));
    EXPECT_EQ(packet.odd, depth < 3 ? Odd::TunnelDepth : Odd::None);
  }
}

TEST(Decode, KnowsTunnelsByThePortsTold) {
  const Bytes vxlan = outer_udp(4790, kVxlan + ethernet());
  EXPECT_EQ(decode({.bytes = vxlan}).tunnels, 0);
  EXPECT_EQ(decode({.bytes = vxlan}, {.vxlan = {1, 4790}}).tunnels, 1);
  const Bytes geneve = outer_udp(6081, kGenevePlain + ethernet());
  EXPECT_EQ(decode({.bytes = geneve}, {.geneve = {}}).tunnels, 0);
  const auto length = static_cast<std::uint8_t>(raw().size());
  const Bytes answer = PacketBuilder()
                           .eth()
                           .ipv4("192.0.2.1", "192.0.2.2")
                           .udp(2153, 40000)
                           .payload(Bytes{0x30, 0xff, 0, length, 0, 0, 0, 1} + raw())
                           .bytes();
  EXPECT_EQ(decode({.bytes = answer}, {.gtp = {2153}}).tunnels, 1) << "as source, too";
}

TEST(Decode, TotalLengthZeroReachesToTheEndOfTheFrame) {
  for (const Bytes& bytes :
       {changed(changed(raw(), 2, 0), 3, 0), changed(changed(tcp6_in().bytes(), 4, 0), 5, 0)}) {
    const Packet packet =
        decode_as(LinkType::Raw, bytes, static_cast<std::uint32_t>(bytes.size() + 95));
    EXPECT_EQ(packet.odd, Odd::None);
    EXPECT_EQ(text_of(packet), "hello");
    EXPECT_EQ(packet.payload_wire_len, 100u);
  }
}

TEST(Decode, WhatDoesNotLookLikeATunnelStaysOutside) {
  const Bytes text(60, 'x');
  for (const std::uint16_t port :
       std::initializer_list<std::uint16_t>{4789, 8472, 6081, 2152, 3544, 5072})
    for (const Bytes& payload :
         {text, Bytes{}, kVxlan, Bytes(8, 0), Bytes{0x30, 0xff, 0, 0, 0, 0, 0, 1},
          Bytes{0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0}}) {
      const Packet packet = decode_as(LinkType::Ethernet, outer_udp(port, payload));
      EXPECT_EQ(packet.odd, Odd::None);
      EXPECT_EQ(packet.tunnels, 0) << port;
      EXPECT_TRUE(packet.has_udp);
      EXPECT_EQ(packet.destination.port, port);
      EXPECT_EQ(packet.payload.size(), payload.size());
    }
  const Packet arp =
      decode_as(LinkType::Ethernet, outer_udp(4789, kVxlan + kMac + Bytes{8, 6} + Bytes(28, 0)));
  EXPECT_EQ(arp.tunnels, 0);
  EXPECT_EQ(arp.destination.port, 4789);
}

TEST(Decode, FragmentsKeepTheirIpPayload) {
  const Packet first = decode_as(LinkType::Raw, PacketBuilder()
                                                    .ipv4("10.1.0.1", "10.1.0.2")
                                                    .fragment(0, true, 77)
                                                    .udp(1000, 2000)
                                                    .filler(16)
                                                    .bytes());
  EXPECT_TRUE(first.fragment && first.first_fragment && first.more_fragments);
  EXPECT_FALSE(first.has_udp);
  EXPECT_EQ(first.source.port, 1000);
  EXPECT_EQ(first.payload.size(), 24u);
  EXPECT_EQ(first.fragment_id, 77u);

  const Packet later = decode_as(LinkType::Raw, PacketBuilder()
                                                    .ipv6("2001:db8::1", "2001:db8::2")
                                                    .extension(0)
                                                    .fragment(24, false, 0x12345678)
                                                    .protocol(IPPROTO_TCP)
                                                    .filler(11)
                                                    .bytes());
  EXPECT_TRUE(later.fragment && !later.first_fragment && !later.more_fragments);
  EXPECT_EQ(later.ip_proto, IPPROTO_TCP);
  EXPECT_EQ(later.source.port, 0);
  EXPECT_EQ(later.fragment_offset, 24u);
  EXPECT_EQ(later.fragment_id, 0x12345678u);
  EXPECT_EQ(later.payload.size(), 11u);

  const Packet behind = decode_as(LinkType::Raw, PacketBuilder()
                                                     .ipv6("2001:db8::1", "2001:db8::2")
                                                     .fragment(0, true)
                                                     .extension(60)
                                                     .tcp(50000, 80)
                                                     .filler(12)
                                                     .bytes());
  EXPECT_TRUE(behind.first_fragment);
  EXPECT_EQ(behind.ip_proto, IPPROTO_TCP);
  EXPECT_EQ(behind.source.port, 50000);
  EXPECT_EQ(behind.payload.size(), 8u + 20 + 12);
}

TEST(Decode, HeaderFieldsAreHostOrder) {
  Bytes bytes = PacketBuilder()
                    .eth()
                    .ipv4("10.1.0.1", "10.1.0.2")
                    .ttl(61)
                    .tcp(1, 2, kTcpSyn | kTcpAck)
                    .seq(0xdeadbeef, 0x01020304)
                    .bytes();
  bytes[14 + 4] = 0xab;
  bytes[14 + 5] = 0xcd;
  bytes[14 + 20 + 14] = 0x12;
  bytes[14 + 20 + 15] = 0x34;
  const Packet packet = decode({.bytes = bytes, .time_ns = 99});
  EXPECT_EQ(packet.seq, 0xdeadbeefu);
  EXPECT_EQ(packet.ack, 0x01020304u);
  EXPECT_EQ(packet.window, 0x1234);
  EXPECT_EQ(packet.ip_id, 0xabcd);
  EXPECT_EQ(packet.ttl, 61);
  EXPECT_EQ(packet.time_ns, 99u);
  EXPECT_EQ(packet.payload_wire_len, 0u);
}

TEST(FlowKey, IsTheSameForBothDirections) {
  const Bytes there = PacketBuilder().ipv4("10.1.0.1", "10.1.0.2").tcp(50000, 80).bytes();
  const Bytes back = PacketBuilder().ipv4("10.1.0.2", "10.1.0.1").tcp(80, 50000).bytes();
  const FlowKey one = flow_key(decode_as(LinkType::Raw, there));
  const FlowKey other = flow_key(decode_as(LinkType::Raw, back));
  EXPECT_EQ(std::memcmp(&one.key, &other.key, sizeof one.key), 0);
  EXPECT_FALSE(one.reversed);
  EXPECT_TRUE(other.reversed);
  EXPECT_EQ(one.key.port[0], htons(50000));
  EXPECT_EQ(one.key.proto, IPPROTO_TCP);
  EXPECT_EQ(one.key.family, 4);
}

TEST(FlowKey, HasTheEndpointsInByteOrder) {
  const Bytes low_port = PacketBuilder().ipv4("10.1.0.1", "10.1.0.1").udp(256, 1).bytes();
  EXPECT_TRUE(flow_key(decode_as(LinkType::Raw, low_port)).reversed) << "1 is before 256";
  const Bytes sctp = PacketBuilder().ipv6("2001:db8::2", "2001:db8::1").sctp(9, 8).bytes();
  const FlowKey flow = flow_key(decode_as(LinkType::Raw, sctp));
  EXPECT_TRUE(flow.reversed);
  EXPECT_EQ(flow.key.port[0], htons(8));
  EXPECT_EQ(flow.key.family, 6);
}

}  // namespace
}  // namespace gray
