// Hostile input, bounded: mutated and random frames. Nothing may crash, hang, or get lost from the
// ledger; run it under the sanitizers. The seed of a failure is printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "replay/protocol/capture_builder.h"

namespace gray {
namespace {

const ExtractorOptions kTight{.max_body = 500,
                              .max_flows = 8,
                              .max_buffered = 20'000,
                              .idle_timeout_ns = 20'000'000,
                              .hash_bodies = true};

const char* const kPieces[] = {
    "GET / HTTP/1.1\r\n",
    "POST /x HTTP/1.1\r\n",
    "HEAD /x HTTP/1.0\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n",
    "QUERY / HTTP/1.1\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 101 Switching\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.0 304 \r\n",
    "Host: a\r\n",
    "Connection: Upgrade\r\nUpgrade: x\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 18446744073709551615\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    " folded\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "hello",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "3;a=\"b\"\r\nabc\r\n0\r\nT: v\r\n\r\n",
    "\x16\x03\x01",
};

std::string random_text(std::mt19937_64& random) {
  std::string text;
  for (auto pieces = random() % 8; pieces > 0; --pieces)
    text += kPieces[random() % std::size(kPieces)];
  for (auto flips = random() % 10 == 0 ? random() % 4 : 0; flips > 0 && !text.empty(); --flips)
    text[random() % text.size()] = static_cast<char>(random());
  return text;
}

Conversation random_conversation(std::mt19937_64& random) {
  Conversation talk(static_cast<std::uint16_t>(1 + random() % 3));
  if (random() % 4 != 0) talk.open();
  for (auto turns = random() % 30; turns > 0; --turns) {
    const unsigned from = random() % 2;
    switch (random() % 12) {
      case 0:
        from == 0 ? talk.lose_client(random_text(random)) : talk.lose_server("12345");
        break;
      case 1:
        talk.ack(from);
        break;
      case 2:
        random() % 8 == 0 ? talk.reset(from) : talk.ack(from);
        break;
      case 3:
        random() % 4 == 0 ? talk.fin(from) : talk.ack(from);
        break;
      default:
        from == 0 ? talk.client(random_text(random)) : talk.server(random_text(random));
    }
  }
  return talk;
}

// An exchange is consistent whatever it was made from.
void check(const Exchange& exchange) {
  ASSERT_TRUE(!exchange.request.method.empty() || exchange.response);
  ASSERT_LE(exchange.request.body.size(), kTight.max_body);
  if (exchange.response) {
    ASSERT_LE(exchange.response->body.size(), kTight.max_body);
    ASSERT_LE(exchange.response->body.size(), exchange.response->body_bytes);
    ASSERT_LE(exchange.response->first_byte_ns, exchange.response->last_byte_ns);
  }
}

void run(std::uint64_t seed, bool mutate) {
  std::mt19937_64 random(seed);
  Extraction extraction(kTight);
  std::vector<BuiltFrame> frames;
  for (int i = 0; i < 4; ++i) {
    const Conversation talk = random_conversation(random);
    frames.insert(frames.end(), talk.frames().begin(), talk.frames().end());
  }
  for (std::size_t i = 0; i < frames.size(); ++i)
    if (random() % 6 == 0) std::swap(frames[i], frames[random() % frames.size()]);
  for (BuiltFrame& frame : frames) {
    if (mutate && random() % 5 == 0)
      for (auto flips = 1 + random() % 4; flips > 0; --flips)
        frame.bytes[random() % frame.bytes.size()] = static_cast<std::uint8_t>(random());
    if (mutate && random() % 20 == 0) frame.bytes.resize(random() % (frame.bytes.size() + 1));
    frame.bytes.shrink_to_fit();
    extraction.feed(frame);
  }
  extraction.finish();
  for (const Exchange& exchange : extraction.exchanges.list) check(exchange);
}

TEST(ExtractorFuzz, OrderedNonsense) {
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run(seed, false);
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(ExtractorFuzz, MutatedFrames) {
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run(seed, true);
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(ExtractorFuzz, RandomFrames) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Extraction extraction(kTight);
    for (int i = 0; i < 50; ++i) {
      BuiltFrame frame{std::vector<std::uint8_t>(random() % 200), random()};
      for (std::uint8_t& byte : frame.bytes) byte = static_cast<std::uint8_t>(random());
      extraction.feed(frame);
    }
    extraction.finish();
    if (::testing::Test::HasFailure()) break;
  }
}

// However a conversation is cut into segments, the exchanges are the same.
TEST(ExtractorFuzz, CuttingDoesNotMatter) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Conversation whole, pieces;
    whole.open();
    pieces.open();
    for (auto turns = 1 + random() % 6; turns > 0; --turns) {
      const std::string body(random() % 300, 'x');
      const std::string length =
          "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      const std::string asked = "POST /p HTTP/1.1\r\nHost: h\r\n" + length;
      const std::string answered = "HTTP/1.1 200 OK\r\n" + length;
      whole.client(asked).server(answered);
      for (std::size_t at = 0, n = 0; at < asked.size(); at += n)
        pieces.client(std::string_view(asked).substr(at, n = 1 + random() % 90));
      for (std::size_t at = 0, n = 0; at < answered.size(); at += n)
        pieces.server(std::string_view(answered).substr(at, n = 1 + random() % 90));
    }
    Extraction a({.hash_bodies = true}), b({.hash_bodies = true});
    EXPECT_EQ(a.feed(whole).finish(), b.feed(pieces).finish());
    ASSERT_EQ(a.exchanges.list.size(), b.exchanges.list.size());
    for (std::size_t i = 0; i < a.exchanges.list.size(); ++i)
      EXPECT_EQ(a.exchanges.list[i].response->body_sha256,
                b.exchanges.list[i].response->body_sha256);
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace gray
