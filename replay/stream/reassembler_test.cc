// Reassembly against hand-made segments. For random ones see property_test.cc.
#include "replay/stream/reassembler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "replay/stream/segmenter.h"
#include "replay/stream/wire_for_test.h"

namespace gray {
namespace {

TEST(Reassembler, BothDirectionsInOrder) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1000, "GET /");
  wire.send(1, 9000, "200 OK", kTcpAck, 1005);
  wire.send(0, 1005, "more", kTcpAck | kTcpFin, 9006);
  wire.send(1, 9006, "", kTcpAck | kTcpFin, 1010);
  EXPECT_EQ(wire.only().text[0], "GET /more$");
  EXPECT_EQ(wire.only().text[1], "200 OK$");
  EXPECT_TRUE(wire.only().closed);
  EXPECT_EQ(wire.only().reason, CloseReason::Fin);
  EXPECT_EQ(wire.only().connection.client, 0U);
}

TEST(Reassembler, OutOfOrderWaitsAndKeepsTheTimeOfItsFrame) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1003, "def");
  wire.send(0, 1006, "ghi");
  EXPECT_EQ(wire.reassembler.held_segments(), 2U);
  wire.send(0, 1000, "abc");
  EXPECT_EQ(wire.only().text[0], "abcdefghi");
  EXPECT_EQ(wire.only().times, (std::vector<std::uint64_t>{6 * kMs, 4 * kMs, 5 * kMs}));
  EXPECT_EQ(wire.reassembler.held_bytes(), 0U);
}

TEST(Reassembler, SequenceNumbersWrap) {
  Wire wire;
  wire.open(0xfffffffe, 0xffffffff);
  wire.send(0, 0x00000001, "def");
  wire.send(0, 0xfffffffe, "abc");
  wire.send(1, 0xffffffff, "xyz", kTcpAck, 4);
  EXPECT_EQ(wire.only().text[0], "abcdef");
  EXPECT_EQ(wire.only().text[1], "xyz");
}

TEST(Reassembler, RetransmissionsAreDropped) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1000, "abc");
  wire.send(0, 1000, "abc");
  wire.send(0, 1001, "bcde");
  EXPECT_EQ(wire.only().text[0], "abcde");
  EXPECT_EQ(wire.count().retransmission, 1U);
  EXPECT_EQ(wire.count().delivered, 2U);
}

TEST(Reassembler, WhatWasThereFirstStays) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1003, "DEF");
  wire.send(0, 1001, "bcdefgh");  // covers both sides of what is held
  wire.send(0, 1003, "xyz");
  EXPECT_EQ(wire.count().conflicts, 2U);
  wire.send(0, 1000, "a");
  EXPECT_EQ(wire.only().text[0], "abcDEFgh");
  EXPECT_EQ(wire.count().retransmission, 1U);
}

TEST(Reassembler, KeepAlivesAndWindowProbes) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1000, "abc");
  wire.send(0, 1002, "");                         // keep-alive without a byte
  wire.send(0, 1002, std::string_view("\0", 1));  // and with one
  wire.send(0, 1003, "d");                        // zero window probe: one byte of data
  EXPECT_EQ(wire.only().text[0], "abcd");
  EXPECT_EQ(wire.count().keep_alive, 1U);
}

TEST(Reassembler, GapIsDeclaredWhenTheOtherSideHasTheBytes) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1000, "abc");
  wire.send(0, 1010, "klm");
  wire.send(1, 9000, "", kTcpAck, 1003);
  EXPECT_EQ(wire.only().text[0], "abc");
  wire.send(1, 9000, "", kTcpAck, 1013);
  EXPECT_EQ(wire.only().text[0], "abc<7>klm");
  wire.send(0, 1005, "fgh");
  EXPECT_EQ(wire.count().late, 1U);
  EXPECT_EQ(wire.count().gap_bytes, 7U);
}

TEST(Reassembler, MissingEndIsDeclaredWhenItsFinIsAcknowledged) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1000, "abc");
  wire.send(0, 1007, "", kTcpAck | kTcpFin);
  EXPECT_EQ(wire.only().text[0], "abc");
  wire.send(1, 9000, "", kTcpAck, 1008);
  EXPECT_EQ(wire.only().text[0], "abc<4>$");
}

