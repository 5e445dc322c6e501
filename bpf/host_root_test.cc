// What the host program does with a frame it has decided on: a record in the ring, whatever the
// frame's length, and the frame goes on as it came. Frames larger than a test run takes, and paged
// ones, and VLAN tags that the kernel took off, come over a veth pair.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <time.h>
#include <unistd.h>

#include <array>

#include "bpf/test_run.h"
#include "userspace/lab/lab.h"
#include "userspace/packet/build.h"

namespace gray {
namespace {

PacketBuilder frame_to(std::size_t size, PacketBuilder link = PacketBuilder().eth()) {
  link.ipv4("10.0.0.1", "10.0.0.2").udp(1, 2);
  return link.filler(size - link.bytes().size());
}
Bytes frame_of(std::size_t size) {
  return frame_to(size).bytes();
}

Bytes head(Bytes bytes, std::size_t size) {
  bytes.resize(std::min(bytes.size(), size));
  return bytes;
}

std::uint64_t tai_ns() {
  timespec now{};
  clock_gettime(CLOCK_TAI, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// virtio_net_hdr; linux/virtio_net.h has a field that is a C++ keyword.
struct VirtioNetHeader {
  std::uint8_t flags = 0;
  std::uint8_t gso_type = 0;
  std::uint16_t hdr_len = 0;
  std::uint16_t gso_size = 0;
  std::uint16_t csum_start = 0;
  std::uint16_t csum_offset = 0;
};

// The parameter: with XDP at the ingress.
class Host : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    auto& bench = benches()[GetParam() ? 1 : 0];
    if (!bench) bench = std::make_unique<HostBench>(ProgramOptions{.xdp_ingress = GetParam()});
    bench_ = bench.get();
    bench_->configure(Selection{});
    bench_->use_egress(false);
  }
  static void TearDownTestSuite() { benches() = {}; }

  HostBench* bench_ = nullptr;

 private:
  static std::array<std::unique_ptr<HostBench>, 2>& benches() {
    static std::array<std::unique_ptr<HostBench>, 2> both;
    return both;
  }
};

TEST_P(Host, WritesTimeDirectionAndLengthsIntoTheRecord) {
  for (const bool egress : {false, true}) {
    SCOPED_TRACE(egress ? "egress" : "ingress");
    bench_->use_egress(egress);
    const std::uint64_t before = tai_ns();
    const Outcome outcome = bench_->run(frame_of(100));
    const std::uint64_t after = tai_ns();
    ASSERT_EQ(outcome.records.size(), 1U);
    const gray_frame_meta& meta = outcome.meta();
    EXPECT_GE(meta.time_ns, before);
    EXPECT_LE(meta.time_ns, after);
    EXPECT_EQ(meta.direction, egress ? GRAY_DIR_OUT : GRAY_DIR_IN);
    EXPECT_EQ(meta.ifindex, 1U);
    EXPECT_EQ(meta.wire_len, 100U);
    EXPECT_EQ(meta.cap_len, 100U);
    EXPECT_EQ(outcome.frame, frame_of(100));
  }
}

TEST_P(Host, CopiesFramesOfEveryLengthAndLeavesThemUnchanged) {
  for (std::size_t size = 42; size < 3700; size += size < 1600 ? 1 : 97) {
    SCOPED_TRACE(size);
    const Bytes frame = frame_of(size);
    const Outcome outcome = bench_->run(frame);
    ASSERT_EQ(outcome.records.size(), 1U);
    ASSERT_EQ(outcome.records[0].bytes, frame);
    ASSERT_EQ(outcome.frame, frame);
  }
}

TEST_P(Host, CopiesNoMoreThanTheSnapLength) {
  const Bytes frame = frame_of(1000);
  for (const std::uint32_t snaplen : {1U, 14U, 64U, 127U, 128U, 129U, 999U, 1000U, 1001U}) {
    SCOPED_TRACE(snaplen);
    bench_->configure(ProgramOptions{.snaplen = snaplen});
    const Outcome outcome = bench_->run(frame);
    ASSERT_EQ(outcome.records.size(), 1U);
    EXPECT_EQ(outcome.meta().wire_len, 1000U);
    EXPECT_EQ(outcome.records[0].bytes, head(frame, snaplen));
    EXPECT_EQ(outcome.counted[GRAY_CAPTURED_BYTES], std::min<std::size_t>(snaplen, 1000));
    EXPECT_EQ(outcome.frame, frame);
  }
}

TEST_P(Host, CountsWhatAFullRingCannotTake) {
  HostBench small(ProgramOptions{.xdp_ingress = GetParam(), .ring_bytes = 4096});
  const Bytes frame = frame_of(400);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(small.run_undrained(frame).verdict, small.verdict(true));
  const Counters counters = small.program().counters();
  EXPECT_GT(counters[GRAY_CAPTURED], 0U);
  EXPECT_EQ(counters[GRAY_SEEN], 100U);
  EXPECT_EQ(counters[GRAY_CAPTURED] + counters[GRAY_RING_FULL], 100U);
  EXPECT_EQ(small.drain().size(), counters[GRAY_CAPTURED]);
  EXPECT_EQ(reasons(small.run(frame).counted), "captured");
}

INSTANTIATE_TEST_SUITE_P(Ingress, Host, testing::Bool(),
                         [](const auto& at) { return at.param ? "Xdp" : "Tc"; });

// A raw socket on one end of a veth pair, the program on both directions of the other.
class HostOnVeth : public testing::Test {
 protected:
  HostOnVeth() {
    Namespace& ns = lab_.ns("host");
    lab_.link(ns, "hva", ns, "hvb", {.mtu = 65535});
    ns.enter([this] {
      bench_.configure(Selection{});
      sender_ = Fd(check_errno(socket(AF_PACKET, SOCK_RAW, 0), "open a packet socket"));
      const int on = 1;
      check_errno(setsockopt(sender_.get(), SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)),
                  "ask for virtio headers");
      const int room = 1 << 20;
      setsockopt(sender_.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
      sockaddr_ll to{};
      to.sll_family = AF_PACKET;
      to.sll_ifindex = static_cast<int>(if_nametoindex("hva"));
      check_errno(bind(sender_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
                  "bind to hva");
      attachment_ = bench_.program().attach(if_nametoindex("hvb"), "hvb");
    });
  }

  /// Sends with the first `linear` bytes in one piece and the rest in pages.
  void send(const Bytes& frame, std::uint16_t linear) {
    VirtioNetHeader header;
    header.hdr_len = linear;
    Bytes message(sizeof(header));
    std::memcpy(message.data(), &header, sizeof(header));
    message.insert(message.end(), frame.begin(), frame.end());
    ASSERT_EQ(write(sender_.get(), message.data(), message.size()),
              static_cast<ssize_t>(message.size()))
        << std::strerror(errno);
  }

  /// What has come of one frame; a busy machine takes its time with the other end of a veth.
  std::vector<Record> arrived() {
    std::vector<Record> records;
    for (int i = 0; i < 500 && records.empty(); ++i) {
      if (i > 0) usleep(10'000);
      records = bench_.drain();
    }
    return records;
  }

  Lab lab_;
  HostBench bench_;
  Fd sender_;
  std::unique_ptr<Attachment> attachment_;
};

TEST_F(HostOnVeth, CopiesLargeAndPagedFramesWhole) {
  for (const std::size_t size : {60UL, 1514UL, 3072UL, 3073UL, 6144UL, 6145UL, 9014UL, 12288UL,
                                 12289UL, 24576UL, 24577UL, 40960UL, 40961UL, 65534UL, 65535UL}) {
    for (const std::uint16_t linear : {std::uint16_t{14}, std::uint16_t{60}}) {
      SCOPED_TRACE(std::to_string(size) + " bytes, " + std::to_string(linear) + " linear");
      const Bytes frame = frame_of(size);
      send(frame, linear);
      const std::vector<Record> records = arrived();
      ASSERT_EQ(records.size(), 1U);
      EXPECT_EQ(records[0].meta.wire_len, size);
      EXPECT_EQ(records[0].meta.direction, GRAY_DIR_IN);
      const Endpoint from{IpAddress::parse("10.0.0.1"), 1}, to{IpAddress::parse("10.0.0.2"), 2};
      const gray_flow_key key = key_of(from, to, 17);
      EXPECT_EQ(records[0].meta.tag, gray_flow_tag(&key, Bench::kSeed));
      EXPECT_TRUE(records[0].bytes == frame);
    }
  }
}

TEST_F(HostOnVeth, PutsBackTheVlanTagThatTheKernelTookOff) {
  PacketBuilder single = PacketBuilder().eth().vlan(5);
  PacketBuilder stacked = PacketBuilder().eth().vlan(7, 0x88a8).vlan(0x6123);
  PacketBuilder unread = PacketBuilder().eth().vlan(7, 0x88a8).vlan(5).vlan(6);
  for (const PacketBuilder& link : {single, stacked, unread}) {
    for (const std::size_t size : {68UL, 128UL, 129UL, 1514UL, 9014UL}) {
      SCOPED_TRACE(size);
      const Bytes frame = frame_to(size, link).bytes();
      send(frame, 60);
      const std::vector<Record> records = arrived();
      ASSERT_EQ(records.size(), 1U);
      EXPECT_EQ(records[0].meta.wire_len, size);
      EXPECT_TRUE(records[0].bytes == frame);
      EXPECT_EQ(records[0].meta.tag == 0, link.bytes().size() > 22);
    }
  }
}

TEST_F(HostOnVeth, CutsAFrameInsideItsVlanTag) {
  const Bytes frame = frame_to(100, PacketBuilder().eth().vlan(5)).bytes();
  for (const std::uint32_t snaplen : {1U, 11U, 12U, 13U, 15U, 16U, 17U, 18U, 99U}) {
    SCOPED_TRACE(snaplen);
    bench_.configure(ProgramOptions{.snaplen = snaplen});
    send(frame, 60);
    const std::vector<Record> records = arrived();
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].bytes, head(frame, snaplen));
  }
}

}  // namespace
}  // namespace gray
