// Reassembly of random segments against a model that knows nothing of sequence numbers, lists or
// windows: it looks at one byte at a time, by its offset in the stream. Each kind of disturbance
// has its test, and one has all of them. A failure prints its seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "replay/stream/talk_for_test.h"

namespace gray {
namespace {

constexpr std::uint64_t kSeeds = 300;

template <class Each>
void for_seeds(Each&& each) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Talk talk(seed);
    each(talk);
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(ReassemblyProperty, RandomSegmentation) {
  for_seeds([](Talk& talk) {
    const std::string asked = talk.stream(), answered = talk.stream();
    talk.open();
    talk.mix(talk.cut(asked), talk.cut(answered));
    talk.finish();
    EXPECT_EQ(talk.wire.only().text[0], asked);
    EXPECT_EQ(talk.wire.only().text[1], answered);
  });
}

TEST(ReassemblyProperty, Reordering) {
  for_seeds([](Talk& talk) {
    const std::string asked = talk.stream(), answered = talk.stream();
    Pieces client = talk.cut(asked), server = talk.cut(answered);
    talk.reorder(client, 8);
    talk.reorder(server, server.size());
    talk.open();
    talk.mix(client, server);
    talk.finish();
    EXPECT_EQ(talk.wire.only().text[0], asked);
    EXPECT_EQ(talk.wire.only().text[1], answered);
  });
}

TEST(ReassemblyProperty, Duplication) {
  for_seeds([](Talk& talk) {
    const std::string asked = talk.stream();
    Pieces pieces = talk.cut(asked);
    const std::size_t count = pieces.size();
    for (std::size_t i = 0; i < count; ++i)
      if (talk.below(3) == 0) pieces.push_back(pieces[talk.below(count)]);
    talk.reorder(pieces, pieces.size());
    talk.open();
    talk.send_all(0, pieces);
    talk.finish();
    EXPECT_EQ(talk.wire.only().text[0], asked);
    EXPECT_EQ(talk.wire.count().retransmission + talk.wire.count().keep_alive,
              pieces.size() - count);
    EXPECT_EQ(talk.wire.count().conflicts, 0U);
  });
}

TEST(ReassemblyProperty, OverlapWithTheSameBytes) {
  for_seeds([](Talk& talk) {
    const std::string asked = talk.stream();
    Pieces pieces = talk.cut(asked);
    talk.repeat(pieces, asked);
    talk.reorder(pieces, 8);
    talk.open();
    talk.send_all(0, pieces);
    talk.finish();
    EXPECT_EQ(talk.wire.only().text[0], asked);
    EXPECT_EQ(talk.wire.count().conflicts, 0U);
  });
}

TEST(ReassemblyProperty, OverlapWithDifferentBytes) {
  std::uint64_t conflicts = 0;
  for_seeds([&](Talk& talk) {
    const std::string asked = talk.stream();
    std::string other = asked;
    for (char& c : other) c = static_cast<char>(c - 'a' + 'A');
    Pieces pieces = talk.cut(asked);
    talk.repeat(pieces, other);
    talk.reorder(pieces, 8);
    talk.open();
    talk.send_all(0, pieces);
    talk.finish();
    conflicts += talk.wire.count().conflicts;
  });
  EXPECT_GT(conflicts, kSeeds);
}

TEST(ReassemblyProperty, Loss) {
  std::uint64_t late = 0;
  for_seeds([&](Talk& talk) {
    const std::string asked = talk.stream();
    Pieces pieces = talk.cut(asked), lost;
    for (std::size_t i = pieces.size(); i-- > 1;)
      if (talk.below(5) == 0) {
        lost.push_back(pieces[i]);
        pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i));
      }
    talk.reorder(pieces, 4);
    talk.open();
    std::size_t sent = 0;
    for (const Piece& piece : pieces) {
      talk.send(0, piece);
      sent = std::max(sent, piece.offset + piece.bytes.size());
      if (talk.below(4) == 0) talk.ack(1, talk.below(sent + 1));
      if (talk.below(8) == 0 && !lost.empty()) talk.send(0, lost[talk.below(lost.size())]);
    }
    talk.finish();
    late += talk.wire.count().late;
  });
  EXPECT_GT(late, 0U) << "what came after it had been given up must have been met";
}

