// tcpdump expressions in the kernel: the same verdict as libpcap's interpreter, for every
// expression of the list, on every frame, in both programs; also where the kernel took the VLAN tag
// off the frame. And changed while frames come, without missing one.
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>

#include <array>
#include <atomic>
#include <map>
#include <thread>

#include "bpf/assembled.h"
#include "bpf/corpus.h"
#include "bpf/expressions.h"
#include "bpf/test_run.h"
#include "userspace/kernel/tc.h"
#include "userspace/lab/lab.h"
#include "userspace/packet/build.h"

namespace gray {
namespace {

Bytes with_type(std::uint16_t type, const Bytes& payload) {
  return PacketBuilder().eth(type).payload(payload).bytes();
}
Bytes with_destination(Bytes frame, std::array<std::uint8_t, 6> address) {
  std::copy(address.begin(), address.end(), frame.begin());
  return frame;
}
PacketBuilder v4(const char* from = "10.0.0.1", const char* to = "192.168.7.9") {
  return PacketBuilder().eth().ipv4(from, to);
}
PacketBuilder v6(const char* from = "2001:db8:1::5", const char* to = "fd00::77") {
  return PacketBuilder().eth().ipv6(from, to);
}
// What stands behind an Ethernet header.
Bytes l3(const PacketBuilder& packet) {
  Bytes bytes = packet.bytes();
  bytes.erase(bytes.begin(), bytes.begin() + 14);
  return bytes;
}
Bytes joined(Bytes front, const Bytes& back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

// At least a frame that says yes and one that says no to each expression of the list.
std::vector<Bytes> made_frames() {
  const Bytes get = v4().tcp(40000, 80, 0x18).payload("GET / HTTP/1.1\r\n\r\n").bytes();
  const Bytes options(12, 1);
  std::vector<Bytes> frames{
      get,
      v4("192.168.7.9", "10.0.0.1").tcp(80, 40000, 0x18).payload("HTTP/1.1 200 OK\r\n\r\n").bytes(),
      v4().tcp(1, 443, 0x02).bytes(),
      v4("172.16.0.1", "172.17.255.1").tcp(50000, 8080, 0x11).filler(1400).bytes(),
      v4().options(options).tcp(40000, 80, 0x10).filler(300).bytes(),
      v4().ttl(3).udp(5353, 53).filler(60).bytes(),
      v4().udp(53, 1500).filler(9).bytes(),
      v4().udp(4000, 4789).payload(joined({8, 0, 0, 0, 0, 0, 100, 0}, get)).bytes(),
      v4("10.0.0.1", "192.168.7.33").udp(9, 9).bytes(),
      v4().udp(2152, 2152).payload("\x30\xff more of it, and more").bytes(),
      v4().sctp(36412, 36412).bytes(),
      v4().icmp(8).bytes(),
      v4().icmp(0).bytes(),
      v4().icmp(3, 1).filler(40).bytes(),
      v4().fragment(0, true).udp(1, 53).filler(64).bytes(),
      v4().fragment(1480, false).protocol(17).filler(64).bytes(),
      v4().protocol(47).payload(Bytes{0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 9, 9, 9, 9}).bytes(),
      v4().protocol(4).filler(40).bytes(),
      v4().protocol(2).filler(8).bytes(),
      v4("10.0.0.1", "224.0.0.1").udp(9, 9).bytes(),
      v4("10.0.0.1", "0.0.0.0").udp(9, 9).bytes(),
      v6().tcp(40000, 80, 0x02).filler(20).bytes(),
      v6("fd00::77", "2001:db8:1::5").tcp(80, 40000, 0x12).bytes(),
      v6("fd00::77", "2001:db8:1::5").udp(53, 40000).filler(500).bytes(),
      v6("2001:db8:2::5", "ff02::1").icmpv6(135).bytes(),
      v6().icmpv6(128).bytes(),
      v6().fragment(0, true).udp(1, 2).filler(64).bytes(),
      v6().extension(0).extension(60, 2).tcp(1, 443).bytes(),
      with_destination(v4().udp(67, 68).filler(300).bytes(), {255, 255, 255, 255, 255, 255}),
      with_destination(v6("fe80::1", "ff02::fb").udp(5353, 5353).bytes(), {0x33, 0x33, 0, 0, 0, 1}),
      with_type(0x0806, {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 1,
                         10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2}),
      with_type(0x0806, {0, 1, 8, 0, 6, 4, 0, 2}),
      with_type(0x8035, Bytes(28, 3)),
      with_type(0x88cc, Bytes(46, 7)),
      with_type(60, joined({0x42, 0x42, 3}, Bytes(57, 0))),
      with_type(46, joined({0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, l3(v4().tcp(1, 80)))),
      with_type(0x8847, joined({0, 6, 0x41, 64}, l3(v4().tcp(1, 80)))),
      with_type(0x8847, joined({0, 6, 0x40, 64, 0, 12, 0x81, 64}, l3(v4().tcp(1, 80)))),
      with_type(0x8863, {0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0}),
      with_type(0x8864, joined({0x11, 0, 0, 9, 0, 60, 0, 0x21}, l3(v4().tcp(1, 80)))),
      v4().udp(1, 6081).payload(joined({0, 0, 8, 0, 0, 0, 77, 0}, l3(v4().tcp(1, 80)))).bytes(),
      with_type(0x0800, {}),
      with_type(0x0800, {0x45, 0, 0, 20}),
      with_type(0x86dd, {0x60}),
      Bytes(14, 0xff),
  };
  frames.push_back(get);
  frames.back()[46] = 0x80;  // a TCP header of 32 bytes
  const std::vector<Bytes> plain = frames;
  for (const std::uint8_t id :
       {std::uint8_t{5}, std::uint8_t{7}}) {  // and the first ones behind a tag, and behind two
    for (std::size_t i = 0; i < 24; ++i) {
      Bytes tagged = plain[i];
      const std::array<std::uint8_t, 4> tag{0x81, 0, 0x20, id};
      tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
      frames.push_back(tagged);
      tagged.insert(tagged.begin() + 12, {0x88, 0xa8, 0, 9});
      frames.push_back(tagged);
    }
  }
  for (std::size_t length = 14; length < get.size(); ++length)
    frames.emplace_back(get.begin(), get.begin() + static_cast<std::ptrdiff_t>(length));
  // Longer than a page, so in pieces: the last bytes are not where the first ones are.
  frames.push_back(v4().udp(1, 53).filler(3600).bytes());
  frames.push_back(v4().tcp(1, 80).filler(9000).bytes());
  frames.push_back(v4().tcp(1, 80).filler(45000).bytes());
  return frames;
}

std::vector<CorpusFrame> all_frames() {
  std::vector<CorpusFrame> frames = corpus_frames();
  const std::size_t recorded = frames.size();
  for (const Bytes& made : made_frames())
    frames.push_back({made, "made frame " + std::to_string(frames.size() - recorded)});
  return frames;
}

bool libpcap_takes(const Filter& filter, const Bytes& frame) {
  return run_classic(filter.program(), frame, static_cast<std::uint32_t>(frame.size())) != 0;
}

// Of the whole programs the verifier takes long, so they try some of the expressions;
// GRAYXDP_ALL_EXPRESSIONS=1 has them try all.
std::vector<const char*> some_expressions() {
  std::vector<const char*> some;
  for (std::size_t i = 0; i < std::size(kExpressions); ++i)
    if (i % 8 == 3 || std::getenv("GRAYXDP_ALL_EXPRESSIONS") != nullptr)
      some.push_back(kExpressions[i]);
  return some;
}

// A test run takes no longer frame of this kind, nor one whose IP header is cut.
bool takes(Setting setting, const Bytes& frame) {
  if (setting == Setting::Xdp || frame.size() < 14) return frame.size() >= 14;
  const int type = frame[12] << 8 | frame[13];
  const std::size_t header = type == 0x0800 ? 20 : type == 0x86dd ? 40 : 0;
  return frame.size() >= 14 + header && frame.size() <= 3600;
}

class EveryExpression : public testing::TestWithParam<Setting> {};

TEST_P(EveryExpression, DecidesAsLibpcapDoes) {
  const std::vector<CorpusFrame> frames = all_frames();
  std::uint64_t taken = 0, rejected = 0, wrong = 0;
  for (const char* text : kExpressions) {
    const Filter filter(text);
    const Assembled program(filter.program(), GetParam());
    std::uint64_t yes = 0, no = 0;
    for (const CorpusFrame& frame : frames) {
      if (!takes(GetParam(), frame.bytes)) continue;
      const bool expected = libpcap_takes(filter, as_on_the_wire(frame.bytes, GetParam()));
      ++(expected ? yes : no);
      if ((program.run(frame.bytes) != 0) == expected) continue;
      if (++wrong < 20)
        ADD_FAILURE() << text << ": " << frame.where << (expected ? " is rejected" : " is taken");
    }
    if (GetParam() == Setting::Xdp) {
      EXPECT_GT(yes, 0U) << text << " took no frame";
      EXPECT_GT(no, 0U) << text << " rejected no frame";
    }
    taken += yes;
    rejected += no;
  }
  EXPECT_EQ(wrong, 0U);
  std::cout << std::size(kExpressions) << " expressions, " << frames.size() << " frames: " << taken
            << " taken, " << rejected << " rejected\n";
}

INSTANTIATE_TEST_SUITE_P(Settings, EveryExpression,
                         testing::Values(Setting::Xdp, Setting::Skb, Setting::TaggedSkb));

template <class T>
class Expression : public testing::Test {};
using Programs = testing::Types<TapBench, HostBench>;
TYPED_TEST_SUITE(Expression, Programs);

TYPED_TEST(Expression, DecidesAsLibpcapDoes) {
  const std::vector<CorpusFrame> frames = all_frames();
  TypeParam bench;
  std::uint64_t taken = 0, rejected = 0, wrong = 0;
  for (const char* text : some_expressions()) {
    const Filter filter(text);
    bench.program().set_filter(filter, nullptr);
    for (const CorpusFrame& frame : frames) {
      if (!bench.takes(frame.bytes)) continue;
      const bool expected = libpcap_takes(filter, frame.bytes);
      ++(expected ? taken : rejected);
      if (bench.passes(frame.bytes) == expected) continue;
      if (++wrong < 20)
        ADD_FAILURE() << text << ": " << frame.where << (expected ? " is rejected" : " is taken");
    }
  }
  EXPECT_EQ(wrong, 0U);
  std::cout << some_expressions().size() << " expressions, " << frames.size()
            << " frames: " << taken << " taken, " << rejected << " rejected\n";
}

TYPED_TEST(Expression, IsAskedBesideTheSelection) {
  TypeParam bench(ProgramOptions{.filter = Filter("net 10.0.0.0/8")});
  bench.configure(Selection{.ports = {80}});
  EXPECT_EQ(reasons(bench.run(v4().tcp(1, 80).bytes()).counted), "captured");
  EXPECT_EQ(reasons(bench.run(v4().tcp(1, 81).bytes()).counted), "filtered");
  EXPECT_EQ(reasons(bench.run(v4("11.0.0.1").tcp(1, 80).bytes()).counted), "filtered");
  bench.program().set_enabled(false);
  EXPECT_EQ(reasons(bench.run(v4("11.0.0.1").tcp(1, 80).bytes()).counted), "disabled");
}

TYPED_TEST(Expression, IsReplacedAndTakenAway) {
  TypeParam bench;
  const Bytes frame = v4().tcp(1, 80).bytes();
  EXPECT_TRUE(bench.passes(frame));
  bench.program().set_filter(Filter("udp"), nullptr);
  EXPECT_FALSE(bench.passes(frame));
  bench.program().set_filter(Filter("tcp"), nullptr);
  EXPECT_TRUE(bench.passes(frame));
  bench.program().set_filter(Filter("port 81"), nullptr);
  EXPECT_FALSE(bench.passes(frame));
  EXPECT_THROW(bench.program().set_filter(Filter("inbound"), nullptr), UsageError);
  EXPECT_FALSE(bench.passes(frame)) << "a filter that was refused changed something";
  bench.program().set_filter(Filter(), nullptr);
  EXPECT_TRUE(bench.passes(frame));
  EXPECT_EQ(bench.program().counters()[GRAY_SEEN], 6U) << "the counters are one list throughout";
}

TYPED_TEST(Expression, SaysWhyItCannotBeRunInTheKernel) {
  std::string many = "ether[0]";
  for (int i = 1; i < 800; ++i) many += " + ether[" + std::to_string(i) + "]";
  many += " = 7";
  const std::pair<std::string, const char*> cases[] = {
      {"ip6 protochain 6", "it loops (protochain)"},
      {"inbound", "does not stand in the frame"},
      {many, "there is room for"},
  };
  for (const auto& [expression, reason] : cases) {
    try {
      TypeParam bench(ProgramOptions{.filter = Filter(expression)});
      ADD_FAILURE() << expression;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(expression.substr(0, 7)), std::string::npos);
    }
  }
}

/// Two ends of a wire: raw frames sent into one come out of the other.
class Wire : public testing::Test {
 protected:
  Wire() : ns_(lab_.ns("expression")) { lab_.link(ns_, "exa", ns_, "exb"); }

  /// In the namespace: a socket that sends into `interface`.
  static Fd sender(const char* interface) {
    Fd socket(check_errno(::socket(AF_PACKET, SOCK_RAW, 0), "open a packet socket"));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
    check_errno(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)),
                "bind a packet socket");
    return socket;
  }
  static void send(const Fd& socket, const Bytes& frame) {
    check_errno(static_cast<int>(::send(socket.get(), frame.data(), frame.size(), 0)),
                "send a frame");
  }

