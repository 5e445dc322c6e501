#include "replay/rewrite/scramble.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <set>
#include <vector>

#include "userspace/packet/address.h"

namespace gray {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes scrambled(const Scramble& scramble, Bytes address) {
  scramble.apply(address);
  return address;
}

Bytes family_bytes(const char* text) {
  const IpAddress address = IpAddress::parse(text);
  return {address.bytes.begin() + (address.is_v4() ? 12 : 0), address.bytes.end()};
}

unsigned common_bits(const Bytes& a, const Bytes& b) {
  for (unsigned i = 0; i < a.size(); ++i)
    if (a[i] != b[i])
      return i * 8 +
             static_cast<unsigned>(std::countl_zero(static_cast<std::uint8_t>(a[i] ^ b[i])));
  return static_cast<unsigned>(a.size()) * 8;
}

Bytes random_address(std::mt19937& random, std::size_t size) {
  Bytes address(size);
  for (auto& byte : address) byte = static_cast<std::uint8_t>(random());
  return address;
}

TEST(Scramble, KeepsExactlyThePrefixThatTwoAddressesShare) {
  std::mt19937 random(1);
  const Scramble scramble(7);
  for (const std::size_t size : {4U, 16U})
    for (int i = 0; i < 20'000; ++i) {
      const Bytes a = random_address(random, size);
      Bytes b = a;
      b[random() % size] ^= static_cast<std::uint8_t>(1 + random() % 255);
      ASSERT_EQ(common_bits(scrambled(scramble, a), scrambled(scramble, b)), common_bits(a, b));
    }
}

TEST(Scramble, IsUndone) {
  std::mt19937 random(2);
  const Scramble scramble(99);
  for (const std::size_t size : {4U, 16U})
    for (int i = 0; i < 20'000; ++i) {
      const Bytes address = random_address(random, size);
      Bytes back = scrambled(scramble, address);
      scramble.undo(back);
      ASSERT_EQ(back, address);
    }
}

TEST(Scramble, IsTheSameForTheSameSeedAndAnotherForAnother) {
  const Bytes address = family_bytes("198.51.100.77");
  EXPECT_EQ(scrambled(Scramble(1), address), scrambled(Scramble(1), address));
  std::set<Bytes> images;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    images.insert(scrambled(Scramble(seed), address));
  EXPECT_GT(images.size(), 95U);
}

TEST(Scramble, WhatAnAddressIsForStays) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Scramble scramble(seed);
    for (const char* kept : {"0.0.0.0", "127.0.0.1", "224.0.0.251", "239.255.255.250",
                             "255.255.255.255", "::", "::1", "ff02::1", "ff02::fb"})
      EXPECT_EQ(scrambled(scramble, family_bytes(kept)), family_bytes(kept)) << kept;
    EXPECT_EQ(
        common_bits(scrambled(scramble, family_bytes("fe80::1234")), family_bytes("fe80::")) >= 10,
        true);
    EXPECT_GE(
        common_bits(scrambled(scramble, family_bytes("169.254.3.4")), family_bytes("169.254.0.0")),
        16U);
    EXPECT_GE(common_bits(scrambled(scramble, family_bytes("ff02::1:ff12:3456")),
                          family_bytes("ff02::1:ff00:0")),
              104U);
    EXPECT_EQ(scrambled(scramble, family_bytes("2001:db8::1"))[0] >> 5, 1);
  }
}

TEST(Scramble, NothingElseBecomesMulticastLoopbackOrBroadcast) {
  std::mt19937 random(3);
  const Scramble scramble(5);
  for (int i = 0; i < 50'000; ++i) {
    const Bytes address = random_address(random, 4);
    const bool special = address[0] == 0 || address[0] == 127 || address[0] >= 224;
    const Bytes image = scrambled(scramble, address);
    ASSERT_EQ(image[0] == 0 || image[0] == 127 || image[0] >= 224, special);
    if (special) {
      ASSERT_EQ(image, address);
    }
  }
}

TEST(Scramble, HidesHosts) {
  const Scramble scramble(11);
  unsigned same = 0;
  for (unsigned host = 0; host < 256; ++host) {
    const Bytes address = {198, 51, 100, static_cast<std::uint8_t>(host)};
    same += scrambled(scramble, address)[3] == host;
  }
  EXPECT_LT(same, 20U);
}

}  // namespace
}  // namespace gray