TEST(ReassemblyProperty, Wrap) {
  for_seeds([](Talk& talk) {
    const std::string asked = talk.stream(), answered = talk.stream();
    talk.start_at(0U - static_cast<std::uint32_t>(talk.below(asked.size() + 1)),
                  0U - static_cast<std::uint32_t>(talk.below(answered.size() + 1)));
    Pieces client = talk.cut(asked), server = talk.cut(answered);
    talk.repeat(client, asked);
    talk.reorder(client, 8);
    talk.reorder(server, server.size());
    talk.open();
    talk.mix(client, server);
    talk.finish();
    EXPECT_EQ(talk.wire.only().text[0], asked);
    EXPECT_EQ(talk.wire.only().text[1], answered);
  });
}

TEST(ReassemblyProperty, SimultaneousClose) {
  for_seeds([](Talk& talk) {
    const std::string streams[2] = {talk.stream(), talk.stream()};
    Pieces pieces[2] = {talk.cut(streams[0]), talk.cut(streams[1])};
    talk.open();
    // Both FINs pass before the last data of either side has.
    Pieces last[2];
    for (unsigned side = 0; side < 2; ++side) {
      last[side] = {pieces[side].back()};
      pieces[side].pop_back();
    }
    talk.mix(pieces[0], pieces[1]);
    talk.fin(0, streams[0].size());
    talk.fin(1, streams[1].size());
    EXPECT_FALSE(!talk.wire.recorder.heard.empty() && talk.wire.only().closed);
    const unsigned first = talk.below(2) == 0 ? 0 : 1;
    talk.send_all(first, last[first]);
    talk.send_all(1 - first, last[1 - first]);
    talk.compare();
    EXPECT_TRUE(talk.wire.only().closed);
    EXPECT_EQ(talk.wire.only().reason, CloseReason::Fin);
    EXPECT_EQ(talk.wire.only().text[0], streams[0] + "$");
  });
}

TEST(ReassemblyProperty, MidStreamJoin) {
  for_seeds([](Talk& talk) {
    const std::string asked = talk.stream();
    Pieces pieces = talk.cut(asked);
    pieces.erase(pieces.begin(),
                 pieces.begin() + static_cast<std::ptrdiff_t>(talk.below(pieces.size())));
    // Offset 0 is the first segment that is seen; what is before it is not of the stream.
    const std::size_t first = pieces.front().offset;
    talk.wire.send(0, talk.seq(0, first), pieces.front().bytes);
    talk.models[0].segment(0, pieces.front().bytes);
    pieces.erase(pieces.begin());
    talk.reorder(pieces, 6);
    for (const Piece& piece : pieces) {
      talk.wire.send(0, talk.seq(0, piece.offset), piece.bytes);
      talk.models[0].segment(piece.offset - first, piece.bytes);
      const std::size_t before = talk.below(first + 1);
      talk.wire.send(0, talk.seq(0, before), asked.substr(before, first - before));
    }
    talk.finish();
    EXPECT_EQ(talk.wire.only().text[0], asked.substr(first));
    EXPECT_FALSE(talk.wire.only().connection.client.has_value());
  });
}

TEST(ReassemblyProperty, KeepAliveProbes) {
  for_seeds([](Talk& talk) {
    const std::string asked = talk.stream();
    std::uint64_t probes = 0;
    talk.open();
    for (const Piece& piece : talk.cut(asked)) {
      talk.send(0, piece);
      const std::uint32_t last = talk.seq(0, piece.offset + piece.bytes.size()) - 1;
      if (talk.below(3) == 0) talk.wire.send(0, last, "");  // RFC 9293 section 3.8.4
      if (talk.below(3) == 0) {                             // RFC 1122 section 4.2.3.6
        talk.wire.send(0, last, std::string_view("\0", 1));
        ++probes;
      }
    }
    talk.finish();
    EXPECT_EQ(talk.wire.only().text[0], asked);
    EXPECT_EQ(talk.wire.count().keep_alive, probes);
  });
}

TEST(ReassemblyProperty, WindowProbes) {
  for_seeds([](Talk& talk) {
    const std::string asked = talk.stream();
    talk.open();
    for (const Piece& piece : talk.cut(asked)) {
      // One byte of the data that the window had no room for, again and again; it may be taken.
      for (std::size_t probes = talk.below(4); probes > 0; --probes)
        talk.send(0, {piece.offset, piece.bytes.substr(0, 1)});
      const std::size_t taken = talk.below(2);
      talk.send(0, {piece.offset + taken, piece.bytes.substr(taken)});
      if (taken == 1) talk.send(0, piece);
    }
    talk.finish();
    EXPECT_EQ(talk.wire.only().text[0], asked);
    EXPECT_EQ(talk.wire.count().gaps, 0U);
  });
}

