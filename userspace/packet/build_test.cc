// Frames as tshark would pass them: every expected byte below was worked out by hand or from RFCs,
// and each checksum is verified over what carries it, where it must come to 0.
#include "userspace/packet/build.h"

#include <gtest/gtest.h>

#include <string>

#include "userspace/packet/checksum.h"

namespace gray {
namespace {

using Bytes = PacketBuilder::Bytes;

std::string hex(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::span<const std::uint8_t> part(const Bytes& bytes, std::size_t from,
                                   std::size_t count = std::dynamic_extent) {
  return std::span(bytes).subspan(from, count);
}

std::uint16_t verify_transport(const char* source, const char* destination, std::uint8_t proto,
                               std::span<const std::uint8_t> segment) {
  return checksum_finish(
      checksum_add(pseudo_header_sum(IpAddress::parse(source), IpAddress::parse(destination), proto,
                                     static_cast<std::uint32_t>(segment.size())),
                   segment));
}

TEST(PacketBuilder, WritesEveryByteOfAnUdpDatagram) {
  const Bytes frame =
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload("hi").bytes();
  EXPECT_EQ(hex(frame),
            "020000000002"
            "020000000001"
            "0800"
            "4500001e00000000401166cd0a0000010a000002"
            "00010002000a"
            "836b"
            "6869");
}

TEST(PacketBuilder, TagsStackInTheOrderTheyWereAdded) {
  const Bytes frame =
      PacketBuilder().eth().vlan(7, 0x88a8).vlan(5).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).bytes();
  EXPECT_EQ(hex(part(frame, 12, 10)),
            "88a80007"
            "81000005"
            "0800");
}

TEST(PacketBuilder, PadsOptionsAndCountsThemInTheHeader) {
  const Bytes frame =
      PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").options({1, 1, 1, 1, 1}).tcp(1, 2).bytes();
  EXPECT_EQ(frame[0], 0x47);
  EXPECT_EQ(hex(part(frame, 20, 8)), "0101010101000000");
  EXPECT_EQ(internet_checksum(part(frame, 0, 28)), 0);
  EXPECT_EQ(verify_transport("10.0.0.1", "10.0.0.2", 6, part(frame, 28)), 0);
}

TEST(PacketBuilder, ChainsExtensionHeadersToTheTransport) {
  const Bytes frame = PacketBuilder()
                          .ipv6("2001:db8::1", "2001:db8::2")
                          .extension(0)
                          .extension(43, 1)
                          .fragment(0, true, 9)
                          .extension(51, 1)
                          .udp(5, 6)
                          .payload("x")
                          .bytes();
  EXPECT_EQ(frame[6], 0);
  EXPECT_EQ(hex(part(frame, 40, 2)), "2b00");
  EXPECT_EQ(hex(part(frame, 48, 2)), "2c01");
  EXPECT_EQ(hex(part(frame, 64, 8)), "3300000100000009");
  EXPECT_EQ(hex(part(frame, 72, 2)), "1101");
  EXPECT_EQ(frame[5], 8 + 16 + 8 + 12 + 9);
  EXPECT_EQ(verify_transport("2001:db8::1", "2001:db8::2", 17, part(frame, 84)), 0);
}

TEST(PacketBuilder, WritesIpv4FragmentsInUnitsOfEightBytes) {
  const Bytes frame = PacketBuilder()
                          .ipv4("10.0.0.1", "10.0.0.2")
                          .protocol(17)
                          .fragment(1480, true, 77)
                          .filler(8)
                          .bytes();
  EXPECT_EQ(hex(part(frame, 4, 6)), "004d20b94011");
}

TEST(PacketBuilder, ChecksumsHoldForEveryTransportAndOddLengths) {
  for (std::size_t size = 0; size < 9; ++size) {
    const Bytes icmp = PacketBuilder().ipv4("1.2.3.4", "5.6.7.8").icmp().filler(size).bytes();
    EXPECT_EQ(internet_checksum(part(icmp, 20)), 0) << size;
    const Bytes icmpv6 = PacketBuilder().ipv6("::1", "fe80::1").icmpv6().filler(size).bytes();
    EXPECT_EQ(verify_transport("::1", "fe80::1", 58, part(icmpv6, 40)), 0) << size;
    const Bytes tcp =
        PacketBuilder().ipv4("1.2.3.4", "5.6.7.8").tcp(1, 2).seq(3, 4).filler(size).bytes();
    EXPECT_EQ(verify_transport("1.2.3.4", "5.6.7.8", 6, part(tcp, 20)), 0) << size;
  }
}

// RFC 3720 B.4: 32 bytes of zeros give CRC32c 8a9136aa, sent least significant byte first.
TEST(PacketBuilder, SctpCarriesCrc32c) {
  const Bytes frame = PacketBuilder().sctp(0, 0).payload(Bytes(20)).bytes();
  EXPECT_EQ(hex(part(frame, 8, 4)), "aa36918a");
}

}  // namespace
}  // namespace gray
