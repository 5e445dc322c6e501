// One rule at a time: what goes in, and what must come out to the byte. What comes out is built
// anew, with checksums computed in full.
#include "replay/rewrite/rewriter.h"

#include <gtest/gtest.h>

#include "replay/rewrite/frames_for_test.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

RewriteOptions with(void (*set)(RewriteOptions&)) {
  RewriteOptions options;
  set(options);
  return options;
}

Rewritten rewrite(const RewriteOptions& options, Bytes& frame, LinkType link = LinkType::Ethernet,
                  Way way = Way::ClientToServer) {
  const std::size_t length = frame.size();
  frame.resize(length + kRewriteGrowth);
  const Rewritten result =
      Rewriter(options).apply(frame, length, static_cast<std::uint32_t>(length), link, way);
  frame.resize(result.length);
  return result;
}

PacketBuilder v4(const char* from, const char* to) {
  return PacketBuilder().eth().ipv4(from, to);
}
PacketBuilder v6(const char* from, const char* to) {
  return PacketBuilder().eth().ipv6(from, to);
}
Bytes l3(const Bytes& frame, std::size_t most = 2000) {
  return {frame.begin() + 14,
          frame.begin() + static_cast<std::ptrdiff_t>(std::min(frame.size(), 14 + most))};
}
Bytes changed(Bytes frame, std::size_t at, std::uint8_t value) {
  frame.at(at) = value;
  return frame;
}
Bytes arp(std::uint8_t sender_net, std::uint8_t target_net) {
  const Bytes body = {0,          1, 8, 0, 6, 4, 0, 1, 2, 0, 0,          0, 0, 2,
                      sender_net, 0, 0, 2, 0, 0, 0, 0, 0, 0, target_net, 0, 0, 1};
  return PacketBuilder().eth(0x0806).payload(body).bytes();
}
Bytes vxlan(const char* outer, const char* inner, const char* inner_to) {
  Bytes data = {8, 0, 0, 0, 0, 0, 7, 0};
  const Bytes frame = v4(inner, inner_to).tcp(80, 5000).payload("data").bytes();
  data.insert(data.end(), frame.begin(), frame.end());
  return v4(outer, "192.0.2.1").udp(9000, 4789).payload(data).bytes();
}
/// A TCP checksum as a sending host leaves it to its network card.
Bytes partial(const char* from, const char* to) {
  Bytes frame = v4(from, to).tcp(1, 2).payload("data").bytes();
  const std::uint16_t sum = static_cast<std::uint16_t>(~checksum_finish(
      pseudo_header_sum(IpAddress::parse(from), IpAddress::parse(to), IPPROTO_TCP, 24)));
  frame[14 + 20 + 16] = static_cast<std::uint8_t>(sum >> 8);
  frame[14 + 20 + 17] = static_cast<std::uint8_t>(sum);
  return frame;
}
/// A loose source route that still has one hop to go: the checksum is over the hop's address.
Bytes routed(const char* next_hop, std::uint8_t last_net) {
  const char* last = last_net == 10 ? "10.0.0.9" : "172.0.0.9";
  Bytes frame =
      v4("192.0.2.7", last).options({131, 7, 4, last_net, 0, 0, 9}).tcp(1, 2).payload("x").bytes();
  const Bytes other = v4("192.0.2.7", next_hop)
                          .options({131, 7, 4, last_net, 0, 0, 9})
                          .tcp(1, 2)
                          .payload("x")
                          .bytes();
  std::copy(other.begin(), other.begin() + 14 + 28, frame.begin());
  return frame;
}

Bytes neighbour(const char* from, const char* target) {
  const IpAddress address = IpAddress::parse(target);
  return v6(from, "ff02::1:ff00:2").icmpv6(135).payload(std::span(address.bytes)).bytes();
}
Bytes first(Bytes bytes, std::size_t count) {
  bytes.resize(count);
  return bytes;
}

struct Rule {
  const char* sentence;
  void (*set)(RewriteOptions&);
  Bytes in;
  Bytes out;
};

