// Extraction over several threads gives what one thread gives.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "replay/protocol/capture_builder.h"

namespace gray {
namespace {

using Line = std::tuple<std::uint64_t, std::uint32_t, std::string, std::string, int>;

/// Of 200 connections that talk in turns: stream, position, id, target and status of each exchange.
std::vector<Line> lines(unsigned threads) {
  Extraction extraction({.threads = threads});
  std::vector<Conversation> talks;
  for (std::uint16_t i = 0; i < 200; ++i) {
    talks.emplace_back(static_cast<std::uint16_t>(10'000 + i)).open();
    for (int round = 0; round < 5; ++round) {
      const std::string target = "/" + std::to_string(i) + "/" + std::to_string(round);
      talks.back().client("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
      talks.back().server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    }
  }
  for (std::size_t at = 0; at < talks[0].frames().size(); ++at)
    for (const Conversation& talk : talks) extraction.feed(talk.frames()[at]);
  extraction.finish();
  std::vector<Line> lines;
  for (const Exchange& e : extraction.exchanges.list)
    lines.emplace_back(e.stream, e.position, e.id.hex(), e.request.target,
                       e.response ? e.response->status : 0);
  std::ranges::sort(lines);
  return lines;
}

/// Frames of connections that use two hundred pairs of ports again and again, of which some are
/// lost, some doubled, and some in the wrong order; minutes pass between the rounds.
std::vector<BuiltFrame> disturbed(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<BuiltFrame> frames;
  for (std::uint64_t round = 0; round < 4; ++round) {
    const std::size_t begin = frames.size();
    for (std::uint16_t i = 0; i < 200; ++i) {
      Conversation talk(static_cast<std::uint16_t>(10'000 + i));
      if (random() % 4 != 0) talk.open();
      for (int message = 0; message < 4; ++message) {
        talk.client("POST /" + std::to_string(message) + " HTTP/1.1\r\nContent-Length: 9\r\n\r\n");
        talk.client("from here");
        talk.server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        talk.ack(0).ack(1);
      }
      if (random() % 2 == 0) talk.fin(0).fin(1);
      for (BuiltFrame frame : talk.frames()) {
        frame.time_ns += round * 200'000'000'000;
        if (random() % 20 != 0) frames.push_back(frame);
        if (random() % 20 == 0) frames.push_back(frame);
      }
    }
    const auto earlier = [](const BuiltFrame& a, const BuiltFrame& b) {
      return a.time_ns < b.time_ns;
    };
    std::stable_sort(frames.begin() + static_cast<std::ptrdiff_t>(begin), frames.end(), earlier);
    for (std::size_t at = begin; at + 300 < frames.size(); at += random() % 50)
      std::swap(frames[at], frames[at + random() % 300]);
  }
  return frames;
}

/// What comes out of them, in order: exchanges, and which connections have ended.
std::vector<std::string> out_of(const std::vector<BuiltFrame>& frames, unsigned threads) {
  Extraction extraction({.idle_timeout_ns = 100'000'000'000, .threads = threads});
  for (const BuiltFrame& frame : frames) extraction.feed(frame);
  std::vector<std::string> lines{extraction.finish()};
  for (const Exchange& e : extraction.exchanges.list)
    lines.push_back(e.id.hex() + ' ' + std::to_string(e.stream));
  for (const std::uint64_t stream : extraction.exchanges.ended)
    lines.push_back("end of " + std::to_string(stream));
  return lines;
}

TEST(Sharded, LostSwappedAndDoubledFramesDoNotMatter) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const std::vector<BuiltFrame> frames = disturbed(seed);
    const std::vector<std::string> one = out_of(frames, 1);
    EXPECT_GT(one.size(), 2000U);
    EXPECT_NE(one[0].find('!'), std::string::npos) << "some are not complete";
    for (const unsigned threads : {2U, 3U, 7U}) EXPECT_EQ(out_of(frames, threads), one) << threads;
  }
}

TEST(Sharded, AsManyFlowsAsMayBeAreKeptWithAnyNumberOfThreads) {
  constexpr std::uint16_t kFlows = 20'000;
  for (const unsigned threads : {1U, 2U, 8U, 64U}) {
    Extraction extraction({.max_flows = kFlows, .threads = threads});
    for (std::uint16_t i = 0; i < kFlows; ++i)
      extraction.feed(Conversation(static_cast<std::uint16_t>(10'000 + i)).open());
    extraction.extractor.finish();
    EXPECT_EQ(extraction.extractor.summary().flows_shed, 0U) << threads;
  }
}

TEST(Sharded, AnyNumberOfThreadsGivesTheSame) {
  const std::vector<Line> one = lines(1);
  EXPECT_EQ(one.size(), 1000U);
  EXPECT_EQ(lines(2), one);
  EXPECT_EQ(lines(4), one);
}

}  // namespace
}  // namespace gray
