#include "replay/rewrite/sides.h"

#include <gtest/gtest.h>

#include "replay/rewrite/frames_for_test.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr Way kRequest = Way::ClientToServer;
constexpr Way kReply = Way::ServerToClient;

PacketBuilder between(const char* from, const char* to) {
  return PacketBuilder().eth().ipv4(from, to);
}

Way way(Sides& sides, const Bytes& bytes) {
  return sides.way(ethernet(bytes));
}

TEST(Sides, WhoSentTheSynIsTheClient) {
  Sides sides;
  EXPECT_EQ(way(sides, between("10.0.0.1", "10.0.0.2").tcp(80, 5000, kTcpSyn).bytes()), kRequest);
  EXPECT_EQ(way(sides, between("10.0.0.2", "10.0.0.1").tcp(5000, 80, kTcpAck).bytes()), kReply);
  EXPECT_EQ(way(sides, between("10.0.0.1", "10.0.0.2").tcp(80, 5000, kTcpAck).bytes()), kRequest);
}

TEST(Sides, AnAnswerToASynIsTheServers) {
  Sides sides;
  EXPECT_EQ(way(sides, between("10.0.0.2", "10.0.0.1").tcp(6000, 80, kTcpSyn | kTcpAck).bytes()),
            kReply);
  EXPECT_EQ(way(sides, between("10.0.0.1", "10.0.0.2").tcp(80, 6000, kTcpAck).bytes()), kRequest);
}

TEST(Sides, ElseTheLowerPortIsTheServers) {
  Sides sides;
  EXPECT_EQ(way(sides, between("10.0.0.2", "10.0.0.1").udp(53, 40000).bytes()), kReply);
  EXPECT_EQ(way(sides, between("10.0.0.1", "10.0.0.2").udp(40000, 53).bytes()), kRequest);
}

TEST(Sides, ElseWhoSpeaksFirstIsTheClient) {
  Sides sides;
  EXPECT_EQ(way(sides, between("10.0.0.2", "10.0.0.1").udp(123, 123).bytes()), kRequest);
  EXPECT_EQ(way(sides, between("10.0.0.1", "10.0.0.2").udp(123, 123).bytes()), kReply);
}

TEST(Sides, AnErrorGoesBackToWhoseTheQuotedPacketWas) {
  Sides sides;
  const Bytes request = between("10.0.0.1", "10.0.0.2").udp(40000, 53).bytes();
  EXPECT_EQ(way(sides, request), kRequest);
  const Bytes quoted(request.begin() + 14, request.begin() + 14 + 28);
  EXPECT_EQ(way(sides, between("10.9.9.9", "10.0.0.1").icmp(3, 3).payload(quoted).bytes()), kReply);
}

TEST(Sides, AnEchoAndItsReply) {
  Sides sides;
  EXPECT_EQ(way(sides, between("10.0.0.2", "10.0.0.1").icmp(0).bytes()), kReply);
  EXPECT_EQ(way(sides, between("10.0.0.1", "10.0.0.2").icmp(8).bytes()), kRequest);
}

TEST(Sides, FragmentsAndArpGoAsTheirHostsDo) {
  Sides sides;
  EXPECT_EQ(way(sides, between("10.0.0.2", "10.0.0.1").udp(53, 40000).bytes()), kReply);
  EXPECT_EQ(
      way(sides,
          between("10.0.0.2", "10.0.0.1").fragment(1480, false).protocol(17).filler(9).bytes()),
      kReply);
  Bytes arp = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 2,
               10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};
  EXPECT_EQ(way(sides, PacketBuilder().eth(0x0806).payload(arp).bytes()), kReply);
  EXPECT_EQ(way(sides, PacketBuilder().eth(0x88cc).filler(60).bytes()), kRequest);
}

TEST(Sides, ByNetworks) {
  Sides servers(SidesOptions::parse("servers=10.0.0.2,2001:db8::/32"));
  EXPECT_EQ(way(servers, between("10.0.0.2", "10.0.0.1").udp(5, 4).bytes()), kReply);
  EXPECT_EQ(way(servers, between("10.0.0.1", "10.0.0.2").udp(4, 5).bytes()), kRequest);
  Sides clients(SidesOptions::parse("clients=10.0.0.0/31"));
  EXPECT_EQ(way(clients, between("10.0.0.1", "10.0.0.2").udp(4, 5).bytes()), kRequest);
  EXPECT_EQ(way(clients, between("10.0.0.2", "10.0.0.1").udp(5, 4).bytes()), kReply);
}

TEST(Sides, ByRecordedDirection) {
  Sides sides(SidesOptions::parse("direction"));
  const Bytes bytes = between("10.0.0.1", "10.0.0.2").udp(53, 40000).bytes();
  Frame frame = ethernet(bytes);
  EXPECT_EQ(sides.way(frame), kReply) << "not recorded: as found";
  frame.direction = GRAY_DIR_IN;
  EXPECT_EQ(sides.way(frame), kRequest);
  frame.direction = GRAY_DIR_OUT;
  EXPECT_EQ(sides.way(frame), kReply);
}

TEST(Sides, ForgetsTheOldestConversations) {
  SidesOptions options;
  options.max_conversations = 100;
  Sides sides(options);
  for (unsigned i = 0; i < 1000; ++i) {
    const auto port = static_cast<std::uint16_t>(10000 + i);
    way(sides, between("10.0.0.1", "10.0.0.2").tcp(port, 60000, kTcpSyn).bytes());
  }
  EXPECT_GE(sides.forgotten(), 800U);
  EXPECT_EQ(way(sides, between("10.0.0.2", "10.0.0.1").tcp(60000, 10999, kTcpAck).bytes()), kReply);
  EXPECT_EQ(way(sides, between("10.0.0.2", "10.0.0.1").tcp(60000, 10000, kTcpAck).bytes()),
            kRequest)
      << "forgotten, so by the lower port";
}

TEST(Sides, RulesThatAreNoneAreRefused) {
  for (const char* text :
       {"", "client", "clients", "clients=", "servers=10.0.0.0/40", "cidr=10.0.0.0/8"})
    EXPECT_THROW(SidesOptions::parse(text), UsageError) << text;
}

}  // namespace
}  // namespace gray