void map_ten(RewriteOptions& o) {
  o.pnat = parse_cidr_maps("--pnat", "10.0.0.0/8:172.0.0.0/8,[2001:db8::/32]:[2001:db9::/32]");
}

const Rule kRules[] = {
    {"--srcipmap maps the source alone",
     [](RewriteOptions& o) { o.source_map = parse_cidr_maps("", "10.0.0.0/8:11.0.0.0/8"); },
     v4("10.1.2.3", "10.4.5.6").tcp(1, 2).payload("x").bytes(),
     v4("11.1.2.3", "10.4.5.6").tcp(1, 2).payload("x").bytes()},
    {"--dstipmap the destination, IPv6",
     [](RewriteOptions& o) {
       o.destination_map = parse_cidr_maps("", "[2001:db8::/32]:[fd00::/16]");
     },
     v6("2001:db8::1", "2001:db8:5::6").udp(1, 2).payload("abc").bytes(),
     v6("2001:db8::1", "fd00:db8:5::6").udp(1, 2).payload("abc").bytes()},
    {"the first map that holds an address decides",
     [](RewriteOptions& o) {
       o.pnat = parse_cidr_maps("", "10.1.0.0/16:20.0.0.0/24,10.0.0.0/8:30.0.0.0/8");
     },
     v4("10.1.2.3", "10.4.5.6").icmp().payload("x").bytes(),
     v4("20.0.0.3", "30.4.5.6").icmp().payload("x").bytes()},
    {"IPv6's rule for everything leaves IPv4 alone",
     [](RewriteOptions& o) { o.pnat = parse_cidr_maps("", "[::/0]:[2001::/16]"); },
     v4("10.1.2.3", "10.4.5.6").udp(1, 2).bytes(), v4("10.1.2.3", "10.4.5.6").udp(1, 2).bytes()},
    {"--endpoints", [](RewriteOptions& o) { o.endpoints = parse_endpoints("", "1.1.1.1:2.2.2.2"); },
     v4("10.1.2.3", "10.4.5.6").tcp(1, 2).bytes(), v4("1.1.1.1", "2.2.2.2").tcp(1, 2).bytes()},
    {"--skipbroadcast",
     [](RewriteOptions& o) {
       o.endpoints = parse_endpoints("", "1.1.1.1:2.2.2.2");
       o.keep_group_addresses = true;
     },
     v4("10.1.2.3", "224.0.0.5").udp(1, 2).bytes(), v4("1.1.1.1", "224.0.0.5").udp(1, 2).bytes()},
    {"--portmap, TCP",
     [](RewriteOptions& o) { o.port_map = parse_port_maps("", "80:8080,1000-1010:99"); },
     v4("10.1.2.3", "10.4.5.6").tcp(1005, 80).payload("odd").bytes(),
     v4("10.1.2.3", "10.4.5.6").tcp(99, 8080).payload("odd").bytes()},
    {"--portmap, SCTP", [](RewriteOptions& o) { o.port_map = parse_port_maps("", "80,81:8080"); },
     v6("2001:db8::1", "2001:db8::2").sctp(81, 80).filler(77).bytes(),
     v6("2001:db8::1", "2001:db8::2").sctp(8080, 8080).filler(77).bytes()},
    {"--portmap, none of ICMP",
     [](RewriteOptions& o) { o.port_map = parse_port_maps("", "0-65535:1"); },
     v4("10.1.2.3", "10.4.5.6").icmp().payload("odd").bytes(),
     v4("10.1.2.3", "10.4.5.6").icmp().payload("odd").bytes()},
    {"--ttl N", [](RewriteOptions& o) { o.ttl = parse_hop_limit("", "9"); },
     v4("10.1.2.3", "10.4.5.6").ttl(64).tcp(1, 2).bytes(),
     v4("10.1.2.3", "10.4.5.6").ttl(9).tcp(1, 2).bytes()},
    {"--ttl +N ends at 255", [](RewriteOptions& o) { o.ttl = parse_hop_limit("", "+200"); },
     v6("2001:db8::1", "2001:db8::2").ttl(64).tcp(1, 2).bytes(),
     v6("2001:db8::1", "2001:db8::2").ttl(255).tcp(1, 2).bytes()},
    {"--ttl -N ends at 1", [](RewriteOptions& o) { o.ttl = parse_hop_limit("", "-64"); },
     v4("10.1.2.3", "10.4.5.6").ttl(64).tcp(1, 2).bytes(),
     v4("10.1.2.3", "10.4.5.6").ttl(1).tcp(1, 2).bytes()},
    {"--tclass and --flowlabel",
     [](RewriteOptions& o) {
       o.traffic_class = 0xab;
       o.flow_label = 0x12345;
     },
     v6("2001:db8::1", "2001:db8::2").tcp(1, 2).bytes(),
     changed(changed(changed(changed(v6("2001:db8::1", "2001:db8::2").tcp(1, 2).bytes(), 14, 0x6a),
                             15, 0xb1),
                     16, 0x23),
             17, 0x45)},
    {"--enet-smac and -dmac",
     [](RewriteOptions& o) {
       o.source_mac = parse_mac_pair("", "02:00:00:00:00:aa,02:00:00:00:00:bb");
       o.destination_mac = parse_mac_pair("", "02:00:00:00:00:CC");
     },
     v4("10.1.2.3", "10.4.5.6").tcp(1, 2).bytes(),
     changed(changed(v4("10.1.2.3", "10.4.5.6").tcp(1, 2).bytes(), 11, 0xaa), 5, 0xcc)},
    {"--skipl2broadcast",
     [](RewriteOptions& o) {
       o.destination_mac = parse_mac_pair("", "02:00:00:00:00:cc");
       o.keep_group_macs = true;
     },
     changed(v4("10.1.2.3", "10.4.5.6").bytes(), 0, 1),
     changed(v4("10.1.2.3", "10.4.5.6").bytes(), 0, 1)},
    {"--enet-vlan add",
     [](RewriteOptions& o) {
       o.vlan = VlanAction::Add;
       o.vlan_tag = {.id = 5, .priority = 7, .drop_eligible = true, .protocol = 0x88a8};
     },
     PacketBuilder().eth().vlan(9).ipv4("10.0.0.1", "10.0.0.2").bytes(),
     PacketBuilder()
         .eth()
         .vlan(5 | 0x1000 | 0xe000, 0x88a8)
         .vlan(9)
         .ipv4("10.0.0.1", "10.0.0.2")
         .bytes()},
    {"--enet-vlan del takes the outermost", [](RewriteOptions& o) { o.vlan = VlanAction::Delete; },
     PacketBuilder().eth().vlan(5, 0x88a8).vlan(9).ipv6("2001:db8::1", "2001:db8::2").bytes(),
     PacketBuilder().eth().vlan(9).ipv6("2001:db8::1", "2001:db8::2").bytes()},
    {"--enet-vlan del leaves untagged frames alone",
     [](RewriteOptions& o) { o.vlan = VlanAction::Delete; }, v4("10.1.2.3", "10.4.5.6").bytes(),
     v4("10.1.2.3", "10.4.5.6").bytes()},
    {"--enet-vlan set changes what is given",
     [](RewriteOptions& o) {
       o.vlan = VlanAction::Set;
       o.vlan_tag.id = 6;
     },
     PacketBuilder().eth().vlan(5 | 0xa000).vlan(9).ipv4("10.0.0.1", "10.0.0.2").bytes(),
     PacketBuilder().eth().vlan(6 | 0xa000).vlan(9).ipv4("10.0.0.1", "10.0.0.2").bytes()},
    {"ARP's addresses are mapped", map_ten, arp(10, 10), arp(172, 172)},
    {"an ICMP error quotes what was sent instead", map_ten,
     v4("192.0.2.1", "10.0.0.1")
         .icmp(3, 3)
         .payload(l3(v4("10.0.0.1", "10.0.0.2").udp(9, 8).filler(50).bytes(), 28))
         .bytes(),
     v4("192.0.2.1", "172.0.0.1")
         .icmp(3, 3)
         .payload(l3(v4("172.0.0.1", "172.0.0.2").udp(9, 8).filler(50).bytes(), 28))
         .bytes()},
    {"and its ports", [](RewriteOptions& o) { o.port_map = parse_port_maps("", "8:800"); },
     v6("2001:db8::1", "2001:db8::2")
         .icmpv6(1, 4)
         .payload(l3(v6("2001:db8::2", "2001:db8::1").tcp(9, 8).filler(50).bytes()))
         .bytes(),
     v6("2001:db8::1", "2001:db8::2")
         .icmpv6(1, 4)
         .payload(l3(v6("2001:db8::2", "2001:db8::1").tcp(9, 800).filler(50).bytes()))
         .bytes()},
    {"a later fragment changes in its IP header alone",
     [](RewriteOptions& o) {
       map_ten(o);
       o.port_map = parse_port_maps("", "0-65535:1");
     },
     v4("10.0.0.1", "10.0.0.2").fragment(1480, true).protocol(17).filler(100).bytes(),
     v4("172.0.0.1", "172.0.0.2").fragment(1480, true).protocol(17).filler(100).bytes()},
    {"what a tunnel carries stays", map_ten, vxlan("10.0.0.1", "10.0.0.3", "10.0.0.4"),
     vxlan("172.0.0.1", "10.0.0.3", "10.0.0.4")},
    {"unless --inner",
     [](RewriteOptions& o) {
       map_ten(o);
       o.inner = true;
     },
     vxlan("10.0.0.1", "10.0.0.3", "10.0.0.4"), vxlan("172.0.0.1", "172.0.0.3", "172.0.0.4")},
    {"a checksum left to the network card stays left", map_ten, partial("10.0.0.1", "10.0.0.2"),
     partial("172.0.0.1", "172.0.0.2")},
    {"and is computed with --fixcsum",
     [](RewriteOptions& o) {
       map_ten(o);
       o.fix_checksums = true;
     },
     partial("10.0.0.1", "10.0.0.2"),
     v4("172.0.0.1", "172.0.0.2").tcp(1, 2).payload("data").bytes()},
    {"UDP without a checksum stays without", map_ten,
     changed(changed(v4("10.0.0.1", "10.0.0.2").udp(1, 2).payload("data").bytes(), 40, 0), 41, 0),
     changed(changed(v4("172.0.0.1", "172.0.0.2").udp(1, 2).payload("data").bytes(), 40, 0), 41,
             0)},
    {"a source route's end counts in the checksum", map_ten, routed("192.0.2.8", 10),
     routed("192.0.2.8", 172)},
    {"neighbour discovery's target", map_ten, neighbour("2001:db8::1", "2001:db8::2"),
     neighbour("2001:db9::1", "2001:db9::2")},
};

