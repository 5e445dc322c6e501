// What both programs make of a frame's headers: tag, flags and counters, from one table; frames cut
// at every length; and the kernel's parser against user space's decoder.
#include <linux/in.h>

#include <random>

#include "bpf/agreement.h"
#include "bpf/test_run.h"
#include "userspace/packet/build.h"
#include "userspace/packet/fragment_tracker.h"
#include "userspace/packet/packet.h"

namespace gray {
namespace {

constexpr const char* kA4 = "10.0.0.1";
constexpr const char* kB4 = "10.0.0.2";
constexpr const char* kA6 = "2001:db8::1";
constexpr const char* kB6 = "2001:db8::2";

PacketBuilder v4() {
  return PacketBuilder().eth().ipv4(kA4, kB4);
}
PacketBuilder v6() {
  return PacketBuilder().eth().ipv6(kA6, kB6);
}

gray_flow_key key4(std::uint8_t proto, std::uint16_t from = 0, std::uint16_t to = 0) {
  return key_of({IpAddress::parse(kA4), from}, {IpAddress::parse(kB4), to}, proto);
}
gray_flow_key key6(std::uint8_t proto, std::uint16_t from = 0, std::uint16_t to = 0) {
  return key_of({IpAddress::parse(kA6), from}, {IpAddress::parse(kB6), to}, proto);
}

Bytes with(Bytes frame, std::size_t at, std::uint8_t value) {
  frame.at(at) = value;
  return frame;
}
Bytes padded(Bytes frame, std::size_t size) {
  frame.resize(std::max(frame.size(), size));
  return frame;
}

struct Case {
  const char* sentence;
  Bytes frame;
  std::optional<gray_flow_key> key;  ///< none: tag 0
  std::uint8_t flags = 0;
  const char* odd = "";  ///< the counter, when there is one
};

std::vector<Case> sound_frames() {
  constexpr std::uint8_t kFragment = GRAY_F_FRAGMENT;
  return {
      {"TCP over IPv4", v4().tcp(1234, 80).payload("GET").bytes(), key4(6, 1234, 80)},
      {"UDP over IPv4", v4().udp(53, 5353).payload("x").bytes(), key4(17, 53, 5353)},
      {"UDP that carries nothing", v4().udp(53, 5353).bytes(), key4(17, 53, 5353)},
      {"SCTP over IPv4", v4().sctp(7, 9).bytes(), key4(132, 7, 9)},
      {"ICMP has no ports", v4().icmp().payload("ping").bytes(), key4(1)},
      {"ESP has no ports either", v4().protocol(50).filler(40).bytes(), key4(50)},
      {"IPv4 with options", v4().options({7, 7, 4, 0, 0, 0, 0}).tcp(1, 2).bytes(), key4(6, 1, 2)},
      {"IPv4 with as many options as fit", v4().options(Bytes(40, 1)).udp(1, 2).bytes(),
       key4(17, 1, 2)},
      {"Ethernet padding is not payload", padded(v4().udp(1, 2).bytes(), 60), key4(17, 1, 2)},
      {"802.1Q", PacketBuilder().eth().vlan(5).ipv4(kA4, kB4).tcp(1, 2).bytes(), key4(6, 1, 2)},
      {"QinQ", PacketBuilder().eth().vlan(7, 0x88a8).vlan(5).ipv6(kA6, kB6).tcp(1, 2).bytes(),
       key6(6, 1, 2)},
      {"TCP over IPv6", v6().tcp(1234, 80).bytes(), key6(6, 1234, 80)},
      {"ICMPv6", v6().icmpv6().bytes(), key6(58)},
      {"no next header", v6().protocol(59).bytes(), key6(59)},
      {"every extension header that can stand before TCP",
       v6().extension(0)
           .extension(60, 1)
           .extension(43, 2)
           .extension(51, 3)
           .extension(135)
           .extension(139)
           .extension(140)
           .tcp(1, 2)
           .bytes(),
       key6(6, 1, 2)},
      {"as many extension headers as are followed",
       [] {
         PacketBuilder frame = v6();
         for (int i = 0; i < GRAY_MAX_EXT_HEADERS; ++i) frame.extension(60);
         return frame.udp(1, 2).bytes();
       }(),
       key6(17, 1, 2)},
      {"an extension header of 2048 bytes", v6().extension(60, 255).udp(1, 2).bytes(),
       key6(17, 1, 2)},
      {"first fragment, IPv4", v4().fragment(0, true).udp(1, 2).filler(64).bytes(), key4(17, 1, 2),
       kFragment},
      {"first fragment of a datagram longer than it",
       with(v4().fragment(0, true).udp(1, 2).filler(64).bytes(), 38, 9), key4(17, 1, 2), kFragment},
      {"later fragment, IPv4", v4().fragment(1480, true).protocol(17).filler(64).bytes(),
       key4(17, 1, 2), kFragment},
      {"last fragment, IPv4, of a first one that was not seen",
       v4().fragment(1480, false, 77).protocol(6).filler(3).bytes(), key4(6), kFragment,
       "fragment_orphan"},
      {"don't fragment is no fragment", with(v4().udp(1, 2).bytes(), 20, 0x40), key4(17, 1, 2)},
      {"first fragment, IPv6", v6().fragment(0, true).udp(1, 2).filler(64).bytes(), key6(17, 1, 2),
       kFragment},
      {"later fragment, IPv6", v6().fragment(1440, true).protocol(17).filler(64).bytes(),
       key6(17, 1, 2), kFragment},
      {"first fragment with extension headers behind its own",
       v6().fragment(0, true).extension(60).udp(1, 2).filler(64).bytes(), key6(17, 1, 2),
       kFragment},
      {"later fragment whose datagram begins with an extension header",
       v6().fragment(1440, true, 77).protocol(60).filler(64).bytes(), key6(60), kFragment,
       "fragment_orphan"},
      {"atomic fragment, IPv6: a whole datagram", v6().fragment(0, false).udp(1, 2).bytes(),
       key6(17, 1, 2)},
      {"IPv4 length 0: a super-frame",
       [] { return with(with(v4().tcp(1, 2).filler(100).bytes(), 16, 0), 17, 0); }(),
       key4(6, 1, 2)},
      {"IPv6 length 0: a super-frame", with(v6().tcp(1, 2).filler(100).bytes(), 19, 0),
       key6(6, 1, 2)},
      {"ARP belongs to no flow", PacketBuilder().eth(0x0806).filler(46).bytes(), {}},
      {"LLDP belongs to no flow", PacketBuilder().eth(0x88cc).filler(46).bytes(), {}},
      {"an 802.3 length belongs to no flow", PacketBuilder().eth(38).filler(46).bytes(), {}},
      {"an Ethernet header alone", PacketBuilder().eth(0x0806).bytes(), {}},
  };
}

std::vector<Case> odd_frames() {
  constexpr std::uint8_t kOdd = GRAY_F_ODD;
  const Bytes tcp4 = v4().tcp(1, 2).filler(20).bytes();
  const Bytes udp4 = v4().udp(1, 2).filler(20).bytes();
  const Bytes tcp6 = v6().tcp(1, 2).filler(20).bytes();
  return {
      {"three VLAN tags",
       PacketBuilder().eth().vlan(1).vlan(2).vlan(3).ipv4(kA4, kB4).bytes(),
       {},
       kOdd,
       "odd_vlan"},
      {"a VLAN tag cut off",
       PacketBuilder().eth(0x8100).payload("ab").bytes(),
       {},
       kOdd,
       "odd_vlan"},
      {"IPv4 with version 5", with(tcp4, 14, 0x55), {}, kOdd, "odd_ip_header"},
      {"IPv4 with a header of 16 bytes", with(tcp4, 14, 0x44), {}, kOdd, "odd_ip_header"},
      {"IPv4 with a header longer than the datagram",
       with(v4().bytes(), 14, 0x46),
       {},
       kOdd,
       "odd_ip_header"},
      {"IPv4 shorter than its header", with(tcp4, 17, 19), {}, kOdd, "odd_ip_header"},
      {"IPv4 longer than the frame", with(tcp4, 17, 61), {}, kOdd, "odd_ip_header"},
      {"IPv6 with version 4", with(tcp6, 14, 0x40), {}, kOdd, "odd_ip_header"},
      {"IPv6 longer than the frame", with(tcp6, 19, 41), {}, kOdd, "odd_ip_header"},
      {"an extension header that is longer than the datagram",
       with(v6().extension(60).udp(1, 2).bytes(), 55, 2),
       {},
       kOdd,
       "odd_ipv6_extension"},
      {"an extension header cut off",
       v6().protocol(43).payload("abc").bytes(),
       {},
       kOdd,
       "odd_ipv6_extension"},
      {"more extension headers than are followed",
       [] {
         PacketBuilder frame = v6();
         for (int i = 0; i <= GRAY_MAX_EXT_HEADERS; ++i) frame.extension(60);
         return frame.udp(1, 2).bytes();
       }(),
       {},
       kOdd,
       "odd_ipv6_extension"},
      {"SCTP of which there are 11 bytes",
       v4().protocol(132).filler(11).bytes(),
       {},
       kOdd,
       "odd_l4_header"},
      {"TCP with a header of 16 bytes", with(tcp4, 46, 0x40), {}, kOdd, "odd_l4_header"},
      {"TCP with a header longer than the datagram",
       with(tcp4, 46, 0xf0),
       {},
       kOdd,
       "odd_l4_header"},
      {"TCP of which the datagram has 19 bytes", with(tcp4, 17, 39), {}, kOdd, "odd_l4_header"},
      {"UDP with a length below its header's", with(udp4, 39, 7), {}, kOdd, "odd_l4_header"},
      {"UDP with a length beyond the datagram", with(udp4, 39, 29), {}, kOdd, "odd_l4_header"},
      {"ports that are only Ethernet padding",
       padded(v4().protocol(17).bytes(), 60),
       {},
       kOdd,
       "odd_l4_header"},
      {"a first fragment too small for ports",
       v4().fragment(0, true).protocol(17).payload("abc").bytes(),
       {},
       kOdd | GRAY_F_FRAGMENT,
       "odd_l4_header"},
  };
}

template <class T>
class Parse : public testing::Test {
 protected:
  static void SetUpTestSuite() { bench_ = std::make_unique<T>(); }
  static void TearDownTestSuite() { bench_.reset(); }
  void SetUp() override { bench_->configure(Selection{}); }