  Lab lab_;
  Namespace& ns_;
};

// A veth hands a tagged frame over as it is, and the receiving stack takes the tag off before tc
// sees it: it stands beside the skb then.
TEST_F(Wire, ExpressionsSeeTheTagThatTheKernelTookOff) {
  ns_.enter([] {
    std::vector<Bytes> frames;
    for (const Bytes& frame : made_frames())
      if (frame.size() > 18 && frame.size() < 1500 && frame[12] == 0x81) frames.push_back(frame);
    for (const int cut : {20, 22, 30, 38}) {
      frames.emplace_back(frames[0].begin(), frames[0].begin() + cut);
    }
    HostBench bench;
    const auto attached = bench.program().attach(if_nametoindex("exb"), "exb");
    const Fd socket = sender("exa");
    std::uint64_t taken = 0;
    for (const char* text : some_expressions()) {
      const Filter filter(text);
      bench.program().set_filter(filter, attached.get());
      bench.drain();
      std::vector<Bytes> expected, got;
      const std::uint64_t before = bench.program().counters()[GRAY_SEEN];
      for (const Bytes& frame : frames) {
        send(socket, frame);
        if (libpcap_takes(filter, frame)) expected.push_back(frame);
      }
      EXPECT_EQ(bench.program().counters()[GRAY_SEEN] - before, frames.size());
      for (const Record& record : bench.drain()) got.push_back(record.bytes);
      EXPECT_EQ(got, expected) << text;
      taken += got.size();
    }
    EXPECT_GT(taken, some_expressions().size());
  });
}

/// Sends frames, never more than a few ahead of what `program` has seen, so that the wire itself
/// drops none. A thread of its own.
class SteadySender {
 public:
  SteadySender(const Fd& socket, const Program& program) : socket_(socket), program_(program) {
    thread_ = std::thread([this] { run(); });
  }
  ~SteadySender() { stop(); }
  /// How many were sent.
  std::uint64_t stop() {
    ends_ = true;
    if (thread_.joinable()) thread_.join();
    return sent_;
  }
  std::uint64_t sent() const { return sent_; }