TEST(Rewriter, DoesWhatEachRuleSays) {
  for (const Rule& rule : kRules) {
    SCOPED_TRACE(rule.sentence);
    Bytes frame = rule.in;
    const Rewritten result = rewrite(with(rule.set), frame);
    EXPECT_EQ(result.refusal, RewriteRefusal::None);
    EXPECT_EQ(frame, rule.out);
    EXPECT_EQ(result.wire_length, rule.out.size());
  }
}

TEST(Rewriter, OnTheWayBackTheSidesChangePlaces) {
  const RewriteOptions two = with([](RewriteOptions& o) {
    o.pnat = parse_cidr_maps("", "10.0.0.0/8:1.0.0.0/8");
    o.pnat_server = parse_cidr_maps("", "10.0.0.0/8:2.0.0.0/8");
    o.source_mac = parse_mac_pair("", "02:00:00:00:00:aa,02:00:00:00:00:bb");
  });
  EXPECT_TRUE(two.needs_way());
  Bytes there = v4("10.0.0.1", "10.0.0.2").tcp(5, 80).bytes();
  Bytes back = v4("10.0.0.2", "10.0.0.1").tcp(80, 5).bytes();
  rewrite(two, there);
  rewrite(two, back, LinkType::Ethernet, Way::ServerToClient);
  EXPECT_EQ(there, changed(v4("1.0.0.1", "2.0.0.2").tcp(5, 80).bytes(), 11, 0xaa));
  EXPECT_EQ(back, changed(v4("2.0.0.2", "1.0.0.1").tcp(80, 5).bytes(), 11, 0xbb));
}

