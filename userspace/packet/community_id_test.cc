#include "userspace/packet/community_id.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <vector>

namespace gray {
namespace {

Endpoint at(const char* address, unsigned port) {
  return {IpAddress::parse(address), static_cast<std::uint16_t>(port)};
}

struct Vector {
  std::uint8_t proto;
  Endpoint source;
  Endpoint destination;
  const char* id;
};

// The baseline of the specification's repository (default seed).
TEST(CommunityId, BaselineOfTheSpecification) {
  const std::vector<Vector> vectors = {
      {IPPROTO_TCP, at("128.232.110.120", 34855), at("66.35.250.204", 80),
       "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
      {IPPROTO_TCP, at("66.35.250.204", 80), at("128.232.110.120", 34855),
       "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
      {IPPROTO_TCP, at("10.0.0.1", 10), at("10.0.0.2", 11569), "1:SXBGMX1lBOwhhoDrZynfROxnhnM="},
      {IPPROTO_TCP, at("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
       at("2607:f8b0:400c:c03::1a", 25), "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
      {IPPROTO_UDP, at("192.168.1.52", 54585), at("8.8.8.8", 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
      {IPPROTO_SCTP, at("192.168.170.56", 80), at("192.168.170.8", 7),
       "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
      {IPPROTO_ICMP, at("192.168.0.89", 8), at("192.168.0.1", 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
      {IPPROTO_ICMP, at("192.168.0.1", 0), at("192.168.0.89", 20),
       "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
      {IPPROTO_ICMP, at("192.168.0.89", 20), at("192.168.0.1", 1),
       "1:tz/fHIDUHs19NkixVVoOZywde+I="},
      {IPPROTO_ICMPV6, at("fe80::200:86ff:fe05:80da", 135), at("fe80::260:97ff:fe07:69ea", 0),
       "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
      {IPPROTO_ICMPV6, at("fe80::260:97ff:fe07:69ea", 136), at("fe80::200:86ff:fe05:80da", 0),
       "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
      {IPPROTO_ICMPV6, at("3ffe:507:0:1:200:86ff:fe05:80da", 3),
       at("3ffe:507:0:1:260:97ff:fe07:69ea", 0), "1:/OGBt9BN1ofenrmSPWYicpij2Vc="},
      {IPPROTO_RSVP, at("10.1.24.4", 0), at("10.1.12.1", 0), "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="},
      {IPPROTO_RSVP, at("10.1.12.1", 7), at("10.1.24.4", 9), "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="},
  };
  for (const Vector& v : vectors)
    EXPECT_EQ(community_id(v.proto, v.source, v.destination), v.id)
        << v.source.to_string() << " > " << v.destination.to_string();
}

TEST(CommunityId, AnIcmpPacketGivesItsTypeAndCode) {
  const std::vector<std::uint8_t> echo = {8, 0, 0x12, 0x34, 0, 1, 0, 2};
  Packet packet;
  packet.is_ip = packet.is_v4 = true;
  packet.ip_proto = IPPROTO_ICMP;
  packet.source = at("192.168.0.89", 0);
  packet.destination = at("192.168.0.1", 0);
  packet.payload = echo;
  EXPECT_EQ(community_id(packet), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
}

TEST(CommunityId, WhatIsNotIpHasNone) {
  EXPECT_EQ(community_id(Packet{}), "");
}

}  // namespace
}  // namespace gray
