// Where decoding stops and why, how far it goes into tunnels, and what it says of fields and flows.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

#include "userspace/packet/nested_for_test.h"

namespace gray {
namespace {

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