// An error that a router sends to the client is about what the client sent.
TEST(Rewriter, AQuotedPacketWentTheOtherWay) {
  const RewriteOptions ends =
      with([](RewriteOptions& o) { o.endpoints = parse_endpoints("", "1.1.1.1:2.2.2.2"); });
  const auto error = [](const char* router, const char* client, const char* server) {
    return v4(router, client).icmp(11).payload(l3(v4(client, server).udp(5, 6).bytes())).bytes();
  };
  Bytes frame = error("9.9.9.9", "10.0.0.1", "10.0.0.2");
  rewrite(ends, frame, LinkType::Ethernet, Way::ServerToClient);
  EXPECT_EQ(frame, error("2.2.2.2", "1.1.1.1", "2.2.2.2"));
}

TEST(Rewriter, OtherLinkTypesHaveTheirIpRewritten) {
  RewriteOptions options = with(map_ten);
  options.vlan = VlanAction::Delete;
  options.source_mac = parse_mac_pair("", "02:00:00:00:00:aa");
  const Bytes in = l3(v4("10.0.0.1", "10.0.0.2").tcp(1, 2).bytes());
  const Bytes out = l3(v4("172.0.0.1", "172.0.0.2").tcp(1, 2).bytes());
  Bytes raw = in;
  EXPECT_EQ(rewrite(options, raw, LinkType::Raw).refusal, RewriteRefusal::None);
  EXPECT_EQ(raw, out);
  Bytes cooked(16);
  cooked[14] = 8;
  Bytes expected = cooked;
  cooked.insert(cooked.end(), in.begin(), in.end());
  expected.insert(expected.end(), out.begin(), out.end());
  EXPECT_EQ(rewrite(options, cooked, LinkType::LinuxSll).refusal, RewriteRefusal::None);
  EXPECT_EQ(cooked, expected);
}

