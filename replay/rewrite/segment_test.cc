#include "replay/rewrite/segment.h"

#include <gtest/gtest.h>

#include "replay/rewrite/frames_for_test.h"
#include "userspace/base/errors.h"
#include "userspace/packet/defragment.h"

namespace gray {
namespace {

constexpr std::size_t kMtu = 1500;

std::vector<Bytes> cut(const Bytes& frame, std::size_t mtu = kMtu,
                       OtherThanTcp others = OtherThanTcp::Refuse) {
  const Segmenter segmenter(mtu, others);
  const auto wire = static_cast<std::uint32_t>(frame.size());
  const CutPlan plan = segmenter.plan(frame, wire, LinkType::Ethernet);
  std::vector<Bytes> pieces;
  for (std::uint32_t i = 0; i < plan.pieces; ++i) {
    Bytes room(std::max<std::size_t>(plan.ip + mtu, plan.pieces == 1 ? frame.size() : 0));
    room.resize(segmenter.write(plan, frame, i, room));
    pieces.push_back(room);
  }
  return pieces;
}

CutRefusal refusal(const Bytes& frame, std::size_t wire = 0,
                   OtherThanTcp others = OtherThanTcp::Refuse) {
  const auto length = static_cast<std::uint32_t>(std::max(wire, frame.size()));
  const CutPlan plan = Segmenter(kMtu, others).plan(frame, length, LinkType::Ethernet);
  EXPECT_EQ(plan.pieces == 0, plan.refusal != CutRefusal::None);
  return plan.refusal;
}

Packet decoded(const Bytes& frame) {
  return decode(ethernet(frame));
}

PacketBuilder tcp4(std::uint8_t flags = kTcpAck) {
  return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 80, flags).seq(0xfffffff0, 7);
}

struct Kind {
  const char* name;
  PacketBuilder builder;
};

TEST(Segment, SuperFramesBecomeSegmentsThatHoldTheSameBytes) {
  const Kind kinds[] = {
      {"IPv4", PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2")},
      {"VLAN", PacketBuilder().eth().vlan(7).vlan(8).ipv4("10.0.0.1", "10.0.0.2")},
      {"options", PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").options({148, 4, 0, 0})},
      {"IPv6", PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2")},
      {"IPv6 with extension",
       PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2").extension(60)},
  };
  for (const Kind& kind : kinds)
    for (const std::size_t size : {1461U, 2896U, 2897U, 20000U, 65000U}) {
      SCOPED_TRACE(std::string(kind.name) + " " + std::to_string(size));
      PacketBuilder builder = kind.builder;
      const Bytes frame = builder.tcp(1000, 80, kTcpAck | kTcpPsh | kTcpFin)
                              .seq(0xfffffff0, 9)
                              .filler(size)
                              .bytes();
      const Packet whole = decoded(frame);
      const std::vector<Bytes> pieces = cut(frame);
      ASSERT_GT(pieces.size(), 1U);
      Bytes together;
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        const Packet piece = decoded(pieces[i]);
        const bool last = i + 1 == pieces.size();
        ASSERT_EQ(ChecksumVerifier::verify(pieces[i]), "") << i;
        ASSERT_EQ(piece.odd, Odd::None);
        ASSERT_LE(piece.l3.size(), kMtu);
        if (!last) {
          ASSERT_GT(piece.l3.size(), kMtu - 8);
        }
        ASSERT_EQ(piece.seq, 0xfffffff0 + static_cast<std::uint32_t>(together.size()));
        ASSERT_EQ(piece.ack, 9U);
        ASSERT_EQ(piece.tcp_flags, last ? kTcpAck | kTcpPsh | kTcpFin : +kTcpAck);
        ASSERT_EQ(piece.ip_id, piece.is_v4 ? i : 0);
        ASSERT_EQ(piece.vlan, whole.vlan);
        together.insert(together.end(), piece.payload.begin(), piece.payload.end());
      }
      ASSERT_TRUE(std::ranges::equal(together, whole.payload));
    }
}

TEST(Segment, TcpOptionsAreInEverySegment) {
  Bytes frame = tcp4().filler(4000 + 12).bytes();
  frame[14 + 20 + 12] = 8 << 4;  // 12 bytes of what was data are options now
  const Bytes options(frame.begin() + 54, frame.begin() + 66);
  const std::vector<Bytes> pieces = cut(frame);
  ASSERT_EQ(pieces.size(), 3U);
  for (const Bytes& piece : pieces) {
    EXPECT_EQ(Bytes(piece.begin() + 54, piece.begin() + 66), options);
    EXPECT_EQ(ChecksumVerifier::verify(piece), "");
  }
  EXPECT_EQ(decoded(pieces[0]).payload.size(), 1500U - 20 - 32);
}

TEST(Segment, CongestionWindowReducedIsSaidOnce) {
  const std::vector<Bytes> pieces = cut(tcp4(kTcpAck | 0x80 | 0x40).filler(4000).bytes());
  ASSERT_EQ(pieces.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(decoded(pieces[i]).tcp_flags, kTcpAck | 0x40 | (i == 0 ? 0x80 : 0)) << i;
}

TEST(Segment, TheUrgentPointerCountsFromEachSegment) {
  Bytes frame = tcp4(kTcpAck | kTcpUrg).filler(4000).bytes();
  frame[14 + 20 + 18] = 2000 >> 8;
  frame[14 + 20 + 19] = 2000 & 0xff;
  const std::vector<Bytes> pieces = cut(frame);
  ASSERT_EQ(pieces.size(), 3U);
  const auto urgent = [&](std::size_t i) { return pieces[i][52] << 8 | pieces[i][53]; };
  EXPECT_EQ(urgent(0), 2000);
  EXPECT_EQ(urgent(1), 540);
  EXPECT_EQ(urgent(2), 0);
  EXPECT_EQ(decoded(pieces[1]).tcp_flags, kTcpAck | kTcpUrg);
  EXPECT_EQ(decoded(pieces[2]).tcp_flags, kTcpAck);
}

// Linux writes no length when a packet is longer than its field (BIG TCP).
TEST(Segment, PacketsLongerThanTheirLengthFieldAreCut) {
  Bytes four = tcp4().filler(100'000).bytes();
  four[16] = four[17] = 0;
  Bytes six =
      PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2").tcp(1, 2).filler(100'000).bytes();
  six[18] = six[19] = 0;
  Bytes jumbo = PacketBuilder()
                    .eth()
                    .ipv6("2001:db8::1", "2001:db8::2")
                    .extension(0)
                    .tcp(1, 2)
                    .filler(100'000)
                    .bytes();
  jumbo[18] = jumbo[19] = 0;
  jumbo[14 + 40 + 2] = 0xc2;
  jumbo[14 + 40 + 3] = 4;
  for (const Bytes& frame : {four, six, jumbo}) {
    std::size_t data = 0;
    for (const Bytes& piece : cut(frame)) {
      ASSERT_EQ(ChecksumVerifier::verify(piece), "");
      ASSERT_LE(piece.size(), kMtu + 14);
      ASSERT_TRUE(decoded(piece).has_tcp);
      if (!decoded(piece).is_v4) {
        ASSERT_EQ(piece[14 + 6], IPPROTO_TCP);
      }
      data += decoded(piece).payload.size();
    }
    EXPECT_EQ(data, 100'000U);
  }
}

TEST(Segment, WhatFitsGoesOutAsItIs) {
  for (const Bytes& frame :
       {tcp4().filler(1460).bytes(), PacketBuilder().eth(0x0806).filler(46).bytes(),
        PacketBuilder()
            .eth()
            .vlan(1)
            .ipv4("10.0.0.1", "10.0.0.2")
            .udp(1, 2)
            .filler(1472)
            .bytes()}) {
    const std::vector<Bytes> pieces = cut(frame);
    ASSERT_EQ(pieces.size(), 1U);
    EXPECT_EQ(pieces[0], frame);
  }
}

TEST(Segment, WhatCannotBeCutIsRefusedByReason) {
  const Bytes tcp = tcp4().filler(4000).bytes();
  EXPECT_EQ(refusal(Bytes(tcp.begin(), tcp.begin() + 200), tcp.size()), CutRefusal::Cut);
  EXPECT_EQ(
      refusal(PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).filler(4000).bytes()),
      CutRefusal::NotTcp);
  EXPECT_EQ(refusal(PacketBuilder()
                        .eth()
                        .ipv4("10.0.0.1", "10.0.0.2")
                        .fragment(8, true)
                        .protocol(17)
                        .filler(4000)
                        .bytes(),
                    0, OtherThanTcp::Fragment),
            CutRefusal::Fragment);
  EXPECT_EQ(refusal(PacketBuilder().eth(0x88b5).filler(4000).bytes()), CutRefusal::Odd);
  EXPECT_THROW(Segmenter(575), UsageError);
}

TEST(Segment, FragmentsComeTogetherAgain) {
  const Bytes frames[] = {
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).filler(5000).bytes(),
      PacketBuilder()
          .eth()
          .vlan(3)
          .ipv4("10.0.0.1", "10.0.0.2")
          .options({7, 3, 4, 148, 4, 0, 0})
          .icmp()
          .filler(5000)
          .bytes(),
      PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2").udp(1, 2).filler(5000).bytes(),
      PacketBuilder()
          .eth()
          .ipv6("2001:db8::1", "2001:db8::2")
          .extension(0)
          .extension(60)
          .udp(1, 2)
          .filler(5000)
          .bytes(),
  };
  for (const Bytes& frame : frames) {
    const std::vector<Bytes> pieces = cut(frame, kMtu, OtherThanTcp::Fragment);
    ASSERT_EQ(pieces.size(), 4U);
    Defragmenter defragmenter;
    Bytes whole;
    for (const Bytes& piece : pieces) {
      ASSERT_LE(piece.size(), kMtu + 14 + 4);
      ASSERT_EQ(ChecksumVerifier::verify(piece), "");
      const Packet packet = decoded(piece);
      ASSERT_TRUE(packet.fragment);
      if (const auto done = defragmenter.add(packet)) {
        ASSERT_TRUE(whole.empty());
        whole = PacketBuilder().eth((*done)[0] >> 4 == 4 ? 0x0800 : 0x86dd).payload(*done).bytes();
      }
    }
    EXPECT_EQ(ChecksumVerifier::verify(whole), "");
    EXPECT_TRUE(std::ranges::equal(decoded(whole).payload, decoded(frame).payload));
  }
}

TEST(Segment, AUdpChecksumLeftToTheCardIsComputedBeforeCutting) {
  const Bytes right =
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).filler(5000).bytes();
  Bytes partial = right;
  partial[14 + 20 + 6] ^= 0x55;
  EXPECT_EQ(cut(partial, kMtu, OtherThanTcp::Fragment)[0],
            cut(right, kMtu, OtherThanTcp::Fragment)[0]);
}

TEST(Segment, HostileFramesStayInTheirBounds) {
  FrameGenerator frames(11);
  for (unsigned i = 0; i < 20'000; ++i) {
    Bytes frame = frames.next();
    frame.resize(frame.size() + frames.below(3000), 0x45);
    for (unsigned changes = frames.below(6); changes-- > 0;)
      frame[frames.below(120) % frame.size()] = static_cast<std::uint8_t>(frames.below(256));
    if (frame.size() > 20 && frames.below(2)) {  // a length that fits, so that cutting is reached
      const auto total = static_cast<unsigned>(frame.size() - 14);
      frame[16] = static_cast<std::uint8_t>(total >> 8);
      frame[17] = static_cast<std::uint8_t>(total);
    }
    for (const Bytes& piece : cut(frame, 576, OtherThanTcp::Fragment)) {
      ASSERT_FALSE(piece.empty()) << i;
      ASSERT_LE(piece.size(), std::max<std::size_t>(frame.size(), 576 + 14 + 64));
    }
  }
}

}  // namespace
}  // namespace gray
