#include "userspace/packet/fragment_tracker.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <random>

#include "userspace/packet/build.h"

namespace gray {
namespace {

using Bytes = PacketBuilder::Bytes;

constexpr const char* kA = "10.1.0.1";
constexpr const char* kB = "10.1.0.2";

/// A datagram from `from` to `to` in fragments of `step` bytes each (a multiple of 8).
std::vector<Bytes> cut(const Bytes& datagram, std::uint8_t proto, std::uint16_t step,
                       std::uint32_t id = 7, const char* from = kA, const char* to = kB) {
  std::vector<Bytes> fragments;
  for (std::size_t at = 0; at < datagram.size(); at += step) {
    const std::size_t length = std::min<std::size_t>(step, datagram.size() - at);
    fragments.push_back(
        PacketBuilder()
            .eth()
            .ipv4(from, to)
            .fragment(static_cast<std::uint16_t>(at), at + length < datagram.size(), id)
            .protocol(proto)
            .payload(std::span(datagram).subspan(at, length))
            .bytes());
  }
  return fragments;
}

/// A UDP datagram without its IP header.
Bytes udp(std::uint16_t from, std::uint16_t to, const Bytes& payload) {
  const Bytes whole = PacketBuilder().ipv4(kA, kB).udp(from, to).payload(payload).bytes();
  return {whole.begin() + 20, whole.end()};
}

std::optional<FlowKey> flow(FragmentTracker& tracker, const Bytes& frame) {
  return tracker.flow({.bytes = frame});
}

std::string text(const std::optional<FlowKey>& flow) {
  if (!flow) return "none";
  const auto end = [&](int i) {
    return Endpoint{IpAddress::v6(flow->key.addr[i]), ntohs(flow->key.port[i])}.to_string();
  };
  return std::to_string(flow->key.proto) + " " + end(0) + " " + end(1) +
         (flow->reversed ? " reversed" : "");
}

TEST(FragmentTracker, LaterFragmentsFollowTheirFirst) {
  FragmentTracker tracker;
  for (const Bytes& fragment : cut(udp(1000, 2000, Bytes(40, 1)), IPPROTO_UDP, 16))
    EXPECT_EQ(text(flow(tracker, fragment)), "17 10.1.0.1:1000 10.1.0.2:2000");
  for (const Bytes& fragment : cut(udp(2000, 1000, Bytes(40, 1)), IPPROTO_UDP, 16, 7, kB, kA))
    EXPECT_EQ(text(flow(tracker, fragment)), "17 10.1.0.1:1000 10.1.0.2:2000 reversed");
  EXPECT_EQ(tracker.orphans(), 0u);
}

TEST(FragmentTracker, WhoseFirstWasNotSeenHasNoPortsAndIsCounted) {
  FragmentTracker tracker;
  const auto fragments = cut(udp(1000, 2000, Bytes(40, 1)), IPPROTO_UDP, 16);
  EXPECT_EQ(text(flow(tracker, fragments[1])), "17 10.1.0.1:0 10.1.0.2:0");
  EXPECT_EQ(tracker.orphans(), 1u);
  flow(tracker, fragments[0]);
  EXPECT_EQ(text(flow(tracker, fragments[2])), "17 10.1.0.1:1000 10.1.0.2:2000");
  EXPECT_EQ(tracker.orphans(), 1u);
  const auto other = cut(udp(1000, 2000, Bytes(40, 1)), IPPROTO_UDP, 16, 8);
  EXPECT_EQ(text(flow(tracker, other[1])), "17 10.1.0.1:0 10.1.0.2:0") << "another id";
  const auto back = cut(udp(1000, 2000, Bytes(40, 1)), IPPROTO_UDP, 16, 7, kB, kA);
  EXPECT_EQ(text(flow(tracker, back[1])), "17 10.1.0.1:0 10.1.0.2:0 reversed") << "another sender";
}

TEST(FragmentTracker, TunnelThatWasCutIsTheFlowInside) {
  const Bytes inner =
      PacketBuilder().eth().ipv4("192.168.0.1", "192.168.0.2").tcp(5000, 80).filler(200).bytes();
  Bytes vxlan = {8, 0, 0, 0, 0, 0, 42, 0};
  vxlan.insert(vxlan.end(), inner.begin(), inner.end());
  FragmentTracker tracker;
  for (const Bytes& fragment : cut(udp(40000, 4789, vxlan), IPPROTO_UDP, 96))
    EXPECT_EQ(text(flow(tracker, fragment)), "6 192.168.0.1:5000 192.168.0.2:80");
  FragmentTracker shallow({.depth = 0});
  for (const Bytes& fragment : cut(udp(40000, 4789, vxlan), IPPROTO_UDP, 96))
    EXPECT_EQ(text(flow(shallow, fragment)), "17 10.1.0.1:40000 10.1.0.2:4789");
}

TEST(FragmentTracker, FragmentsThatWereCutAgainInATunnel) {
  FragmentTracker tracker;
  std::uint32_t id = 100;
  const Bytes big = udp(53, 5353, Bytes(300, 1));
  for (const Bytes& middle : cut(big, IPPROTO_UDP, 160, 9, "192.168.0.1", "192.168.0.2")) {
    const Bytes ip(middle.begin() + 14, middle.end());
    for (const Bytes& fragment : cut(ip, IPPROTO_IPIP, 64, id++))
      EXPECT_EQ(text(flow(tracker, fragment)), "17 192.168.0.1:53 192.168.0.2:5353");
  }
  EXPECT_EQ(tracker.orphans(), 0u);
}

TEST(FragmentTracker, FirstFragmentsWithoutTheirPortsHaveNoFlow) {
  FragmentTracker tracker;
  const Bytes tiny = PacketBuilder()
                         .eth()
                         .ipv6("2001:db8::1", "2001:db8::2")
                         .fragment(0, true, 5)
                         .extension(60)
                         .protocol(IPPROTO_TCP)
                         .payload("abc")
                         .bytes();
  EXPECT_EQ(text(flow(tracker, tiny)), "none");
  const Bytes later = PacketBuilder()
                          .eth()
                          .ipv6("2001:db8::1", "2001:db8::2")
                          .fragment(16, false, 5)
                          .protocol(60)
                          .filler(40)
                          .bytes();
  EXPECT_EQ(text(flow(tracker, later)), "60 [2001:db8::1]:0 [2001:db8::2]:0");
  EXPECT_EQ(tracker.orphans(), 1u);
}

TEST(FragmentTracker, ForgetsWhatWasUsedLeastRecently) {
  FragmentTracker tracker({}, 2);
  const auto of = [](std::uint32_t id) {
    return cut(udp(static_cast<std::uint16_t>(id), 9, Bytes(40, 1)), IPPROTO_UDP, 16, id);
  };
  flow(tracker, of(1)[0]);
  flow(tracker, of(2)[0]);
  flow(tracker, of(1)[1]);
  flow(tracker, of(3)[0]);
  EXPECT_EQ(text(flow(tracker, of(1)[2])), "17 10.1.0.1:1 10.1.0.2:9");
  EXPECT_EQ(text(flow(tracker, of(2)[2])), "17 10.1.0.1:0 10.1.0.2:0");
  EXPECT_EQ(text(flow(tracker, of(3)[2])), "17 10.1.0.1:3 10.1.0.2:9");
}

TEST(FragmentTracker, FramesThatAreNoFragmentsAndFramesOfNoFlow) {
  FragmentTracker tracker;
  EXPECT_EQ(text(flow(tracker, PacketBuilder().eth().ipv4(kA, kB).tcp(1, 2).bytes())),
            "6 10.1.0.1:1 10.1.0.2:2");
  EXPECT_EQ(text(flow(tracker, PacketBuilder().eth(0x0806).filler(46).bytes())), "none");
  Bytes odd = PacketBuilder().eth().ipv4(kA, kB).tcp(1, 2).bytes();
  odd[46] = 0x40;
  EXPECT_EQ(text(flow(tracker, odd)), "none");
}

}  // namespace
}  // namespace gray