struct Refusal {
  const char* sentence;
  Bytes frame;
  RewriteRefusal mapped;
  RewriteRefusal seeded;
};

TEST(Rewriter, RefusesWhatItCannotFollow) {
  constexpr auto kNone = RewriteRefusal::None;
  constexpr auto kOdd = RewriteRefusal::Odd;
  Bytes short_ip = v4("10.0.0.1", "10.0.0.2").bytes();
  short_ip.resize(14 + 18);
  Bytes bad_vxlan = vxlan("10.0.0.1", "10.0.0.3", "10.0.0.4");
  bad_vxlan[14 + 20 + 8] = 0xff;
  const Refusal refusals[] = {
      {"LLDP", PacketBuilder().eth(0x88cc).filler(60).bytes(), kNone, RewriteRefusal::NotIp},
      {"half an IP header", short_ip, kOdd, kOdd},
      {"an impossible length", changed(v4("10.0.0.1", "10.0.0.2").bytes(), 17, 19), kOdd, kOdd},
      {"a runt", Bytes(5), kOdd, kOdd},
      {"half an ARP packet", first(arp(10, 10), 30), kOdd, kOdd},
      {"what a broken tunnel carries", bad_vxlan, kNone, RewriteRefusal::Tunnel},
      {"a tunnel in fragments",
       v4("10.0.0.1", "10.0.0.2").fragment(0, true).udp(1, 4789).filler(100).bytes(), kNone,
       RewriteRefusal::Tunnel},
      {"a broken route",
       changed(v4("10.0.0.1", "10.0.0.2").options({131, 7, 4, 10, 0, 0, 9}).bytes(), 35, 60), kOdd,
       kOdd},
      {"SCTP in fragments",
       v4("10.0.0.1", "10.0.0.2").fragment(0, true).sctp(1, 2).filler(100).bytes(),
       RewriteRefusal::Sctp, kNone},
  };
  RewriteOptions mapped = with(map_ten);
  mapped.port_map = parse_port_maps("", "1:10");
  RewriteOptions seeded;
  seeded.seed = 5;
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(refusal.sentence);
    Bytes frame = refusal.frame;
    EXPECT_EQ(rewrite(mapped, frame).refusal, refusal.mapped);
    frame = refusal.frame;
    EXPECT_EQ(rewrite(seeded, frame).refusal, refusal.seeded);
  }
  EXPECT_TRUE(Rewriter(seeded).refused_must_stop());
  Bytes full = v4("10.0.0.1", "10.0.0.2").bytes();
  RewriteOptions add;
  add.vlan = VlanAction::Add;
  add.vlan_tag.id = 1;
  EXPECT_EQ(
      Rewriter(add).apply(full, full.size(), 34, LinkType::Ethernet, Way::ClientToServer).refusal,
      RewriteRefusal::NoRoom);
  EXPECT_FALSE(Rewriter(add).refused_must_stop());
}