TEST(Reassembler, FinBeforeItsDataWaits) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1003, "def", kTcpAck | kTcpFin);
  wire.send(0, 1000, "abc");
  EXPECT_EQ(wire.only().text[0], "abcdef$");
  wire.send(0, 1006, "zzz");
  EXPECT_EQ(wire.count().after_close, 1U);
}

TEST(Reassembler, WhatTheSnapLengthCutIsAGap) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1000, "abcdef", kTcpAck, 0, 4);
  wire.send(0, 1006, "ghi", kTcpAck, 0, 3);
  wire.send(0, 1009, "jkl");
  EXPECT_EQ(wire.only().text[0], "ab<4><3>jkl");
}

TEST(Reassembler, MidStreamStartsAtTheFirstSegment) {
  Wire wire;
  wire.send(1, 9000, "tail");
  wire.send(0, 1000, "head");
  wire.send(1, 9004, "next");
  EXPECT_EQ(wire.only().text[0], "tailnext");  // side 0 is who was seen first
  EXPECT_EQ(wire.only().text[1], "head");
  EXPECT_FALSE(wire.only().connection.client.has_value());
}

TEST(Reassembler, SynAfterItsDataIsTheSameConnection) {
  Wire wire;
  wire.send(0, 1000, "abc");
  wire.send(0, 999, "", kTcpSyn);
  wire.send(1, 8999, "", kTcpSyn | kTcpAck, 1000);
  wire.send(0, 1003, "def");
  EXPECT_EQ(wire.only().text[0], "abcdef");
  EXPECT_EQ(wire.count().connections, 1U);
}

TEST(Reassembler, FastOpen) {
  Wire wire;
  wire.send(0, 999, "GET", kTcpSyn);
  wire.send(1, 8999, "200", kTcpSyn | kTcpAck, 1003);
  wire.send(0, 1000, "GET");  // the server had not taken it
  wire.send(0, 1003, "!");
  EXPECT_EQ(wire.only().text[0], "GET!");
  EXPECT_EQ(wire.only().text[1], "200");
}

TEST(Reassembler, FastOpenThatEndsAtOnce) {
  Wire wire;
  wire.send(0, 999, "GET", kTcpSyn | kTcpFin);
  wire.send(1, 8999, "200", kTcpSyn | kTcpAck | kTcpFin, 1004);
  EXPECT_EQ(wire.only().text[0], "GET$");
  EXPECT_EQ(wire.only().text[1], "200$");
  EXPECT_EQ(wire.only().reason, CloseReason::Fin);
}

TEST(Reassembler, ResetGivesOutWhatIsHeldAndEnds) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1003, "def");
  wire.send(1, 9000, "", kTcpRst);
  EXPECT_EQ(wire.only().text[0], "<3>def");
  EXPECT_EQ(wire.only().reason, CloseReason::Reset);
  wire.send(0, 1000, "abc");
  EXPECT_EQ(wire.count().after_close, 1U);
}

TEST(Reassembler, PortsUsedAgainAreANewConnection) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1000, "one");
  wire.open(700000, 800000);
  wire.send(0, 700000, "two");
  ASSERT_EQ(wire.recorder.heard.size(), 2U);
  EXPECT_EQ(wire.recorder.heard[0]->text[0], "one");
  EXPECT_EQ(wire.recorder.heard[0]->reason, CloseReason::Reused);
  EXPECT_EQ(wire.recorder.heard[1]->text[0], "two");
  EXPECT_EQ(wire.recorder.heard[1]->connection.stream, 1U);
}

TEST(Reassembler, RepeatedSynIsNone) {
  Wire wire;
  wire.send(0, 999, "", kTcpSyn);
  wire.send(0, 999, "", kTcpSyn);
  wire.send(0, 1000, "x");
  EXPECT_EQ(wire.count().connections, 1U);
}

TEST(Reassembler, OtherConnectionsSegmentsAreOutOfWindow) {
  Wire wire;
  wire.open(1000, 9000);
  wire.send(0, 1000, "abc");
  wire.send(0, 0x70000000, "zzz");
  wire.send(0, 1003, "def");
  EXPECT_EQ(wire.only().text[0], "abcdef");
  EXPECT_EQ(wire.count().out_of_window, 1U);
}

