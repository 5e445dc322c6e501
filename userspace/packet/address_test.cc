#include "userspace/packet/address.h"

#include <gtest/gtest.h>

#include "userspace/base/errors.h"

namespace gray {
namespace {

TEST(IpAddress, TextComesBackInItsFamily) {
  for (const char* text : {"10.0.0.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::", "::1"})
    EXPECT_EQ(IpAddress::parse(text).to_string(), text);
  EXPECT_EQ(IpAddress::parse("::ffff:10.0.0.1"), IpAddress::parse("10.0.0.1"));
  EXPECT_TRUE(IpAddress::parse("10.0.0.1").is_v4());
  EXPECT_FALSE(IpAddress::parse("::1").is_v4());
}

TEST(IpAddress, NonsenseIsRefused) {
  for (const char* text : {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "fe80::1%eth0", "host", "1:2"})
    EXPECT_THROW(IpAddress::parse(text), UsageError) << text;
  EXPECT_THROW(IpAddress::parse(std::string_view("10.0.0.1\0x", 10)), UsageError);
}

TEST(IpAddress, KnowsLoopback) {
  EXPECT_TRUE(IpAddress::parse("127.8.0.1").is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1").is_loopback());
  for (const char* text : {"128.0.0.1", "::", "::2", "1::1"})
    EXPECT_FALSE(IpAddress::parse(text).is_loopback()) << text;
}

TEST(Endpoint, HasBracketsAroundIpv6Only) {
  EXPECT_EQ((Endpoint{IpAddress::parse("10.0.0.1"), 80}).to_string(), "10.0.0.1:80");
  EXPECT_EQ((Endpoint{IpAddress::parse("2001:db8::1"), 443}).to_string(), "[2001:db8::1]:443");
}

TEST(Endpoint, HashTellsNeighboursApart) {
  const std::hash<Endpoint> hash;
  const Endpoint one{IpAddress::parse("10.0.0.1"), 80};
  EXPECT_EQ(hash(one), hash(Endpoint{IpAddress::parse("10.0.0.1"), 80}));
  EXPECT_NE(hash(one), hash(Endpoint{IpAddress::parse("10.0.0.1"), 81}));
  EXPECT_NE(hash(one), hash(Endpoint{IpAddress::parse("10.0.0.2"), 80}));
}

TEST(Cidr, MasksItsHostBits) {
  EXPECT_EQ(Cidr::parse("10.1.2.3/8").to_string(), "10.0.0.0/8");
  EXPECT_EQ(Cidr::parse("10.1.2.3/31").to_string(), "10.1.2.2/31");
  EXPECT_EQ(Cidr::parse("0.0.0.0/0").to_string(), "0.0.0.0/0");
  EXPECT_EQ(Cidr::parse("2001:db8:ffff::/33").to_string(), "2001:db8:8000::/33");
  EXPECT_EQ(Cidr::parse("10.1.2.3").to_string(), "10.1.2.3/32");
  EXPECT_EQ(Cidr::parse("2001:db8::1").to_string(), "2001:db8::1/128");
  EXPECT_EQ(Cidr::parse("::/0").to_string(), "::/0");
}

struct Membership {
  const char* network;
  const char* address;
  bool inside;
};

TEST(Cidr, ContainsWhatItsPrefixSays) {
  for (const auto& [network, address, inside] : {Membership{"10.0.0.0/8", "10.255.0.1", true},
                                                 {"10.0.0.0/8", "11.0.0.1", false},
                                                 {"0.0.0.0/0", "1.2.3.4", true},
                                                 {"0.0.0.0/0", "2001:db8::1", false},
                                                 {"::/0", "2001:db8::1", true},
                                                 {"192.168.1.7", "192.168.1.7", true},
                                                 {"192.168.1.7", "192.168.1.6", false},
                                                 {"2001:db8::/33", "2001:db8:7fff::1", true},
                                                 {"2001:db8::/33", "2001:db8:8000::1", false}})
    EXPECT_EQ(Cidr::parse(network).contains(IpAddress::parse(address)), inside)
        << address << " in " << network;
}

TEST(Cidr, NonsenseIsRefused) {
  for (const char* text :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "::/129", "/8"})
    EXPECT_THROW(Cidr::parse(text), UsageError) << text;
}

}  // namespace
}  // namespace gray