 private:
  static constexpr std::uint64_t kAhead = 64;

  void run() {
    const std::array frames{v4().tcp(1, 80).bytes(), v4().udp(1, 53).filler(900).bytes()};
    while (!ends_) {
      for (std::uint64_t i = 0; i < kAhead; ++i) {
        const Bytes& frame = frames[sent_ % 2];
        if (::send(socket_.get(), frame.data(), frame.size(), 0) > 0) ++sent_;
      }
      while (!ends_ && program_.counters()[GRAY_SEEN] + kAhead < sent_) std::this_thread::yield();
    }
  }

  const Fd& socket_;
  const Program& program_;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

// In the namespace: filters come and go while frames do, and every frame meets one of them.
void change_filters_under_traffic(Program& program, Attachment& attached, const Fd& socket) {
  const Filter filters[] = {Filter("tcp port 80"), Filter("udp"), Filter(),
                            Filter("len > 500 and not vlan")};
  SteadySender sender(socket, program);
  constexpr std::size_t kChanges = 10;
  for (std::size_t i = 0; i < kChanges; ++i) {
    program.set_filter(filters[i % std::size(filters)], &attached);
    const std::uint64_t before = sender.sent();
    while (sender.sent() < before + 200) std::this_thread::yield();
  }
  const std::uint64_t sent = sender.stop();
  Counters counters = program.counters();
  for (int i = 0; i < 1000 && counters[GRAY_SEEN] < sent; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    counters = program.counters();
  }
  EXPECT_EQ(counters[GRAY_SEEN], sent);
  EXPECT_TRUE(kernel_stage("kernel", counters).balanced());
  EXPECT_GT(counters[GRAY_FILTERED], sent / 10);
  EXPECT_LT(counters[GRAY_FILTERED], sent - sent / 10);
  std::cout << kChanges << " changes, " << sent << " frames, " << counters[GRAY_FILTERED]
            << " filtered\n";
}

TEST_F(Wire, FiltersOfATapChangeWithoutMissingAFrame) {
  ns_.enter([] {
    for (const XdpMode mode : {XdpMode::Native, XdpMode::Generic}) {
      TapProgram tap({});
      const auto attached = tap.attach(if_nametoindex("exb"), "exb", mode);
      change_filters_under_traffic(tap, *attached, sender("exa"));
    }
  });
}

TEST_F(Wire, FiltersOfAHostChangeWithoutMissingAFrame) {
  ns_.enter([] {
    const unsigned ifindex = if_nametoindex("exb");
    HostProgram by_link({});
    change_filters_under_traffic(by_link, *by_link.attach(ifindex, "exb"), sender("exa"));
    HostProgram by_qdisc({});
    const auto attached = attach_clsact(
        {.ingress = by_qdisc.ingress_fd(), .egress = by_qdisc.egress_fd()}, ifindex, "exb");
    change_filters_under_traffic(by_qdisc, *attached, sender("exa"));
  });
}

}  // namespace
}  // namespace gray
