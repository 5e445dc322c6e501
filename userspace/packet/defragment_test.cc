#include "userspace/packet/defragment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "userspace/packet/build.h"
#include "userspace/packet/checksum.h"

namespace gray {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// Cuts a raw IP datagram into fragments of `size` payload bytes, as a router would.
struct Cutter {
  bool v4 = true;
  std::uint32_t id = 7;
  std::uint8_t extensions = 0;  ///< IPv6: headers in front of the fragment header

  Bytes piece(std::span<const std::uint8_t> payload, std::size_t offset, bool more) const {
    PacketBuilder builder;
    if (v4) {
      builder.ipv4("10.0.0.1", "10.0.0.2");
    } else {
      builder.ipv6("2001:db8::1", "2001:db8::2");
      for (unsigned i = 0; i < extensions; ++i) builder.extension(60, static_cast<std::uint8_t>(i));
    }
    builder.fragment(static_cast<std::uint16_t>(offset), more, id).protocol(6);
    return builder.payload(payload).bytes();
  }

  std::vector<Bytes> pieces(std::span<const std::uint8_t> payload, std::size_t size) const {
    std::vector<Bytes> all;
    for (std::size_t at = 0; at < payload.size(); at += size) {
      const std::size_t length = std::min(size, payload.size() - at);
      all.push_back(piece(payload.subspan(at, length), at, at + length < payload.size()));
    }
    return all;
  }
};

Packet read(const Bytes& ip, std::uint64_t time_ns = 0) {
  Frame frame{.bytes = ip, .time_ns = time_ns, .link = LinkType::Raw};
  return decode(frame);
}

std::string text_of(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

/// A TCP segment with this text, without its IP header.
Bytes segment(bool v4, std::string_view text) {
  PacketBuilder builder;
  if (v4)
    builder.ipv4("10.0.0.1", "10.0.0.2");
  else
    builder.ipv6("2001:db8::1", "2001:db8::2");
  const Bytes whole = builder.tcp(50000, 80).seq(100).payload(text).bytes();
  return {whole.begin() + (v4 ? 20 : 40), whole.end()};
}

const std::string kText = "GET /fragmented?with=several&pieces=yes HTTP/1.1\r\nHost: a\r\n\r\n";

class Reassembly : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(BothFamilies, Reassembly, testing::Values(true, false));

TEST_P(Reassembly, AnyOrderGivesTheDatagram) {
  const Bytes payload = segment(GetParam(), kText);
  std::vector<Bytes> pieces = Cutter{.v4 = GetParam()}.pieces(payload, 24);
  ASSERT_GE(pieces.size(), 3u);
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(pieces.begin(), pieces.end(), random);
    Defragmenter defragmenter;
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i)
      ASSERT_FALSE(defragmenter.add(read(pieces[i])));
    const auto whole = defragmenter.add(read(pieces.back()));
    ASSERT_TRUE(whole);
    const Packet packet = decode_ip(*whole, 0);
    EXPECT_EQ(packet.odd, Odd::None);
    EXPECT_TRUE(packet.has_tcp);
    EXPECT_FALSE(packet.fragment);
    EXPECT_EQ(packet.destination.port, 80);
    EXPECT_EQ(text_of(packet.payload), kText);
    EXPECT_EQ(defragmenter.counters().held, 0u);
    EXPECT_EQ(defragmenter.counters().completed, pieces.size());
  }
}

TEST_P(Reassembly, OverlapVoidsTheDatagramForGood) {
  const Cutter cutter{.v4 = GetParam()};
  const Bytes payload = segment(GetParam(), kText);
  const auto all = std::span<const std::uint8_t>(payload);
  Defragmenter defragmenter;
  defragmenter.add(read(cutter.piece(all.first(24), 0, true)));
  defragmenter.add(read(cutter.piece(all.subspan(16, 16), 16, true)));
  defragmenter.add(read(cutter.piece(all.subspan(24), 24, false)));
  defragmenter.add(read(cutter.piece(all.first(24), 0, true)));
  EXPECT_EQ(defragmenter.counters().overlaps, 4u);
  EXPECT_EQ(defragmenter.counters().datagrams, 0u);
  EXPECT_EQ(defragmenter.counters().held, 0u);
}

TEST_P(Reassembly, TheSameFragmentTwiceIsNoOverlap) {
  const auto pieces = Cutter{.v4 = GetParam()}.pieces(segment(GetParam(), kText), 48);
  ASSERT_EQ(pieces.size(), 2u);
  Defragmenter defragmenter;
  EXPECT_FALSE(defragmenter.add(read(pieces[0])));
  EXPECT_FALSE(defragmenter.add(read(pieces[0])));
  EXPECT_TRUE(defragmenter.add(read(pieces[1])));
  EXPECT_EQ(defragmenter.counters().duplicates, 1u);
}

