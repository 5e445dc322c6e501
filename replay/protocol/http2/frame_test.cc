// Frames: cut anywhere they are the same; recognised and found again by content, and nothing else
// is taken for them.
#include "replay/protocol/http2/frame.h"

#include <gtest/gtest.h>

#include <random>

#include "replay/protocol/http2/frame_reader.h"
#include "replay/protocol/http2/frames_for_test.h"

namespace gray::http2 {
namespace {

using std::string_literals::operator""s;
using Bytes = std::span<const std::uint8_t>;

Bytes bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// What a reader finds, as text; of DATA, the bytes of a frame together.
struct Found final : FrameSink {
  std::string text;
  std::string content;
  unsigned lost = 0;

  void preface() noexcept override { text += "preface "; }
  void block(const BlockHead& head, Bytes fragment, std::uint64_t) noexcept override {
    text += "block" + std::to_string(head.frame.stream) + '@' + std::to_string(head.offset) +
            (head.lost ? "!" : "=") + std::string(fragment.begin(), fragment.end()) + ' ';
  }
  void data(std::uint32_t, Bytes piece, std::uint64_t) noexcept override {
    content.append(piece.begin(), piece.end());
  }
  void data_end(const FrameHeader& frame, std::uint64_t) noexcept override {
    text += "data" + std::to_string(frame.stream) + '=' + std::exchange(content, {}) + ' ';
  }
  void data_missing(std::uint32_t, std::uint64_t count) noexcept override {
    content += '-' + std::to_string(count) + '-';
  }
  void control(const FrameHeader& frame, Bytes payload) noexcept override {
    text += "control" + std::to_string(static_cast<int>(frame.type)) + '/' +
            std::to_string(payload.size()) + ' ';
  }
  void frames_lost() noexcept override {
    content.clear();
    ++lost;
  }
};

const std::string kWire = kClientStart +
                          frame(FrameType::Headers, kPadded | kPriority, 1,
                                "\2\0\0\0\0\x10"
                                "abc\0\0"s) +
                          frame(FrameType::Continuation, 0, 1, "de") +
                          frame(FrameType::Continuation, kEndHeaders, 1, "f") +
                          frame(FrameType::Data, kPadded, 1, "\3hello\0\0\0"s) + data(1, "") +
                          frame(FrameType::Ping, 0, 0, "12345678") +
                          frame(FrameType{0x33}, 0xff, 7, "whatever") +
                          frame(FrameType::Goaway, 0, 0, std::string(3000, '\1')) + reset(3, 1);
const char* const kText =
    "preface control4/0 block1@33=abcdef data1=hello data1= control7/1024 control3/4 ";

TEST(FrameReader, CutAnywhereIsTheSame) {
  std::mt19937_64 random(1);
  for (std::size_t most = 1; most < 60; ++most) {
    MemoryBudget budget{1 << 20, 0};
    Found found;
    {
      FrameReader reader(found, &budget, true);
      for (std::size_t at = 0, n = 0; at < kWire.size(); at += n)
        reader.feed(bytes(std::string_view(kWire).substr(at, n = 1 + random() % most)), 1);
    }
    EXPECT_EQ(found.text, kText) << most;
    EXPECT_EQ(found.lost, 0U);
    EXPECT_EQ(budget.used, 0U);
  }
}

TEST(FrameReader, GoesOnInsideOfAFrameAfterAGap) {
  Found found;
  FrameReader reader(found, nullptr, true);
  const std::string wire = data(1, "0123456789") + frame(FrameType::Headers, 4, 3, "abcdef");
  reader.feed(bytes(wire.substr(0, 12)), 1);
  reader.gap(4);
  reader.feed(bytes(wire.substr(16, 15)), 1);
  reader.gap(1);
  reader.feed(bytes(wire.substr(32) + data(5, "x")), 1);
  EXPECT_EQ(found.text, "data1=012-4-789 block3@19! data5=x ");
  EXPECT_EQ(found.lost, 0U);
}

TEST(FrameReader, FindsTheNextFrameAfterAnyGap) {
  std::string wire;
  for (std::uint32_t stream = 1; stream < 200; stream += 2)
    wire += answer(stream, "200") + data(stream, std::string(stream * 7 % 150, '\0') + "body");
  const std::string whole = [&] {
    Found found;
    FrameReader(found, nullptr, true).feed(bytes(wire), 1);
    return found.text;
  }();
  std::mt19937_64 random(2);
  for (int i = 0; i < 300; ++i) {
    Found found;
    FrameReader reader(found, nullptr, true);
    const std::size_t from = random() % (wire.size() / 2);
    const std::size_t gap = 1 + random() % 1500;
    reader.feed(bytes(wire.substr(0, from)), 1);
    reader.gap(gap);
    for (std::size_t at = from + gap, n = 0; at < wire.size(); at += n)
      reader.feed(bytes(std::string_view(wire).substr(at, n = 1 + random() % 300)), 1);
    // The last quarter is as without a gap, down to the offsets.
    const std::string end = whole.substr(whole.size() * 3 / 4);
    EXPECT_TRUE(found.text.ends_with(end)) << from << ' ' << gap;
    EXPECT_LE(reader.skipped(), 500U) << from << ' ' << gap;
  }
}

TEST(FrameReader, AnyBytesMayBePutIn) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    std::mt19937_64 random(seed);
    MemoryBudget budget{300'000, 0};
    Found found;
    {
      FrameReader reader(found, &budget, random() % 2 == 0);
      for (int i = 0; i < 40; ++i) {
        std::string text = kWire.substr(random() % kWire.size(), random() % 200);
        for (auto flips = random() % 4; flips > 0 && !text.empty(); --flips)
          text[random() % text.size()] = static_cast<char>(random() % 4 == 0 ? random() : 0);
        if (random() % 10 == 0) reader.gap(1 + random() % 100);
        reader.feed(bytes(text), 1);
        ASSERT_LE(budget.used, budget.limit);
      }
    }
    ASSERT_EQ(budget.used, 0U);
  }
}

TEST(Recognise, FramesAndThePreface) {
  const std::string update = frame(FrameType::WindowUpdate, 0, 0, big_endian(1, 4));
  const std::pair<std::string, Match> cases[] = {
      {"PRI * HT", Match::More},
      {kClientStart, Match::Yes},
      {"PRI * HTTP/1.1", Match::No},
      {kServerStart, Match::More},
      {kServerStart + update, Match::Yes},
      {ask(7, "/a"), Match::More},
      {ask(7, "/a") + data(7, "x"), Match::Yes},
      {data(7, "x", 0) + data(7, "y", 0), Match::More},
      {data(7, "x", 0) + data(7, "y", 0) + data(9, "z", 0), Match::More},
      {data(7, "x", 0) + data(7, "y", 0) + update, Match::Yes},
      {data(0, "x", 0), Match::No},
      {frame(FrameType::Data, 0x40, 1, "x"), Match::No},
      {frame(FrameType::Ping, 0, 0, "1234567"), Match::No},
      {frame(FrameType::Continuation, 4, 1, "x"), Match::No},
      {frame(FrameType{0x20}, 0, 1, "x"), Match::No},
      {frame(FrameType::Headers, 4, 1, "\x80"), Match::No},
      {ask(7, "/a", 0).replace(4, 1, 1, '\0') + data(7, "x"), Match::No},
      {std::string(100, '\0'), Match::No},
      {"GET / HTTP/1.1\r\n", Match::No},
      {"HTTP/1.1 200 OK\r\n", Match::No},
      {"\x16\x03\x01\x02\x00"s, Match::No},
      {"\x17\x03\x03\x00\x20"s, Match::No},
  };
  for (const auto& [text, match] : cases) EXPECT_EQ(recognise(bytes(text)), match) << text;
}

// Bytes of other kinds, most of them full of zeros and small numbers, at any offset.
TEST(Recognise, TakesNothingElseForFrames) {
  std::mt19937_64 random(3);
  for (int kind = 0; kind < 4; ++kind) {
    std::string text;
    while (text.size() < 200'000) {
      const auto number = static_cast<std::uint32_t>(random());
      if (kind == 0) text += big_endian(number, 4);
      if (kind == 1) text += big_endian(number % 300, 4);
      if (kind == 2) text += big_endian(number % 10, 2) + std::string(random() % 9, '\0');
      if (kind == 3)
        text += big_endian(20 + number % 8, 4) + "\x80\1\0\1\0\0\0\4ping"s +
                big_endian(number % 100, 4) + std::string(random() % 20, '\0');
    }
    unsigned taken = 0;
    for (std::size_t at = 0; at < text.size(); ++at)
      taken += recognise(bytes(std::string_view(text).substr(at, 200))) == Match::Yes ? 1 : 0;
    EXPECT_EQ(taken, 0U) << kind;
  }
}

}  // namespace
}  // namespace gray::http2
