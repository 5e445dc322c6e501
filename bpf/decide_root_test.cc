// Which frames go on, in both programs: kill switch, excludes, selection by protocol, port and
// network, sampling of whole flows; and what the flow table then knows of them.
#include <arpa/inet.h>

#include <map>
#include <random>

#include "bpf/test_run.h"
#include "userspace/base/units.h"
#include "userspace/packet/build.h"

namespace gray {
namespace {

constexpr const char* kA4 = "10.1.2.3";
constexpr const char* kB4 = "192.168.7.9";
constexpr const char* kA6 = "2001:db8:1::5";
constexpr const char* kB6 = "fd00::77";

PacketBuilder v4() {
  return PacketBuilder().eth().ipv4(kA4, kB4);
}
PacketBuilder v6() {
  return PacketBuilder().eth().ipv6(kA6, kB6);
}
Endpoint endpoint(const char* address, std::uint16_t port) {
  return {IpAddress::parse(address), port};
}

template <class T>
class Decide : public testing::Test {
 protected:
  static void SetUpTestSuite() { bench_ = std::make_unique<T>(); }
  static void TearDownTestSuite() { bench_.reset(); }
  void SetUp() override { bench_->configure(Selection{}); }

  void expect(const Selection& selection, const Bytes& frame, const char* counters) {
    bench_->configure(selection);
    EXPECT_EQ(reasons(bench_->run(frame).counted), counters);
  }
  static FlowRecord flow_of(std::uint64_t tag) {
    for (const FlowRecord& record : bench_->program().flows())
      if (record.flow.tag == tag) return record;
    ADD_FAILURE() << "no flow " << tag;
    return {};
  }

