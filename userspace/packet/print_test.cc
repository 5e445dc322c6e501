#include "userspace/packet/print.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <random>

#include "userspace/packet/build.h"

namespace gray {
namespace {

using Bytes = std::vector<std::uint8_t>;

class Print : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  static std::string line(const Bytes& bytes, const PrintOptions& options = {},
                          LinkType link = LinkType::Ethernet) {
    return print_frame({.bytes = bytes, .time_ns = 1'767'323'045'123'456'789, .link = link},
                       options)
        .substr(19);
  }
  static PacketBuilder ip() { return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2"); }
};

TEST_F(Print, TimeAndDirection) {
  const Bytes bytes = ip().udp(1, 2).bytes();
  Frame frame{.bytes = bytes, .time_ns = 1'767'323'045'123'456'789};
  EXPECT_EQ(print_frame(frame), "03:04:05.123456789 IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0");
  frame.direction = GRAY_DIR_IN;
  EXPECT_EQ(print_frame(frame).substr(19, 6), "In IP ");
  frame.direction = GRAY_DIR_OUT;
  EXPECT_EQ(print_frame(frame).substr(19, 7), "Out IP ");
}

TEST_F(Print, Tcp) {
  EXPECT_EQ(line(ip().tcp(50000, 80, kTcpSyn).seq(7).bytes()).substr(0, 55),
            "IP 10.0.0.1.50000 > 10.0.0.2.80: Flags [S], seq 7, win ");
  const std::string data = line(ip().tcp(50000, 80, 0x18).seq(7, 9).payload("hello").bytes());
  EXPECT_NE(data.find("Flags [P.], seq 7:12, ack 9, win "), std::string::npos) << data;
  EXPECT_NE(data.find(", length 5"), std::string::npos) << data;
  EXPECT_NE(line(ip().tcp(1, 2, 0).bytes()).find("Flags [none], win"), std::string::npos);
  EXPECT_NE(line(ip().tcp(1, 2, 0xff).bytes()).find("Flags [FSRP.UEW]"), std::string::npos);
}

TEST_F(Print, IcmpArpAndOthers) {
  EXPECT_EQ(line(ip().icmp(8).filler(4).bytes()).substr(0, 42),
            "IP 10.0.0.1 > 10.0.0.2: ICMP echo request,");
  EXPECT_NE(line(PacketBuilder().eth().ipv6("fe80::1", "fe80::2").icmpv6(135).bytes())
                .find("IP6 fe80::1 > fe80::2: ICMP6, neighbor solicitation, code 0"),
            std::string::npos);
  EXPECT_EQ(line(ip().protocol(50).filler(8).bytes()),
            "IP 10.0.0.1 > 10.0.0.2: ip-proto-50, length 8");
  const Bytes arp = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 1,
                     10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2};
  EXPECT_EQ(line(PacketBuilder().eth(0x806).payload(arp).bytes()),
            "ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28");
  Bytes reply = arp;
  reply[7] = 2;
  EXPECT_EQ(line(PacketBuilder().eth(0x806).payload(reply).bytes()),
            "ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:01, length 28");
  EXPECT_EQ(line(PacketBuilder().eth(0x88cc).filler(10).bytes()),
            "ethertype LLDP (0x88cc), length 10");
}

TEST_F(Print, OptionsAddWhatTheySay) {
  const std::string e = line(ip().udp(1, 2).bytes(), {.link_header = true});
  EXPECT_NE(e.find(", ethertype IPv4 (0x0800), length 42: IP 10.0.0.1.1 >"), std::string::npos)
      << e;
  const std::string v = line(ip().ttl(61).udp(1, 2).bytes(), {.verbose = true});
  EXPECT_NE(v.find("IP (ttl 61, id "), std::string::npos) << v;
}

TEST_F(Print, VlansFragmentsAndTunnels) {
  EXPECT_EQ(line(PacketBuilder().eth().vlan(5).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).bytes()),
            "vlan 5, IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0");
  EXPECT_EQ(line(ip().fragment(8, true, 77).protocol(17).filler(16).bytes()),
            "IP 10.0.0.1 > 10.0.0.2: ip-proto-17 (frag 77:16@8+)");
  Bytes vxlan = {8, 0, 0, 0, 0, 0, 42, 0};
  const Bytes inner = ip().udp(1, 2).bytes();
  vxlan.insert(vxlan.end(), inner.begin(), inner.end());
  EXPECT_EQ(line(PacketBuilder()
                     .eth()
                     .ipv4("192.0.2.1", "192.0.2.2")
                     .udp(4000, 4789)
                     .payload(vxlan)
                     .bytes()),
            "IP 192.0.2.1.4000 > 192.0.2.2.4789: VXLAN: IP 10.0.0.1.1 > 10.0.0.2.2: UDP, length 0");
}

TEST_F(Print, WhatIsOddIsNamed) {
  EXPECT_EQ(line(Bytes(5, 0)), "[runt], length 5");
  EXPECT_EQ(line(Bytes(20, 0), {}, LinkType{105}), "[link_type], length 20");
  Bytes bad = ip().udp(1, 2).bytes();
  bad[14] = 0x41;
  EXPECT_EQ(line(bad), "[ip_header], length 42");
}

TEST_F(Print, NothingFromTheWireIsPrintedAsItIs) {
  std::mt19937 random(5);
  const Bytes base = ip().tcp(50000, 80).payload("\x1b[31m\x07 alarm").bytes();
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = base;
    for (unsigned i = 0; i <= random() % 6; ++i)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    bytes.resize(random() % 4 == 0 ? random() % bytes.size() : bytes.size());
    for (const char c : line(bytes, {.link_header = true, .verbose = true}))
      ASSERT_TRUE(c >= ' ' && c <= '~');
  }
}

TEST_F(Print, Hex) {
  const Bytes bytes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255};
  EXPECT_EQ(print_hex(bytes),
            "\t0x0000:  0001 0203 0405 0607 0809 0a0b 0c0d 0e0f\n\t0x0010:  ff\n");
  EXPECT_EQ(print_hex({}), "");
}

TEST_F(Print, HexAndTextAsTcpdump) {
  const Bytes bytes = {'G',  'E', 'T', ' ', '/', 'a', 0,   0x7f, 0xff,
                       '\n', 'b', 'c', 'd', 'e', 'f', 'g', 'h',  0x1b};
  EXPECT_EQ(print_hex_and_text(bytes),
            "\t0x0000:  4745 5420 2f61 007f ff0a 6263 6465 6667  GET./a....bcdefg\n"
            "\t0x0010:  681b                                     h.\n");
  EXPECT_EQ(print_hex_and_text({}), "");
}

TEST_F(Print, TextIsWithoutControlCharacters) {
  const Bytes bytes = {'a', ' ', 'b', '\r', '\n', '\t', 'c', '\r', 'd', 0x1b, 0x9b, 0};
  EXPECT_EQ(print_text(bytes), "a b\n\tc.d...\n");
}

}  // namespace
}  // namespace gray
