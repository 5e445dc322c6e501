// From frames to segments: IP fragments inside of tunnels and outside of them.
#include "replay/stream/segmenter.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>
#include <vector>

#include "userspace/packet/nested_for_test.h"

namespace gray {
namespace {

/// `datagram`, which begins with an IPv4 header of 20 bytes, in two fragments of it.
std::vector<Bytes> halves(const Bytes& datagram, std::uint8_t proto) {
  const Bytes payload(datagram.begin() + 20, datagram.end());
  const auto cut = payload.begin() + 16;
  const auto piece = [&](std::uint16_t at, bool more, Bytes part) {
    return PacketBuilder()
        .ipv4("198.51.100.1", "198.51.100.2")
        .fragment(at, more, 7)
        .protocol(proto)
        .payload(part)
        .bytes();
  };
  return {piece(0, true, {payload.begin(), cut}), piece(16, false, {cut, payload.end()})};
}

/// IP in IP, around the segment of tcp_in().
Bytes ip_in_ip() {
  return PacketBuilder()
      .ipv4("198.51.100.1", "198.51.100.2")
      .protocol(IPPROTO_IPIP)
      .payload(raw())
      .bytes();
}

Bytes in_vxlan(const Bytes& ip) {
  return outer_udp(4789, kVxlan + kMac + Bytes{0x81, 0, 0, 6, 8, 0} + ip);
}

/// The segments in these frames, and that each frame is accounted for.
std::vector<Packet> read(Segmenter& segmenter, const std::vector<Bytes>& frames) {
  std::vector<Frame> all;
  for (const Bytes& bytes : frames)
    all.push_back({.bytes = bytes, .wire_len = static_cast<std::uint32_t>(bytes.size())});
  std::vector<Packet> packets;
  for (const TaggedPacket& tagged : segmenter.read(all, all.size())) {
    EXPECT_EQ(text_of(tagged.packet), "hello");
    packets.push_back(tagged.packet);
  }
  Ledger ledger;
  segmenter.account(ledger);
  EXPECT_TRUE(ledger.balanced());
  return packets;
}

TEST(Segmenter, ADatagramInATunnelIsAsDeepAsItsFragments) {
  std::vector<Bytes> cut;
  for (const Bytes& half : halves(ip_in_ip(), IPPROTO_IPIP)) cut.push_back(in_vxlan(half));
  for (const unsigned depth : {1U, 2U, 4U}) {
    SCOPED_TRACE(depth);
    Segmenter whole({.depth = depth}), fragments({.depth = depth});
    const auto one = read(whole, {in_vxlan(ip_in_ip())});
    const auto other = read(fragments, cut);
    ASSERT_EQ(one.size(), depth == 1 ? 0U : 1U) << "the second tunnel is too deep for 1";
    ASSERT_EQ(other.size(), one.size());
    if (one.empty()) continue;
    EXPECT_EQ(other[0].tunnels, one[0].tunnels);
    EXPECT_EQ(other[0].vlan, one[0].vlan);
    EXPECT_EQ(other[0].destination, one[0].destination);
  }
}

TEST(Segmenter, FragmentsInsideOfFragments) {
  std::vector<Bytes> cut;
  for (const Bytes& half : halves(raw(), IPPROTO_TCP)) {
    const Bytes outer =
        PacketBuilder().ipv4("192.0.2.1", "192.0.2.2").protocol(IPPROTO_IPIP).payload(half).bytes();
    for (Bytes piece : halves(outer, IPPROTO_IPIP)) {
      piece[5] = static_cast<std::uint8_t>(cut.size() / 2);  // another datagram's identification
      cut.push_back(kMac + Bytes{8, 0} + piece);
    }
  }
  Segmenter segmenter;
  const auto found = read(segmenter, cut);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].tunnels, 1);
  EXPECT_EQ(segmenter.fragments().datagrams, 3U);
}

}  // namespace
}  // namespace gray
