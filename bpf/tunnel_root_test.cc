// Tunnels in both programs: the flow is the innermost one, as deep and by the ports that are
// configured; selection, excludes and fragments go by it; and user space finds the same.
#include <linux/in.h>

#include <random>

#include "bpf/agreement.h"
#include "bpf/fragments_for_test.h"
#include "bpf/test_run.h"
#include "userspace/packet/build.h"

namespace gray {
namespace {

constexpr const char* kA = "192.0.2.1";  // tunnel endpoints
constexpr const char* kB = "192.0.2.2";
constexpr const char* kA6 = "2001:db8:ffff::1";
constexpr const char* kB6 = "2001:db8:ffff::2";

using Builder = PacketBuilder;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Endpoint endpoint(const char* address, std::uint16_t port) {
  return {IpAddress::parse(address), port};
}

/// What every frame of the table carries at its innermost: one TCP segment, IPv4 or IPv6.
Builder tcp4(Builder builder) {
  return builder.ipv4("10.1.0.2", "10.1.0.1").tcp(80, 50000, 0x18).payload("hello");
}
Builder tcp6(Builder builder) {
  return builder.ipv6("2001:db8::1", "2001:db8::2").tcp(50000, 80, 0x18).payload("hello");
}
gray_flow_key inner4() {
  return key_of(endpoint("10.1.0.2", 80), endpoint("10.1.0.1", 50000), IPPROTO_TCP);
}
gray_flow_key inner6() {
  return key_of(endpoint("2001:db8::1", 50000), endpoint("2001:db8::2", 80), IPPROTO_TCP);
}

Builder outer() {
  return Builder().eth().ipv4(kA, kB);
}
Builder outer_udp(std::uint16_t port) {
  return outer().udp(40000, port);
}
Bytes udp_around(std::uint16_t port, const Bytes& payload) {
  return outer_udp(port).payload(payload).bytes();
}
Bytes ip_around(std::uint8_t proto, const Bytes& payload) {
  return outer().protocol(proto).payload(payload).bytes();
}

struct Case {
  const char* sentence;
  Bytes frame;
  bool v6 = false;
};

std::vector<Case> link_cases() {
  const Bytes ip = tcp4(Builder()).bytes();
  const Bytes mac(12, 2);
  const auto ppp = static_cast<std::uint8_t>(ip.size() + 2);
  return {
      {"802.1Q", tcp4(Builder().eth().vlan(5)).bytes()},
      {"QinQ", tcp6(Builder().eth().vlan(7, 0x88a8).vlan(5)).bytes(), true},
      {"QinQ with the EtherType before there was a standard",
       tcp4(Builder().eth().vlan(7, 0x9100).vlan(5)).bytes()},
      {"MPLS", tcp4(Builder().eth().mpls(16)).bytes()},
      {"MPLS, three labels, behind a VLAN",
       tcp6(Builder().eth().vlan(3).mpls(16).mpls(17).mpls(18)).bytes(), true},
      {"an Ethernet pseudowire with a control word",
       Builder().eth().mpls(16).payload(Bytes(4, 0) + tcp4(Builder().eth()).bytes()).bytes()},
      {"and without", tcp4(Builder().eth().mpls(16).eth().vlan(4)).bytes()},
      {"PPPoE", mac + Bytes{0x88, 0x64, 0x11, 0, 0, 1, 0, ppp, 0, 0x21} + ip + Bytes(9, 0)},
      {"PPPoE with MPLS", mac +
                              Bytes{0x88, 0x64, 0x11, 0, 0, 1, 0,
                                    static_cast<std::uint8_t>(ppp + 4), 2, 0x81, 0, 1, 1, 64} +
                              ip},
      {"SNAP", mac + Bytes{0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0} + ip},
  };
}

std::vector<Case> udp_cases() {
  const Bytes ip6 = tcp6(Builder()).bytes();
  return {
      {"VXLAN", tcp4(outer_udp(4789).vxlan(42).eth()).bytes()},
      {"VXLAN on Linux's old port", tcp6(outer_udp(8472).vxlan(42).eth()).bytes(), true},
      {"VXLAN around QinQ", tcp4(outer_udp(4789).vxlan(42).eth().vlan(2).vlan(3)).bytes()},
      {"VXLAN over IPv6 in a VLAN",
       tcp4(Builder().eth().vlan(9).ipv6(kA6, kB6).udp(1, 4789).vxlan(42).eth()).bytes()},
      {"GENEVE around Ethernet", tcp4(outer_udp(6081).geneve(1).eth()).bytes()},
      {"GENEVE around IPv4", tcp4(outer_udp(6081).geneve(1)).bytes()},
      {"GENEVE with options, around IPv6", tcp6(outer_udp(6081).geneve(1, Bytes(32, 1))).bytes(),
       true},
      {"GENEVE with as many options as there can be",
       tcp4(outer_udp(6081).geneve(1, Bytes(252, 1)).eth()).bytes()},
      {"VXLAN in GENEVE, as a gateway load balancer sends it",
       tcp4(outer_udp(6081)
                .geneve(0, Bytes(32, 1))
                .ipv4("172.16.0.1", "172.16.0.2")
                .udp(50001, 4789)
                .vxlan(7)
                .eth())
           .bytes()},
      {"GTP-U", tcp4(outer_udp(2152).gtp(1)).bytes()},
      {"GTP-U that answers", tcp6(outer().udp(2152, 40000).gtp(1)).bytes(), true},
      {"GTP-U with extension headers",
       tcp4(outer_udp(2152).gtp(1, 0x85, {1, 0, 9, 0x85, 2, 0, 0, 0, 0, 0, 0, 0})).bytes()},
      {"GTP-U with a sequence number",
       udp_around(2152, Bytes{0x32, 0xff, 0, static_cast<std::uint8_t>(ip6.size() + 4), 0, 0, 0, 1,
                              0, 7, 0, 0} +
                            ip6),
       true},
      {"Teredo", udp_around(3544, ip6), true},
      {"Teredo with authentication and origin",
       udp_around(3544, Bytes{0, 1, 2, 3} + Bytes(14, 7) + Bytes{0, 0, 1, 2, 3, 4, 5, 6} + ip6),
       true},
      {"AYIYA", udp_around(5072, Bytes{0x41, 0x52, 0x11, 41, 0, 0, 0, 0} + Bytes(36, 1) + ip6),
       true},
  };
}

std::vector<Case> ip_cases() {
  const Bytes ip = tcp4(Builder()).bytes();
  return {
      {"GRE", tcp4(outer().gre()).bytes()},
      {"GRE with key", tcp6(outer().gre(0x2000)).bytes(), true},
      {"GRE with checksum, key and sequence number", tcp4(outer().gre(0xb000)).bytes()},
      {"GRE around Ethernet", tcp4(outer().gre(0x2000).eth()).bytes()},
      {"GRE around MPLS", tcp4(outer().gre().mpls(30).mpls(31)).bytes()},
      {"GRE in GRE", tcp4(outer().gre().ipv4("172.16.0.1", "172.16.0.2").gre(0x1000)).bytes()},
      {"PPTP", ip_around(IPPROTO_GRE, Bytes{0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 0} + Bytes(8, 1) +
                                          Bytes{0xff, 3, 0, 0x21} + ip)},
      {"PPTP with a compressed protocol",
       ip_around(IPPROTO_GRE,
                 Bytes{0x30, 1, 0x88, 0x0b, 0, 0, 0, 0} + Bytes(4, 1) + Bytes{0x21} + ip)},
      {"ERSPAN I", ip_around(IPPROTO_GRE, Bytes{0, 0, 0x88, 0xbe} + tcp4(Builder().eth()).bytes())},
      {"ERSPAN II", tcp4(outer().gre(0x1000).erspan2(5).eth()).bytes()},
      {"ERSPAN II of a tagged frame", tcp6(outer().gre(0x1000).erspan2(5).eth().vlan(8)).bytes(),
       true},
      {"ERSPAN III with its platform's header",
       ip_around(IPPROTO_GRE, Bytes{0x10, 0, 0x22, 0xeb} + Bytes(4, 0) + Bytes(11, 0) + Bytes{1} +
                                  Bytes(8, 0) + tcp4(Builder().eth()).bytes())},
      {"IP in IP", tcp4(outer()).bytes()},
      {"6in4", tcp6(outer()).bytes(), true},
      {"4in6", tcp4(Builder().eth().ipv6(kA6, kB6)).bytes()},
      {"IPv6 in IPv6, behind extension headers",
       tcp6(Builder().eth().ipv6(kA6, kB6).extension(60).extension(43, 1)).bytes(), true},
      {"MPLS in IP", tcp4(outer().mpls(99)).bytes()},
      {"four tunnels in each other", tcp4(outer_udp(4789)
                                              .vxlan(1)
                                              .eth()
                                              .ipv4("172.16.0.1", "172.16.0.2")
                                              .gre()
                                              .ipv6(kA6, kB6)
                                              .ipv4("172.17.0.1", "172.17.0.2")
                                              .udp(5, 2152)
                                              .gtp(9))
                                         .bytes()},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all = link_cases();
  for (Case& one : udp_cases()) all.push_back(std::move(one));
  for (Case& one : ip_cases()) all.push_back(std::move(one));
  return all;
}

template <class T>
class Tunnel : public testing::Test {
 protected:
  static void SetUpTestSuite() { bench_ = std::make_unique<T>(); }
  static void TearDownTestSuite() { bench_.reset(); }
  void SetUp() override { bench_->configure(Selection{}); }

  static std::uint64_t tag(const gray_flow_key& key) { return gray_flow_tag(&key, T::kSeed); }
  static std::uint64_t tag_of(const Bytes& frame) {
    const Outcome outcome = bench_->run(frame);
    EXPECT_EQ(outcome.records.size(), 1U) << reasons(outcome.counted);
    return outcome.records.empty() ? 0 : outcome.meta().tag;
  }
  static std::string fate(const Bytes& frame) { return reasons(bench_->run(frame).counted); }

  static std::unique_ptr<T> bench_;
};
template <class T>
std::unique_ptr<T> Tunnel<T>::bench_;

using Programs = testing::Types<TapBench, HostBench>;
TYPED_TEST_SUITE(Tunnel, Programs);

TYPED_TEST(Tunnel, InnermostFlowIsTheFlow) {
  for (const auto& [sentence, frame, v6] : all_cases()) {
    SCOPED_TRACE(sentence);
    if (!this->bench_->takes(frame)) continue;
    const Outcome outcome = this->bench_->run(frame);
    EXPECT_EQ(reasons(outcome.counted), "captured");
    ASSERT_EQ(outcome.records.size(), 1U);
    EXPECT_EQ(outcome.meta().tag, this->tag(v6 ? inner6() : inner4()));
    EXPECT_EQ(outcome.meta().flags, v6 ? 0 : GRAY_F_REVERSED);
    EXPECT_EQ(outcome.records[0].bytes, frame);
  }
}

TYPED_TEST(Tunnel, WhatDoesNotLookLikeATunnelStaysOutside) {
  const gray_flow_key vxlan = key_of(endpoint(kA, 40000), endpoint(kB, 4789), IPPROTO_UDP);
  const gray_flow_key gre = key_of(endpoint(kA, 0), endpoint(kB, 0), IPPROTO_GRE);
  const gray_flow_key ipip = key_of(endpoint(kA, 0), endpoint(kB, 0), IPPROTO_IPIP);
  const Bytes frame = tcp4(Builder().eth()).bytes();
  const struct {
    const char* sentence;
    Bytes frame;
    gray_flow_key key;
  } cases[] = {
      {"VXLAN without its flag", udp_around(4789, Bytes(8, 0) + frame), vxlan},
      {"VXLAN around ARP",
       udp_around(4789, Bytes{8, 0, 0, 0, 0, 0, 1, 0} + Bytes(12, 2) + Bytes{8, 6} + Bytes(28, 0)),
       vxlan},
      {"VXLAN around three tags",
       tcp4(outer_udp(4789).vxlan(1).eth().vlan(1).vlan(2).vlan(3)).bytes(), vxlan},
      {"VXLAN cut in its header", udp_around(4789, {8, 0, 0}), vxlan},
      {"an answer from VXLAN's port", tcp4(outer().udp(4789, 40000).vxlan(1).eth()).bytes(),
       key_of(endpoint(kA, 4789), endpoint(kB, 40000), IPPROTO_UDP)},
      {"GRE with routing", ip_around(IPPROTO_GRE, Bytes{0x40, 0, 8, 0} + Bytes(60, 0x45)), gre},
      {"GRE around what is not IP", ip_around(IPPROTO_GRE, Bytes{0, 0, 0x12, 0x34} + frame), gre},
      {"IP in IP, cut", ip_around(IPPROTO_IPIP, Bytes(19, 0x45)), ipip},
      {"IP in IP that is text", ip_around(IPPROTO_IPIP, Bytes(60, 'x')), ipip},
  };
  for (const auto& [sentence, bytes, key] : cases) {
    SCOPED_TRACE(sentence);
    EXPECT_EQ(this->tag_of(bytes), this->tag(key));
  }
}

TYPED_TEST(Tunnel, IsFollowedAsDeepAsConfigured) {
  const Bytes frame =
      tcp4(outer_udp(4789).vxlan(1).eth().ipv4("172.16.0.1", "172.16.0.2").gre()).bytes();
  const gray_flow_key keys[] = {
      key_of(endpoint(kA, 40000), endpoint(kB, 4789), IPPROTO_UDP),
      key_of(endpoint("172.16.0.1", 0), endpoint("172.16.0.2", 0), IPPROTO_GRE), inner4(),
      inner4()};
  for (unsigned depth = 0; depth < std::size(keys); ++depth) {
    SCOPED_TRACE(depth);
    this->bench_->configure(ProgramOptions{.tunnels = {.depth = depth}});
    EXPECT_EQ(this->tag_of(frame), this->tag(keys[depth]));
  }
  Builder deep = outer();
  for (int i = 1; i < GRAY_MAX_TUNNEL_DEPTH; ++i) deep.gre().ipv4("172.16.0.1", "172.16.0.2");
  const Bytes deepest = tcp4(deep).bytes();
  this->bench_->configure(ProgramOptions{.tunnels = {.depth = GRAY_MAX_TUNNEL_DEPTH}});
  EXPECT_EQ(this->tag_of(deepest), this->tag(inner4()));
  this->bench_->configure(ProgramOptions{.tunnels = {.depth = GRAY_MAX_TUNNEL_DEPTH - 1}});
  EXPECT_EQ(this->tag_of(deepest),
            this->tag(key_of(endpoint("172.16.0.1", 0), endpoint("172.16.0.2", 0), IPPROTO_IPIP)));
}

TYPED_TEST(Tunnel, IsKnownByThePortsConfigured) {
  this->bench_->configure(
      ProgramOptions{.tunnels = {.vxlan = {1, 2, 3, 14789}, .geneve = {}, .gtp = {4, 12152}}});
  EXPECT_EQ(this->tag_of(tcp4(outer_udp(14789).vxlan(1).eth()).bytes()), this->tag(inner4()));
  EXPECT_EQ(this->tag_of(tcp6(outer().udp(12152, 9).gtp(1)).bytes()), this->tag(inner6()));
  EXPECT_EQ(this->tag_of(tcp4(outer_udp(4789).vxlan(1).eth()).bytes()),
            this->tag(key_of(endpoint(kA, 40000), endpoint(kB, 4789), IPPROTO_UDP)));
  EXPECT_EQ(this->tag_of(tcp4(outer_udp(6081).geneve(1)).bytes()),
            this->tag(key_of(endpoint(kA, 40000), endpoint(kB, 6081), IPPROTO_UDP)));
}

TYPED_TEST(Tunnel, SelectionIsOfTheInnermostFlow) {
  const Bytes frame = tcp4(outer_udp(4789).vxlan(1).eth()).bytes();
  const struct {
    Selection selection;
    const char* fate;
  } cases[] = {
      {{.protos = {6}}, "captured"},
      {{.protos = {17}}, "filtered"},
      {{.ports = {80}}, "captured"},
      {{.ports = {4789}}, "filtered"},
      {{.nets = {Cidr::parse("10.1.0.0/24")}}, "captured"},
      {{.nets = {Cidr::parse("192.0.2.0/24")}}, "filtered"},
      {{.excludes = {endpoint("10.1.0.2", 80)}}, "excluded"},
      {{.excludes = {endpoint(kB, 4789)}}, "excluded"},
      {{.excludes = {endpoint(kA, 0)}}, "excluded"},
      {{.excludes = {endpoint(kA, 80)}}, "captured"},
  };
  for (const auto& [selection, fate] : cases) {
    this->bench_->configure(selection);
    EXPECT_EQ(this->fate(frame), fate);
  }
  this->bench_->configure(Selection{.excludes = {endpoint("172.16.0.2", 0)}});
  EXPECT_EQ(this->fate(tcp4(outer().gre().ipv4("172.16.0.1", "172.16.0.2").gre()).bytes()),
            "excluded")
      << "the layer between";
}

TYPED_TEST(Tunnel, LaterFragmentsFollowTheirFirst) {
  const Bytes datagram = Builder().ipv4("10.1.0.2", "10.1.0.1").udp(53, 5353).filler(600).bytes();
  const std::uint64_t tag =
      this->tag(key_of(endpoint("10.1.0.2", 53), endpoint("10.1.0.1", 5353), IPPROTO_UDP));
  for (const Bytes& fragment : cut(datagram, 200, 1000)) {
    const Outcome outcome = this->bench_->run(fragment);
    EXPECT_EQ(reasons(outcome.counted), "captured");
    ASSERT_EQ(outcome.records.size(), 1U);
    EXPECT_EQ(outcome.meta().tag, tag);
    EXPECT_EQ(outcome.meta().flags, GRAY_F_FRAGMENT | GRAY_F_REVERSED);
  }
  this->bench_->configure(Selection{.ports = {53}});
  for (const Bytes& fragment : cut(datagram, 200, 1001))
    EXPECT_EQ(this->fate(fragment), "captured");
  EXPECT_EQ(this->fate(cut(datagram, 200, 1002)[1]), "fragment fragment_orphan");
  this->bench_->configure(Selection{.ports = {54}});
  for (const Bytes& fragment : cut(datagram, 200, 1003))
    EXPECT_EQ(this->fate(fragment), "filtered");
  this->bench_->configure(Selection{.excludes = {endpoint("10.1.0.2", 53)}});
  for (const Bytes& fragment : cut(datagram, 200, 1004))
    EXPECT_EQ(this->fate(fragment), "excluded");
}

TYPED_TEST(Tunnel, FragmentsOfATunnelBelongToTheFlowInside) {
  const Bytes datagram =
      tcp4(Builder().ipv4(kA, kB).udp(40000, 4789).vxlan(1).eth()).filler(600).bytes();
  for (const Bytes& fragment : cut(datagram, 200, 2000))
    EXPECT_EQ(this->tag_of(fragment), this->tag(inner4()));
  this->bench_->configure(Selection{.excludes = {endpoint(kB, 4789)}});
  for (const Bytes& fragment : cut(datagram, 200, 2001))
    EXPECT_EQ(this->fate(fragment), "excluded") << "by the layer around it";

  this->bench_->configure(Selection{});
  const Bytes big = Builder().ipv4("10.1.0.2", "10.1.0.1").udp(53, 5353).filler(600).bytes();
  std::uint32_t id = 2002;
  for (const Bytes& inner : cut(big, 304, 3000)) {
    const Bytes gre = Builder()
                          .ipv4(kA, kB)
                          .protocol(IPPROTO_GRE)
                          .payload(Bytes{0, 0, 0x65, 0x58} + inner)
                          .bytes();
    for (const Bytes& fragment : cut(gre, 160, id++))
      EXPECT_EQ(this->tag_of(fragment), this->tag(key_of(endpoint("10.1.0.2", 53),
                                                         endpoint("10.1.0.1", 5353), IPPROTO_UDP)));
  }
}

TYPED_TEST(Tunnel, AgreesWithUserSpaceOnFramesCutAtEveryLength) {
  TypeParam bench;
  bench.configure(Selection{});
  FragmentTracker tracker;
  for (const auto& [sentence, frame, v6] : all_cases()) {
    SCOPED_TRACE(sentence);
    for (std::size_t length = 14; length < frame.size(); ++length) {
      Bytes cut = frame;
      cut.resize(length);
      if (!bench.takes(cut)) continue;
      ASSERT_NO_FATAL_FAILURE(expect_agreement(
          bench, tracker, {.bytes = cut, .wire_len = static_cast<std::uint32_t>(length)}))
          << length;
    }
  }
}

TYPED_TEST(Tunnel, AgreesWithUserSpaceOnMutations) {
  TypeParam bench;
  bench.configure(Selection{});
  FragmentTracker tracker;
  std::mt19937 random(815);
  std::vector<Bytes> frames;
  for (const Case& one : all_cases()) frames.push_back(one.frame);
  for (std::uint32_t i = 0; i < 8; ++i)
    for (const Bytes& fragment :
         cut(tcp4(Builder().ipv4(kA, kB).udp(40000, 4789).vxlan(i).eth()).filler(100).bytes(), 72,
             i))
      frames.push_back(fragment);
  for (int round = 0; round < 12'000; ++round) {
    Bytes frame = frames[random() % frames.size()];
    for (unsigned change = random() % 4; change > 0; --change)
      frame[12 + random() % (frame.size() - 12)] = static_cast<std::uint8_t>(random());
    if (random() % 4 == 0) frame.resize(14 + random() % (frame.size() - 13));
    if (!bench.takes(frame)) continue;
    ASSERT_NO_FATAL_FAILURE(expect_agreement(
        bench, tracker, {.bytes = frame, .wire_len = static_cast<std::uint32_t>(frame.size())}))
        << round;
  }
}

}  // namespace
}  // namespace gray