TEST_P(Reassembly, DatagramsWithDifferentIdsDoNotMix) {
  const Bytes payload = segment(GetParam(), kText);
  const auto one = Cutter{.v4 = GetParam(), .id = 1}.pieces(payload, 48);
  const auto two = Cutter{.v4 = GetParam(), .id = 2}.pieces(payload, 48);
  Defragmenter defragmenter;
  EXPECT_FALSE(defragmenter.add(read(one[0])));
  EXPECT_FALSE(defragmenter.add(read(two[1])));
  EXPECT_TRUE(defragmenter.add(read(one[1])));
  EXPECT_TRUE(defragmenter.add(read(two[0])));
}

TEST(Defragmenter, ExtensionHeadersInFrontStay) {
  for (std::uint8_t count = 1; count < 4; ++count) {
    const Cutter cutter{.v4 = false, .extensions = count};
    const auto pieces = cutter.pieces(segment(false, kText), 48);
    Defragmenter defragmenter;
    EXPECT_FALSE(defragmenter.add(read(pieces[1])));
    const auto whole = defragmenter.add(read(pieces[0]));
    ASSERT_TRUE(whole) << unsigned{count};
    const Packet packet = decode_ip(*whole, 0);
    EXPECT_EQ(packet.odd, Odd::None);
    EXPECT_EQ(text_of(packet.payload), kText);
  }
}

TEST(Defragmenter, TheHeaderOfAnIpv4DatagramIsMadeRight) {
  const auto pieces = Cutter{}.pieces(segment(true, kText), 48);
  Defragmenter defragmenter;
  defragmenter.add(read(pieces[0]));
  const auto whole = defragmenter.add(read(pieces[1]));
  ASSERT_TRUE(whole);
  EXPECT_EQ(internet_checksum(whole->first(20)), 0);
  EXPECT_EQ((*whole)[2] << 8 | (*whole)[3], static_cast<int>(whole->size()));
}

TEST(Defragmenter, OldOnesTimeOut) {
  const auto pieces = Cutter{}.pieces(segment(true, kText), 48);
  Defragmenter defragmenter({.timeout_ns = 1000});
  EXPECT_FALSE(defragmenter.add(read(pieces[0], 5000)));
  EXPECT_FALSE(defragmenter.add(read(pieces[1], 6001)));
  EXPECT_EQ(defragmenter.counters().timeouts, 1u);
  EXPECT_EQ(defragmenter.counters().held, 1u);
}

TEST(Defragmenter, AClockThatIsSetBackKeepsNothing) {
  const Bytes payload = segment(true, kText);
  const auto one = Cutter{.id = 1}.pieces(payload, 48);
  const auto two = Cutter{.id = 2}.pieces(payload, 48);
  Defragmenter defragmenter({.timeout_ns = 1000});
  EXPECT_FALSE(defragmenter.add(read(one[0], 1'000'000)));
  EXPECT_FALSE(defragmenter.add(read(two[0], 5000)));
  EXPECT_EQ(defragmenter.counters().timeouts, 1u);
  EXPECT_FALSE(defragmenter.add(read(two[1], 6001))) << "its first fragment has timed out";
  EXPECT_EQ(defragmenter.counters().timeouts, 2u);
  EXPECT_TRUE(defragmenter.add(read(two[0], 5900))) << "a little back is no other time";
}

TEST(Defragmenter, ImpossibleFragmentsAreCounted) {
  const Bytes eight(8, 1);
  const Bytes seven(7, 1);
  Defragmenter defragmenter;
  const Cutter cutter;
  defragmenter.add(read(cutter.piece(seven, 0, true)));       // not a multiple of 8
  defragmenter.add(read(cutter.piece(eight, 65528, false)));  // ends at 65536
  EXPECT_EQ(defragmenter.counters().malformed, 2u);

  const Bytes cut = cutter.piece(eight, 0, true);
  Frame frame{
      .bytes = cut, .wire_len = static_cast<std::uint32_t>(cut.size()), .link = LinkType::Raw};
  frame.bytes = frame.bytes.first(cut.size() - 1);
  defragmenter.add(decode(frame));
  EXPECT_EQ(defragmenter.counters().cut, 1u);
  EXPECT_EQ(defragmenter.counters().held, 0u);
}

TEST(Defragmenter, RandomFragmentsKeepTheLawAndTheLimit) {
  std::mt19937 random(3);
  Defragmenter defragmenter({.bytes = 20'000, .timeout_ns = 2'000});
  for (std::uint64_t i = 0; i < 30'000; ++i) {
    const Cutter cutter{.v4 = random() % 2 == 0, .id = static_cast<std::uint32_t>(random() % 20)};
    const Bytes bytes(8 * (1 + random() % 20), static_cast<std::uint8_t>(random() % 2));
    defragmenter.add(read(cutter.piece(bytes, 8 * (random() % 30), random() % 4 != 0), i * 10));
    if (i % 1000 != 0) continue;
    Ledger ledger;
    defragmenter.account(ledger);
    ASSERT_TRUE(ledger.balanced());
  }
  const auto& counters = defragmenter.counters();
  EXPECT_GT(counters.datagrams, 0u);
  EXPECT_GT(counters.overlaps, 0u);
  EXPECT_GT(counters.evicted + counters.timeouts, 0u);
}

}  // namespace
}  // namespace gray
