// What holds for every frame and every rule: a rule and its inverse undo each other, checksums that
// were right stay right, nothing but headers changes, and hostile bytes do no harm.
#include <gtest/gtest.h>

#include "replay/rewrite/frames_for_test.h"
#include "replay/rewrite/rewriter.h"

namespace gray {
namespace {

constexpr unsigned kFrames = 4000;

RewriteOptions there() {
  RewriteOptions options;
  options.pnat = parse_cidr_maps(
      "--pnat", "10.0.0.0/9:172.16.0.0/9,10.128.0.0/9:192.128.0.0/9,[2001:db8::/32]:[fd00:7::/32]");
  options.port_map = parse_port_maps("--portmap", "1080:80,1443:443,1999:1");
  return options;
}

RewriteOptions back() {
  RewriteOptions options;
  options.pnat = parse_cidr_maps(
      "--pnat", "172.0.0.0/9:10.0.0.0/9,192.128.0.0/9:10.128.0.0/9,[fd00:7::/32]:[2001:db8::/32]");
  options.port_map = parse_port_maps("--portmap", "80:1080,443:1443,1:1999");
  return options;
}

struct Case {
  Bytes frame;
  RewriteRefusal refusal;
};

Case rewritten(const RewriteOptions& options, const Bytes& frame, Way way = Way::ClientToServer) {
  const Rewriter rewriter(options);
  // Room that ends where it must, so that a sanitizer sees what goes beyond.
  Bytes room(frame);
  room.resize(frame.size() + (options.vlan == VlanAction::Add ? kRewriteGrowth : 0));
  const auto length = static_cast<std::uint32_t>(frame.size());
  const Rewritten result = rewriter.apply(room, frame.size(), length, LinkType::Ethernet, way);
  room.resize(result.length);
  return {room, result.refusal};
}

/// Of TCP and UDP; ICMP holds headers that are rewritten.
Bytes payload_of(const Bytes& frame) {
  const Packet packet = decode(ethernet(frame));
  if (!packet.has_tcp && !packet.has_udp) return {};
  return {packet.payload.begin(), packet.payload.end()};
}

bool is_icmp_error(const Bytes& frame) {
  const Packet packet = decode(ethernet(frame));
  const bool icmp = packet.ip_proto == IPPROTO_ICMP || packet.ip_proto == IPPROTO_ICMPV6;
  return icmp && !packet.payload.empty() && (packet.payload[0] == 3 || packet.payload[0] == 1);
}

/// A part of the IP header's checksum is not here.
bool is_cut_in_options(const Bytes& cut, std::size_t wire) {
  Frame frame = ethernet(cut);
  frame.wire_len = static_cast<std::uint32_t>(wire);
  const Packet packet = decode(frame);
  return packet.is_v4 && packet.l3.size() < (packet.l3[0] & 15U) * 4;
}

TEST(Property, TheGeneratorAndTheVerifierAgree) {
  FrameGenerator frames(1);
  for (unsigned i = 0; i < kFrames; ++i) {
    const Bytes frame = frames.next();
    ASSERT_EQ(ChecksumVerifier::verify(frame), "") << i;
    Bytes spoilt = frame;
    spoilt[spoilt.size() - 1] ^= 0x40;
    ASSERT_EQ(decode(ethernet(frame)).odd, Odd::None) << i;
  }
}

TEST(Property, MapsAndTheirInversesUndoEachOther) {
  FrameGenerator frames(2);
  unsigned changed = 0;
  for (unsigned i = 0; i < kFrames; ++i) {
    const Bytes frame = frames.next();
    for (const bool inner : {false, true}) {
      RewriteOptions to = there(), from = back();
      to.inner = from.inner = inner;
      const Case moved = rewritten(to, frame);
      ASSERT_EQ(moved.refusal, RewriteRefusal::None) << i;
      ASSERT_EQ(ChecksumVerifier::verify(moved.frame), "") << i << (inner ? " inner" : " outer");
      ASSERT_EQ(moved.frame.size(), frame.size());
      ASSERT_EQ(payload_of(moved.frame), payload_of(frame)) << i;
      const Case restored = rewritten(from, moved.frame);
      ASSERT_EQ(restored.frame, frame) << i << (inner ? " inner" : " outer");
      changed += moved.frame != frame;
    }
  }
  EXPECT_EQ(changed, 2 * kFrames);
}

TEST(Property, AnAddedTagIsDeletedAgain) {
  FrameGenerator frames(3);
  RewriteOptions add, del;
  add.vlan = VlanAction::Add;
  add.vlan_tag = {.id = 77, .priority = 5, .drop_eligible = true, .protocol = 0x88a8};
  del.vlan = VlanAction::Delete;
  for (unsigned i = 0; i < kFrames; ++i) {
    const Bytes frame = frames.next();
    const Case tagged = rewritten(add, frame);
    ASSERT_EQ(tagged.frame.size(), frame.size() + 4);
    ASSERT_EQ(ChecksumVerifier::verify(tagged.frame), "") << i;
    ASSERT_EQ(rewritten(del, tagged.frame).frame, frame) << i;
  }
}

TEST(Property, EveryRuleLeavesChecksumsRight) {
  FrameGenerator frames(4);
  RewriteOptions all = there();
  all.ttl = parse_hop_limit("--ttl", "-7");
  all.tos = 0x2e << 2;
  all.traffic_class = 0xb9;
  all.flow_label = 0xabcde;
  RewriteOptions seeded;
  seeded.seed = 42;
  for (unsigned i = 0; i < kFrames; ++i) {
    const Bytes frame = frames.next();
    for (RewriteOptions options : {all, seeded})
      for (const bool inner : {false, true})
        for (const bool fix : {false, true}) {
          options.inner = inner;
          options.fix_checksums = fix;
          const Case moved = rewritten(options, frame);
          ASSERT_EQ(moved.refusal, RewriteRefusal::None) << i;
          ASSERT_EQ(ChecksumVerifier::verify(moved.frame), "") << i << inner << fix;
        }
  }
}

TEST(Property, WhatIsRightIsNotChangedByFixcsum) {
  FrameGenerator frames(5);
  RewriteOptions fix;
  fix.fix_checksums = true;
  fix.inner = true;
  for (unsigned i = 0; i < kFrames; ++i) {
    const Bytes frame = frames.next();
    ASSERT_EQ(rewritten(fix, frame).frame, frame) << i;
  }
}

TEST(Property, SpoiltChecksumsAreMendedByFixcsum) {
  FrameGenerator frames(6);
  RewriteOptions fix;
  fix.fix_checksums = true;
  unsigned mended = 0;
  for (unsigned i = 0; i < kFrames; ++i) {
    const Bytes frame = PacketBuilder()
                            .eth()
                            .ipv4("10.0.0.1", "10.0.0.2")
                            .tcp(1, 2)
                            .filler(frames.below(99))
                            .bytes();
    Bytes spoilt = frame;
    spoilt[14 + 20 + 16 + frames.below(2)] ^= static_cast<std::uint8_t>(1 + frames.below(255));
    spoilt[14 + 10] ^= static_cast<std::uint8_t>(1 + frames.below(255));
    ASSERT_NE(ChecksumVerifier::verify(spoilt), "");
    ASSERT_EQ(rewritten(fix, spoilt).frame, frame);
    ++mended;
  }
  EXPECT_EQ(mended, kFrames);
}

// What a snap length cuts off changes nothing in what it left.
TEST(Property, ACutFrameIsTheCutOfTheWhole) {
  FrameGenerator frames(7);
  RewriteOptions options = there();
  unsigned followed = 0;
  for (unsigned i = 0; i < kFrames; ++i) {
    const Bytes frame = frames.next();
    options.inner = i % 2 != 0;
    const Rewriter rewriter(options);
    const Case whole = rewritten(options, frame);
    const std::size_t snap = 1 + frames.below(static_cast<unsigned>(frame.size()));
    Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(snap));
    const Bytes before = cut;
    const Rewritten result = rewriter.apply(cut, snap, static_cast<std::uint32_t>(frame.size()),
                                            LinkType::Ethernet, Way::ClientToServer);
    if (result.refusal != RewriteRefusal::None) {
      ASSERT_EQ(cut, before) << i << ": a refused frame is as it came";
      continue;
    }
    ++followed;
    // The rest of what is quoted counts in the error's checksum, and is not here; a tunnel that is
    // cut may no longer be told from a payload.
    if (options.inner || is_icmp_error(frame) || is_cut_in_options(before, frame.size())) continue;
    // Nor can one half of a checksum be told.
    ASSERT_TRUE(std::equal(cut.begin(), cut.end() - 1, whole.frame.begin()))
        << i << " snap " << snap;
  }
  EXPECT_GT(followed, kFrames / 2);
}

TEST(Property, HostileBytesStayInTheirBounds) {
  FrameGenerator frames(8);
  RewriteOptions options = there();
  options.vlan = VlanAction::Add;
  options.vlan_tag.id = 1;
  options.ttl.change = -1;
  RewriteOptions seeded;
  seeded.seed = 1;
  seeded.fix_checksums = true;
  const LinkType links[] = {LinkType::Ethernet, LinkType::Raw,       LinkType::Null,
                            LinkType::LinuxSll, LinkType::LinuxSll2, LinkType::Loop};
  for (unsigned i = 0; i < 10 * kFrames; ++i) {
    Bytes frame = frames.next();
    for (unsigned changes = 1 + frames.below(8); changes-- > 0;)
      frame[frames.below(std::min<unsigned>(static_cast<unsigned>(frame.size()), 120))] =
          static_cast<std::uint8_t>(frames.below(256));
    const unsigned skipped = frames.below(3) ? 0 : 14;  // so that other link types meet IP, too
    frame.erase(frame.begin(), frame.begin() + skipped);
    const std::size_t wire = frame.size();
    if (frames.below(2)) frame.resize(frames.below(static_cast<unsigned>(wire) + 1));
    for (RewriteOptions rules : {options, seeded}) {
      rules.inner = frames.below(2) != 0;
      const Rewriter rewriter(rules);
      const std::size_t length = frame.size();
      Bytes room = frame;
      room.resize(length + kRewriteGrowth);
      const auto result = rewriter.apply(room, length, static_cast<std::uint32_t>(wire),
                                         links[frames.below(6)], Way::ServerToClient);
      ASSERT_LE(result.length, length + kRewriteGrowth);
      ASSERT_EQ(result.length - length, result.wire_length - wire);
      if (result.refusal != RewriteRefusal::None) {
        ASSERT_EQ(Bytes(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(length)), frame);
      }
    }
  }
}

}  // namespace
}  // namespace gray