  static std::unique_ptr<T> bench_;
};
template <class T>
std::unique_ptr<T> Decide<T>::bench_;

using Programs = testing::Types<TapBench, HostBench>;
TYPED_TEST_SUITE(Decide, Programs);

TYPED_TEST(Decide, SelectsByEveryListThatIsNotEmpty) {
  const Bytes tcp4 = v4().tcp(40000, 80).bytes();
  const Bytes tcp6 = v6().tcp(40000, 443).bytes();
  const Bytes later = v4().fragment(1480, false).protocol(17).filler(64).bytes();
  const Bytes arp = PacketBuilder().eth(0x0806).filler(46).bytes();
  const auto net = [](const char* text) { return Selection{.nets = {Cidr::parse(text)}}; };
  const struct {
    const char* sentence;
    Selection selection;
    Bytes frame;
    const char* counters;
  } cases[] = {
      {"protocol that is listed", {.protos = {17, 6}}, tcp4, "captured"},
      {"protocol that is not", {.protos = {17, 1}}, tcp4, "filtered"},
      {"ICMPv6 by protocol", {.protos = {58}}, v6().icmpv6().bytes(), "captured"},
      {"destination port", {.ports = {80}}, tcp4, "captured"},
      {"source port", {.ports = {1, 40000}}, tcp4, "captured"},
      {"last of as many ports as there can be",
       {.ports = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 80}},
       tcp4,
       "captured"},
      {"port that is not listed", {.ports = {81, 8080}}, tcp4, "filtered"},
      {"port as it looks in the wrong byte order", {.ports = {80 << 8}}, tcp4, "filtered"},
      {"ICMP has no port to list", {.ports = {80}}, v4().icmp().bytes(), "filtered"},
      {"later fragment and a port", {.ports = {80}}, later, "fragment fragment_orphan"},
      {"later fragment of a wrong protocol and a port",
       {.protos = {6}, .ports = {80}},
       later,
       "filtered fragment_orphan"},
      {"later fragment without a port asked for",
       {.protos = {17}},
       later,
       "captured fragment_orphan"},
      {"source network, IPv4", net("10.0.0.0/8"), tcp4, "captured"},
      {"destination network, IPv4", net("192.168.0.0/17"), tcp4, "captured"},
      {"one address, IPv4", net("192.168.7.9"), tcp4, "captured"},
      {"its neighbour", net("192.168.7.8"), tcp4, "filtered"},
      {"network next door", net("192.168.128.0/17"), tcp4, "filtered"},
      {"prefix that ends inside a byte", net("10.1.2.2/31"), tcp4, "captured"},
      {"all of IPv4", net("0.0.0.0/0"), tcp4, "captured"},
      {"all of IPv4 has no IPv6", net("0.0.0.0/0"), tcp6, "filtered"},
      {"source network, IPv6", net("2001:db8::/32"), tcp6, "captured"},
      {"destination network, IPv6", net("fd00::/8"), tcp6, "captured"},
      {"one address, IPv6", net("fd00::77"), tcp6, "captured"},
      {"its neighbour, IPv6", net("fd00::76"), tcp6, "filtered"},
      {"prefix that crosses a word", net("2001:db8:1::/45"), tcp6, "captured"},
      {"prefix that does not hold it", net("2001:db8:2::/47"), tcp6, "filtered"},
      {"all lists at once",
       {.protos = {6}, .ports = {80}, .nets = {Cidr::parse("10.0.0.0/8")}},
       tcp4,
       "captured"},
      {"all lists but one",
       {.protos = {6}, .ports = {80}, .nets = {Cidr::parse("11.0.0.0/8")}},
       tcp4,
       "filtered"},
      {"ARP fits no list", {.protos = {6}}, arp, "filtered"},
      {"ARP without a list", {}, arp, "captured"},
  };
  for (const auto& [sentence, selection, frame, counters] : cases) {
    SCOPED_TRACE(sentence);
    this->expect(selection, frame, counters);
  }
}

TYPED_TEST(Decide, LeavesItsOwnTrafficAlone) {
  const Bytes there = v4().tcp(40000, 80).bytes();
  const Bytes back = PacketBuilder().eth().ipv4(kB4, kA4).tcp(80, 40000).bytes();
  const Bytes six = v6().udp(9, 443).bytes();
  Selection full;
  for (std::uint16_t port = 1; port < GRAY_MAX_EXCLUDES; ++port)
    full.excludes.push_back(endpoint(kB4, port));
  full.excludes.push_back(endpoint(kB4, 80));
  const struct {
    const char* sentence;
    Selection selection;
    Bytes frame;
    const char* counters;
  } cases[] = {
      {"to an excluded endpoint", {.excludes = {endpoint(kB4, 80)}}, there, "excluded"},
      {"from an excluded endpoint", {.excludes = {endpoint(kB4, 80)}}, back, "excluded"},
      {"any port of an excluded address", {.excludes = {endpoint(kA4, 0)}}, there, "excluded"},
      {"another port", {.excludes = {endpoint(kB4, 81)}}, there, "captured"},
      {"the other side's port", {.excludes = {endpoint(kA4, 80)}}, there, "captured"},
      {"another address", {.excludes = {endpoint("192.168.7.10", 80)}}, there, "captured"},
      {"the last of many", full, there, "excluded"},
      {"none of many", full, v4().tcp(40000, 79 + 7).bytes(), "captured"},
      {"IPv6", {.excludes = {endpoint(kB6, 443)}}, six, "excluded"},
      {"excluded before it is filtered",
       {.protos = {17}, .excludes = {endpoint(kB4, 80)}},
       there,
       "excluded"},
      {"excluded although its TCP header is cut",
       {.excludes = {endpoint(kB4, 0)}},
       v4().protocol(6).payload("abcd").bytes(),
       "excluded odd_l4_header"},
  };
  for (const auto& [sentence, selection, frame, counters] : cases) {
    SCOPED_TRACE(sentence);
    this->expect(selection, frame, counters);
  }
}

TYPED_TEST(Decide, KillSwitchStopsEverythingWhileRunning) {
  const Bytes frame = v4().tcp(1, 2).bytes();
  this->bench_->program().set_enabled(false);
  EXPECT_EQ(reasons(this->bench_->run(frame).counted), "disabled");
  EXPECT_EQ(reasons(this->bench_->run(PacketBuilder().eth(0x8100).bytes()).counted), "disabled");
  this->bench_->program().set_enabled(true);
  EXPECT_EQ(reasons(this->bench_->run(frame).counted), "captured");
}

TYPED_TEST(Decide, SamplesTheShareAskedForInWholeFlows) {
  constexpr int kFlows = 10'000;
  constexpr double kShare = 0.125;
  this->bench_->configure(Selection{.share = kShare});
  std::mt19937 random(1);
  int kept = 0;
  for (int i = 0; i < kFlows; ++i) {
    const std::string client =
        "10." + std::to_string(random() % 256) + "." + std::to_string(random() % 256) + ".7";
    const auto port = static_cast<std::uint16_t>(1024 + random() % 60000);
    const Outcome there =
        this->bench_->run(PacketBuilder().eth().ipv4(client, kB4).tcp(port, 80).bytes());
    const Outcome back =
        this->bench_->run(PacketBuilder().eth().ipv4(kB4, client).tcp(80, port).bytes());
    ASSERT_EQ(there.records.size(), back.records.size()) << client << " " << port;
    ASSERT_EQ(reasons(there.counted), there.records.empty() ? "sampled" : "captured");
    kept += static_cast<int>(there.records.size());
    if (!there.records.empty()) {
      ASSERT_LE(there.meta().tag, share_threshold(kShare));
    }
  }
  EXPECT_NEAR(static_cast<double>(kept) / kFlows, kShare, 0.01);
}

TYPED_TEST(Decide, SampleOfNothingStillHasWhatBelongsToNoFlow) {
  this->expect({.share = 0}, v4().tcp(1, 2).bytes(), "sampled");
  this->expect({.share = 0}, PacketBuilder().eth(0x0806).filler(46).bytes(), "captured");
}

TYPED_TEST(Decide, AnotherSeedIsAnotherTag) {
  const Bytes frame = v4().tcp(1, 2).bytes();
  const std::uint64_t tag = this->bench_->run(frame).meta().tag;
  gray_config config = this->bench_->program().config();
  config.seed ^= 1;
  this->bench_->program().configure(config);
  EXPECT_NE(this->bench_->run(frame).meta().tag, tag);
}

TYPED_TEST(Decide, FlowTableCountsBothDirections) {
  const Bytes syn =
      PacketBuilder().eth().ipv4("10.77.0.1", "10.77.0.2").tcp(5000, 80, 0x02).bytes();
  const Bytes syn_ack =
      PacketBuilder().eth().ipv4("10.77.0.2", "10.77.0.1").tcp(80, 5000, 0x12).bytes();
  const Bytes data = PacketBuilder()
                         .eth()
                         .ipv4("10.77.0.1", "10.77.0.2")
                         .tcp(5000, 80, 0x18)
                         .payload("GET / HTTP/1.1\r\n\r\n")
                         .bytes();
  const Outcome first = this->bench_->run(syn);
  EXPECT_EQ(first.counted[GRAY_FLOW_NEW], 1U);
  const Outcome second = this->bench_->run(syn_ack);
  EXPECT_EQ(second.counted[GRAY_FLOW_NEW], 0U);
  const Outcome third = this->bench_->run(data);

  const auto [flow, id] = this->flow_of(first.meta().tag);
  const gray_flow_key key = key_of(endpoint("10.77.0.1", 5000), endpoint("10.77.0.2", 80), 6);
  EXPECT_EQ(std::memcmp(&id.key, &key, sizeof(key)), 0);
  EXPECT_EQ(flow.packets[0], 2U);
  EXPECT_EQ(flow.bytes[0], syn.size() + data.size());
  EXPECT_EQ(flow.tcp_flags[0], 0x1aU);
  EXPECT_EQ(flow.packets[1], 1U);
  EXPECT_EQ(flow.bytes[1], syn_ack.size());
  EXPECT_EQ(flow.tcp_flags[1], 0x12U);
  EXPECT_EQ(flow.first_side, 0);
  EXPECT_EQ(flow.first_ns, first.meta().time_ns);
  EXPECT_EQ(flow.last_ns, third.meta().time_ns);
  EXPECT_EQ(flow.icmp, 0);
  EXPECT_EQ(id.ifindex, first.meta().ifindex);
}

TYPED_TEST(Decide, FlowTableHasRoomForTheFlowsItWasMadeFor) {
  constexpr unsigned kFlows = 400;
  TypeParam table(ProgramOptions{.flow_entries = kFlows});
  table.configure(Selection{});
  std::map<std::uint64_t, unsigned> packets;
  for (unsigned i = 0; i < 3 * kFlows; ++i) {
    const auto port = static_cast<std::uint16_t>(i % kFlows);
    const Outcome outcome = table.run(v4().udp(port, 53).bytes());
    ASSERT_EQ(outcome.records.size(), 1U);
    EXPECT_EQ(outcome.counted[GRAY_FLOW_EVICTED] + outcome.counted[GRAY_FLOW_FULL], 0U);
    ++packets[outcome.meta().tag];
  }
  const auto records = table.program().flows();
  EXPECT_EQ(records.size(), packets.size());
  for (const FlowRecord& record : records)
    EXPECT_EQ(record.flow.packets[0] + record.flow.packets[1], packets[record.flow.tag]);
}

TYPED_TEST(Decide, FlowOfIcmpKnowsItsFirstMessage) {
  // An echo request, answered.
  const Bytes request = PacketBuilder().eth().ipv4("10.79.0.2", "10.79.0.1").icmp(8, 0).bytes();
  const Outcome outcome = this->bench_->run(request);
  const auto [flow, id] = this->flow_of(outcome.meta().tag);
  EXPECT_EQ(flow.icmp, 1);
  EXPECT_EQ(flow.icmp_type, 8);
  EXPECT_EQ(flow.icmp_code, 0);
  EXPECT_EQ(flow.first_side, 1);  // of the higher address
}

TYPED_TEST(Decide, FlowTableHasSelectedFlowsOnly) {
  this->bench_->configure(Selection{.ports = {80}});
  const Bytes other = PacketBuilder().eth().ipv4("10.78.0.1", "10.78.0.2").tcp(5000, 81).bytes();
  const Outcome outcome = this->bench_->run(other);
  EXPECT_EQ(outcome.counted[GRAY_FLOW_NEW], 0U);
  const std::size_t before = this->bench_->program().flows().size();
  this->bench_->run(PacketBuilder().eth(0x0806).filler(46).bytes());
  EXPECT_EQ(this->bench_->program().flows().size(), before);
}

TYPED_TEST(Decide, FlowTableForgetsTheOldestAndStaysInItsSize) {
  TypeParam small(ProgramOptions{.flow_entries = 256});
  small.configure(Selection{});
  std::uint64_t fresh = 0;
  std::uint64_t evicted = 0;
  for (unsigned i = 0; i < 2000; ++i) {
    const Bytes frame = v4().udp(static_cast<std::uint16_t>(i), 53).bytes();
    const Outcome outcome = small.run(frame);
    ASSERT_EQ(outcome.records.size(), 1U);
    fresh += outcome.counted[GRAY_FLOW_NEW];
    evicted += outcome.counted[GRAY_FLOW_EVICTED];
  }
  EXPECT_EQ(fresh, 2000U);
  const std::size_t held = small.program().flows().size();
  EXPECT_GT(held, 0U);
  EXPECT_LE(held, 256U * 4 / 3 + GRAY_FLOW_WAYS);
  EXPECT_EQ(held + evicted, 2000U);
  EXPECT_EQ(small.program().flow_map().held(), held);
}

TYPED_TEST(Decide, ReadsALargeFlowTableWhole) {
  TypeParam large(ProgramOptions{.flow_entries = 65536});
  large.configure(Selection{});
  std::map<std::uint64_t, int> tags;
  for (unsigned i = 0; i < 20'000; ++i) {
    const Bytes frame =
        PacketBuilder().eth().ipv4(kA4, kB4).udp(static_cast<std::uint16_t>(i), 53).bytes();
    tags[large.run(frame).meta().tag] = 0;
  }
  for (const FlowRecord& record : large.program().flows()) ++tags.at(record.flow.tag);
  for (const auto& [tag, times] : tags) ASSERT_EQ(times, 1) << tag;
}

}  // namespace
}  // namespace gray