TEST(Rewriter, RulesThatContradictEachOtherAreRefused) {
  void (*const wrong[])(RewriteOptions&) = {
      [](RewriteOptions& o) { o.seed = 1, map_ten(o); },
      [](RewriteOptions& o) {
        o.source_map = parse_cidr_maps("", "1.0.0.0/8:2.0.0.0/8"), map_ten(o);
      },
      [](RewriteOptions& o) { o.endpoints = parse_endpoints("", "1.1.1.1:2.2.2.2"), o.seed = 1; },
      [](RewriteOptions& o) { o.vlan = VlanAction::Add; },
      [](RewriteOptions& o) { o.vlan = VlanAction::Set; },
      [](RewriteOptions& o) { o.vlan_tag.id = 1; },
      [](RewriteOptions& o) { o.ttl = parse_hop_limit("", "0"); },
  };
  for (const auto& set : wrong) EXPECT_THROW(Rewriter{with(set)}, UsageError);
  EXPECT_TRUE(Rewriter(RewriteOptions{}).idle());
}

TEST(RewriteOptions, WrongTextIsRefused) {
  for (const char* text :
       {"", "10.0.0.0/8", "10.0.0.0/8:", "10.0.0.0/8:1.0.0.0/8,", "10.0.0.0/8:[::]/8",
        "10.0.0.0/40:1.0.0.0/8", "[2001:db8::/32:[::]/8", "10.0.0.0/8:1.0.0.0/8;"})
    EXPECT_THROW(parse_cidr_maps("--pnat", text), UsageError) << text;
  for (const char* text :
       {"", "80", "80:", "80:81,", "80,81", "65536:1", "9-8:1", "80:70000", "a:b", "80:1x"})
    EXPECT_THROW(parse_port_maps("--portmap", text), UsageError) << text;
  for (const char* text : {"", ",", "02:00:00:00:00", "02-00-00-00-00-01", "02:00:00:00:00:0g",
                           "02:00:00:00:00:01,02:00:00:00:00:02,"})
    EXPECT_THROW(parse_mac_pair("--enet-smac", text), UsageError) << text;
  for (const char* text : {"", "1.1.1.1", "1.1.1.1:", "1.1.1.1:[::1]", "1.1.1.1:2.2.2.2:3"})
    EXPECT_THROW(parse_endpoints("--endpoints", text), UsageError) << text;
  for (const char* text : {"", "+", "256", "-256", "+-1", "1.5"})
    EXPECT_THROW(parse_hop_limit("--ttl", text), UsageError) << text;
}

}  // namespace
}  // namespace gray