TEST(Reassembler, IdleFlowsExpire) {
  Wire wire({.idle_timeout_ns = 100 * kMs});
  wire.open(1000, 9000);
  wire.send(0, 1003, "def");
  wire.reassembler.expire(wire.now + 99 * kMs);
  EXPECT_FALSE(wire.only().closed);
  wire.reassembler.expire(wire.now + 101 * kMs);
  EXPECT_EQ(wire.only().text[0], "<3>def");
  EXPECT_EQ(wire.only().reason, CloseReason::Idle);
  EXPECT_EQ(wire.reassembler.flows(), 0U);
}

TEST(Reassembler, AClockThatIsSetBackKeepsNoFlow) {
  Wire wire({.idle_timeout_ns = 100 * kMs});
  const auto from_port = [&](std::uint16_t port, std::uint64_t now) {
    wire.now = now;
    wire.ends[0].port = port;
    wire.send(0, 1000, "abc");
  };
  from_port(1, 90'000 * kMs);
  from_port(2, 90'001 * kMs);
  from_port(3, 500 * kMs);
  wire.reassembler.expire(510 * kMs);
  EXPECT_EQ(wire.reassembler.flows(), 3U) << "which of them are idle is not known yet";
  from_port(1, 590 * kMs);
  wire.reassembler.expire(605 * kMs);
  EXPECT_EQ(wire.reassembler.flows(), 2U) << "the third is";
  wire.reassembler.expire(611 * kMs);
  EXPECT_EQ(wire.reassembler.flows(), 1U) << "so is the second, counted from when it was met";
  wire.reassembler.expire(800 * kMs);
  EXPECT_EQ(wire.reassembler.flows(), 0U);
}

TEST(ExpiryClock, GoesOnWhenTimeIsSetBack) {
  ExpiryClock clock;
  EXPECT_TRUE(clock.due(90'000 * kMs));
  EXPECT_FALSE(clock.due(89'999 * kMs)) << "frames are not in order to the last";
  EXPECT_TRUE(clock.due(5'000 * kMs));
  EXPECT_FALSE(clock.due(5'999 * kMs));
  EXPECT_TRUE(clock.due(6'001 * kMs));
}

TEST(Reassembler, AboveTheCapTheIdlestFlowIsShed) {
  Wire wire({.max_flows = 3});
  for (std::uint16_t port = 1; port <= 5; ++port) {
    wire.ends[0].port = port;
    wire.send(0, 1000, "abc");
  }
  EXPECT_EQ(wire.reassembler.flows(), 3U);
  EXPECT_EQ(wire.count().flows_shed, 2U);
  ASSERT_EQ(wire.recorder.heard.size(), 5U);
  EXPECT_EQ(wire.recorder.heard[0]->reason, CloseReason::Shed);
  EXPECT_EQ(wire.recorder.heard[1]->reason, CloseReason::Shed);
  EXPECT_FALSE(wire.recorder.heard[2]->closed);
}

TEST(Reassembler, AFlowThatSpokeSinceIsNotTheIdlest) {
  Wire wire({.max_flows = 2});
  const auto send = [&](std::uint16_t port, std::uint32_t seq) {
    wire.ends[0].port = port;
    wire.send(0, seq, "abc");
  };
  send(1, 1000);
  send(2, 1000);
  wire.now += 5000 * kMs;
  send(1, 1003);
  send(3, 1000);
  ASSERT_EQ(wire.recorder.heard.size(), 3U);
  EXPECT_FALSE(wire.recorder.heard[0]->closed);
  EXPECT_EQ(wire.recorder.heard[1]->reason, CloseReason::Shed);
  EXPECT_FALSE(wire.recorder.heard[2]->closed);
}

TEST(Reassembler, BudgetOfADirectionEndsTheWait) {
  Wire wire({.max_buffered_per_flow = 1000});
  wire.open(1000, 9000);
  const std::string text(300, 'x');
  for (std::uint32_t i = 0; i < 4; ++i) wire.send(0, 1001 + 300 * i, text);
  EXPECT_EQ(wire.only().text[0], "<1>" + std::string(900, 'x') + std::string(300, 'x'));
  EXPECT_EQ(wire.count().buffer_full, 1U);
}

TEST(Reassembler, BudgetOfAllFlowsEndsTheLongestWait) {
  Wire wire({.max_buffered = 2000, .max_buffered_per_flow = 1 << 20});
  const std::string text(500, 'x');
  for (std::uint16_t port = 1; port <= 4; ++port) {
    wire.ends[0].port = port;
    wire.send(0, 1000, "a");
    wire.send(0, 1002, text);
  }
  EXPECT_LE(wire.reassembler.held_bytes(), 2000U);
  EXPECT_EQ(wire.recorder.heard[0]->text[0], "a<1>" + text);
  EXPECT_EQ(wire.recorder.heard[3]->text[0], "a");
}

TEST(Reassembler, UnwantedConnectionsCostNothingMore) {
  Wire wire;
  wire.recorder.wanted_bytes = 3;
  wire.open(1000, 9000);
  wire.send(1, 9005, "held");
  wire.send(0, 1000, "abc");
  wire.send(0, 1003, "def");
  EXPECT_EQ(wire.reassembler.held_bytes(), 0U);
  EXPECT_EQ(wire.count().opaque, 2U);
  EXPECT_EQ(wire.only().text[0], "abc");
}

TEST(Reassembler, UnwantedFromAnAcknowledgementOn) {
  Wire wire;
  wire.recorder.wanted_bytes = 3;
  wire.open(1000, 9000);
  wire.send(0, 1003, "def");
  wire.send(0, 1010, "klm");
  wire.send(1, 9000, "x", kTcpAck, 1006);  // "<3>def" is all that is wanted
  wire.send(0, 1013, "nop");
  EXPECT_EQ(wire.reassembler.held_bytes(), 0U);
  wire.send(0, 1016, "", kTcpRst);
  EXPECT_EQ(wire.only().text[0], "<3>def");
  EXPECT_EQ(wire.only().reason, CloseReason::Reset);
}

// What the fuzz target found: bytes that the other direction held came behind others that were
// passed over.
TEST(Reassembler, UnwantedFromAnEndOn) {
  Wire wire;
  wire.recorder.wanted_bytes = 3;
  wire.open(1000, 9000);
  wire.send(1, 9005, "held");
  wire.send(0, 1005, "", kTcpFin);
  wire.send(1, 9000, "", kTcpAck, 1006);  // "<5>$" is all that is wanted
  EXPECT_EQ(wire.reassembler.held_bytes(), 0U);
  wire.send(1, 9002, "xy");
  wire.send(0, 1006, "", kTcpAck, 9009);
  EXPECT_EQ(wire.only().text[0], "<5>$");
  EXPECT_EQ(wire.only().text[1], "");
}

TEST(Reassembler, UnwantedFromAFinOn) {
  Wire wire;
  wire.recorder.wanted_bytes = 1;
  wire.open(1000, 9000);
  wire.send(1, 9005, "held");
  wire.send(0, 1000, "", kTcpFin);
  EXPECT_EQ(wire.only().text[0], "$");
  EXPECT_EQ(wire.reassembler.held_bytes(), 0U);
}

TEST(Reassembler, RandomSegmentsKeepTheLedgerAndTheBudget) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const ReassemblerOptions options{.max_flows = 4,
                                     .max_buffered = 20'000,
                                     .max_buffered_per_flow = 8'000,
                                     .idle_timeout_ns = 50 * kMs};
    Wire wire(options);
    const std::string text(400, 'x');
    for (int i = 0; i < 1500; ++i) {
      wire.ends[0].port = static_cast<std::uint16_t>(1 + random() % 6);
      const auto length = random() % 400;
      const auto cut = random() % 5 == 0 ? random() % (length + 1) : 0;
      const auto seq = static_cast<std::uint32_t>(random() % 50 == 0 ? random() : random() % 5000);
      const auto flags = random() % 20 == 0 ? random() : std::uint64_t{kTcpAck};
      wire.send(random() % 2, seq, std::string_view(text).substr(0, length),
                static_cast<std::uint8_t>(flags), static_cast<std::uint32_t>(random() % 6000),
                static_cast<std::uint32_t>(cut));
      ASSERT_LE(wire.reassembler.held_bytes(), options.max_buffered);
      ASSERT_LE(wire.reassembler.flows(), options.max_flows);
      if (random() % 30 == 0) wire.reassembler.expire(wire.now + random() % (60 * kMs));
    }
    wire.reassembler.finish();
    EXPECT_EQ(wire.reassembler.held_segments(), 0U);
    wire.check();
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace gray