TEST(ReassemblyProperty, ResetInWindow) {
  for_seeds([](Talk& talk) {
    const std::string asked = talk.stream();
    Pieces pieces = talk.cut(asked);
    talk.reorder(pieces, 5);
    const std::size_t before = talk.below(pieces.size()) + 1;
    talk.open();
    for (std::size_t i = 0; i < before; ++i) {
      talk.send(0, pieces[i]);
      // Far from what the client sent: a blind attacker's.
      const auto away = static_cast<std::uint32_t>((2u << 20) + talk.below(1u << 30));
      talk.wire.send(0, talk.seq(0, 0) + away, "", kTcpRst);
    }
    EXPECT_EQ(talk.wire.count().stray_resets, before);
    EXPECT_FALSE(talk.wire.only().closed);
    const unsigned who = talk.below(2) == 0 ? 0 : 1;
    talk.wire.send(who, talk.seq(who, talk.below(1000)), "", kTcpRst);
    talk.models[0].finish();
    talk.compare();
    EXPECT_TRUE(talk.wire.only().closed);
    EXPECT_EQ(talk.wire.only().reason, CloseReason::Reset);
    for (std::size_t i = before; i < pieces.size(); ++i)
      talk.wire.send(0, talk.seq(0, pieces[i].offset), pieces[i].bytes);
    talk.compare();
    EXPECT_EQ(talk.wire.count().after_close, pieces.size() - before);
  });
}

TEST(ReassemblyProperty, PortReuseWithANewInitialSequenceNumber) {
  for_seeds([](Talk& talk) {
    std::vector<std::string> streams;
    std::vector<CloseReason> reasons;
    for (int round = 0; round < 5; ++round) {
      talk.start_at(static_cast<std::uint32_t>(talk.random()),
                    static_cast<std::uint32_t>(talk.random()));
      talk.open();
      streams.push_back(talk.stream());
      Pieces pieces = talk.cut(streams.back());
      talk.reorder(pieces, 5);
      for (const Piece& piece : pieces) talk.wire.send(0, talk.seq(0, piece.offset), piece.bytes);
      const auto end = static_cast<std::uint32_t>(streams.back().size());
      switch (talk.below(3)) {
        case 0:
          talk.wire.send(0, talk.seq(0, end), "", kTcpFin);
          talk.wire.send(1, talk.seq(1, 0), "", kTcpFin);
          reasons.push_back(CloseReason::Fin);
          break;
        case 1:
          talk.wire.send(0, talk.seq(0, end), "", kTcpRst);
          reasons.push_back(CloseReason::Reset);
          break;
        default:
          reasons.push_back(round == 4 ? CloseReason::Finished : CloseReason::Reused);
      }
    }
    talk.wire.reassembler.finish();
    ASSERT_EQ(talk.wire.recorder.heard.size(), streams.size());
    for (std::size_t i = 0; i < streams.size(); ++i) {
      const Heard& heard = *talk.wire.recorder.heard[i];
      EXPECT_EQ(heard.text[0], streams[i] + (reasons[i] == CloseReason::Fin ? "$" : ""));
      EXPECT_EQ(heard.reason, reasons[i]) << "connection " << i;
    }
  });
}

TEST(ReassemblyProperty, AllTogether) {
  for_seeds([](Talk& talk) {
    const std::string streams[2] = {talk.stream(), talk.stream()};
    talk.start_at(0U - static_cast<std::uint32_t>(talk.below(2000)),
                  static_cast<std::uint32_t>(talk.random()));
    Pieces pieces[2];
    for (unsigned side = 0; side < 2; ++side) {
      std::string other = streams[side];
      std::ranges::transform(other, other.begin(),
                             [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      pieces[side] = talk.cut(streams[side]);
      talk.repeat(pieces[side], streams[side]);
      talk.repeat(pieces[side], other);
      talk.reorder(pieces[side], 8);
      std::erase_if(pieces[side], [&](const Piece&) { return talk.below(10) == 0; });
      if (pieces[side].empty()) pieces[side] = talk.cut(streams[side]);
    }
    talk.open();
    std::size_t sent[2] = {0, 0};
    std::size_t at[2] = {0, 0};
    while (at[0] < pieces[0].size() || at[1] < pieces[1].size()) {
      const unsigned side =
          at[0] == pieces[0].size() || (at[1] < pieces[1].size() && talk.below(2) == 0) ? 1 : 0;
      const Piece& piece = pieces[side][at[side]++];
      talk.send(side, piece);
      sent[side] = std::max(sent[side], piece.offset + piece.bytes.size());
      if (talk.below(5) == 0) talk.ack(1 - side, talk.below(sent[side] + 1));
    }
    talk.finish();
  });
}

}  // namespace
}  // namespace gray
