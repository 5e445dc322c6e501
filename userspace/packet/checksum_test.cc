#include "userspace/packet/checksum.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <random>
#include <vector>

namespace gray {
namespace {

/// The definition, word by word.
std::uint16_t by_definition(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

TEST(Checksum, ExampleOfRfc1071) {
  const std::vector<std::uint8_t> bytes = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(internet_checksum(bytes), static_cast<std::uint16_t>(~0xddf2));
}

TEST(Checksum, Ipv4HeaderSumsToZeroWithItsChecksum) {
  const std::vector<std::uint8_t> header = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40,
                                            0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8,
                                            0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
  EXPECT_EQ(internet_checksum(header), 0);
}

TEST(Checksum, EveryLengthAndAlignmentAgreesWithTheDefinition) {
  std::mt19937 random(1);
  std::vector<std::uint8_t> bytes(100);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
  for (std::size_t start = 0; start < 9; ++start)
    for (std::size_t length = 0; start + length <= bytes.size(); ++length) {
      const auto piece = std::span(bytes).subspan(start, length);
      ASSERT_EQ(internet_checksum(piece), by_definition(piece)) << start << "+" << length;
    }
}

TEST(Checksum, PiecesAddUp) {
  std::vector<std::uint8_t> bytes(65535, 0xff);
  const auto all = std::span<const std::uint8_t>(bytes);
  EXPECT_EQ(checksum_finish(checksum_add(checksum_add(0, all.first(22)), all.subspan(22))),
            internet_checksum(all));
}

TEST(Checksum, TcpOverIpv4WithPseudoHeader) {
  // A SYN from 192.168.0.31 to 192.168.0.30, port 1 to 2, with no options.
  const std::vector<std::uint8_t> segment = {0, 1, 0,    2,    0,    0, 0, 0, 0, 0,
                                             0, 0, 0x50, 0x02, 0x20, 0, 0, 0, 0, 0};
  const auto source = IpAddress::parse("192.168.0.31");
  const auto destination = IpAddress::parse("192.168.0.30");
  // c0a8+001f+c0a8+001e+0006+0014 + 0001+0002+5002+2000 = 1_f1ac -> f1ad, complemented
  EXPECT_EQ(transport_checksum(source, destination, IPPROTO_TCP, segment), 0x0e52);
}

TEST(Checksum, UdpZeroIsWrittenAsOnes) {
  const IpAddress any = IpAddress::parse("0.0.0.0");
  // Pseudo-header 0x11 + 8; one data word makes the sum 0xffff.
  const std::vector<std::uint8_t> datagram = {0xff, 0xe6, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(transport_checksum(any, any, IPPROTO_UDP, datagram), 0xffff);
  EXPECT_NE(transport_checksum(any, any, IPPROTO_TCP, datagram), 0xffff);
}

TEST(Checksum, UpdateExampleOfRfc1624) {
  EXPECT_EQ(checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

TEST(Checksum, UpdateEqualsComputingAnew) {
  std::mt19937 random(2);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::uint8_t> bytes(40);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    const std::uint16_t before = internet_checksum(bytes);
    const std::vector<std::uint8_t> old(bytes.begin() + 12, bytes.begin() + 28);
    for (std::size_t i = 12; i < 28; ++i) bytes[i] = static_cast<std::uint8_t>(random());
    const auto changed = std::span<const std::uint8_t>(bytes).subspan(12, 16);
    ASSERT_EQ(checksum_update(before, old, changed), internet_checksum(bytes));
  }
}

}  // namespace
}  // namespace gray