  static void expect(const Case& expected) {
    SCOPED_TRACE(expected.sentence);
    const Outcome outcome = bench_->run(expected.frame);
    const std::string odd = expected.odd;
    EXPECT_EQ(reasons(outcome.counted), odd.empty() ? "captured" : "captured " + odd);
    if (outcome.records.empty()) return;
    EXPECT_EQ(outcome.meta().tag, expected.key ? gray_flow_tag(&*expected.key, T::kSeed) : 0);
    EXPECT_EQ(outcome.meta().flags & ~GRAY_F_REVERSED, expected.flags);
    EXPECT_EQ(outcome.records[0].bytes, expected.frame);
    EXPECT_EQ(outcome.frame, expected.frame);
  }

  static std::unique_ptr<T> bench_;
};
template <class T>
std::unique_ptr<T> Parse<T>::bench_;

using Programs = testing::Types<TapBench, HostBench>;
TYPED_TEST_SUITE(Parse, Programs);

TYPED_TEST(Parse, TagsSoundFrames) {
  for (const Case& frame : sound_frames()) this->expect(frame);
}

TYPED_TEST(Parse, LetsOddFramesGoOnUntaggedAndCountsThem) {
  for (const Case& frame : odd_frames()) this->expect(frame);
}

TYPED_TEST(Parse, OddFramesAreMalformedToASelection) {
  this->bench_->configure(Selection{.protos = {6, 17}});
  for (const Case& frame : odd_frames()) {
    SCOPED_TRACE(frame.sentence);
    const Outcome outcome = this->bench_->run(frame.frame);
    EXPECT_EQ(reasons(outcome.counted), std::string("malformed ") + frame.odd);
  }
}

TYPED_TEST(Parse, GivesBothDirectionsOneTag) {
  struct Pair {
    const char *low, *high;
    std::uint16_t low_port, high_port;
  };
  const Pair pairs[] = {{"10.0.0.1", "10.0.0.2", 80, 79},      {"9.255.255.255", "10.0.0.0", 1, 1},
                        {"127.0.0.1", "127.0.0.1", 255, 256},  {"127.0.0.1", "127.0.0.1", 7, 7},
                        {"2001:db8::1", "2001:db8:1::", 5, 4}, {"::1", "8000::", 5, 4},
                        {"fe80::2", "fe80::100", 5, 4}};
  for (const Pair& pair : pairs) {
    SCOPED_TRACE(std::string(pair.low) + " " + pair.high);
    const auto frame = [](const char* from, const char* to, std::uint16_t a, std::uint16_t b) {
      PacketBuilder builder = PacketBuilder().eth();
      IpAddress::parse(from).is_v4() ? builder.ipv4(from, to) : builder.ipv6(from, to);
      return builder.tcp(a, b).bytes();
    };
    const Outcome there =
        this->bench_->run(frame(pair.low, pair.high, pair.low_port, pair.high_port));
    const Outcome back =
        this->bench_->run(frame(pair.high, pair.low, pair.high_port, pair.low_port));
    ASSERT_EQ(there.records.size() + back.records.size(), 2U);
    EXPECT_EQ(there.meta().tag, back.meta().tag);
    EXPECT_EQ(there.meta().flags, 0);
    const bool same = std::string(pair.low) == pair.high && pair.low_port == pair.high_port;
    EXPECT_EQ(back.meta().flags, same ? 0 : GRAY_F_REVERSED);
  }
}

TYPED_TEST(Parse, SurvivesEveryFrameCutAtEveryLength) {
  std::vector<Case> all = sound_frames();
  for (Case& odd : odd_frames()) all.push_back(std::move(odd));
  for (const Case& whole : all) {
    const std::size_t longest = std::min<std::size_t>(whole.frame.size(), 200);
    for (std::size_t length = 14; length < longest; ++length) {
      SCOPED_TRACE(std::string(whole.sentence) + ", " + std::to_string(length) + " bytes");
      const Bytes cut(whole.frame.begin(),
                      whole.frame.begin() + static_cast<std::ptrdiff_t>(length));
      if (!this->bench_->takes(cut)) continue;
      const Outcome outcome = this->bench_->run(cut);
      ASSERT_EQ(outcome.records.size(), 1U);
      EXPECT_EQ(outcome.meta().cap_len, length);
      EXPECT_EQ(outcome.meta().tag == 0, (outcome.meta().flags & GRAY_F_ODD) != 0 || !whole.key);
    }
  }
}

// Headers behind an XDP frame's first buffer are out of a pointer's reach, and are copied.
TEST(ParseXdp, ReadsHeadersInLaterBuffers) {
  TapBench bench;
  PacketBuilder far = v6();
  for (int i = 0; i < 3; ++i) far.extension(60, 255);
  const Bytes frame = far.udp(40000, 4789).vxlan(1).eth().ipv4(kA4, kB4).tcp(5, 80).bytes();
  bench.configure(Selection{.ports = {80}, .nets = {Cidr::parse(kA4)}});
  EXPECT_NE(reasons(bench.run(frame).counted), "filtered");
  bench.configure(Selection{.ports = {81}});
  EXPECT_EQ(reasons(bench.run(frame).counted), "filtered");
  bench.configure(Selection{.ports = {4789}});
  EXPECT_EQ(reasons(bench.run(frame).counted), "filtered") << "the inner flow is the flow";
}

// The two decoders were written apart. They must agree on every frame, however mangled.
TYPED_TEST(Parse, AgreesWithTheDecoderInUserSpace) {
  TypeParam bench;  // that has seen no fragments yet
  bench.configure(Selection{});
  FragmentTracker tracker;
  std::mt19937 random(4711);
  const std::vector<Case> frames = sound_frames();
  int agreed = 0;
  for (int round = 0; round < 4000; ++round) {
    Bytes frame = frames[random() % frames.size()].frame;
    for (unsigned change = random() % 4; change > 0; --change) {
      const std::size_t at = 14 + random() % std::min<std::size_t>(frame.size() - 13, 60);
      if (at < frame.size()) frame[at] = static_cast<std::uint8_t>(random());
    }
    if (random() % 4 == 0) frame.resize(14 + random() % (frame.size() - 13));
    Frame view;
    view.bytes = frame;
    view.wire_len = static_cast<std::uint32_t>(frame.size());
    if (!bench.takes(frame)) continue;
    ASSERT_NO_FATAL_FAILURE(expect_agreement(bench, tracker, view)) << round;
    ++agreed;
  }
  EXPECT_GT(agreed, 3000);
}

}  // namespace
}  // namespace gray
