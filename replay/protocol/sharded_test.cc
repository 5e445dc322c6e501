// Extraction over several threads gives what one thread gives.
#include <gtest/gtest.h>

#include <algorithm>
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

TEST(Sharded, AnyNumberOfThreadsGivesTheSame) {
  const std::vector<Line> one = lines(1);
  EXPECT_EQ(one.size(), 1000U);
  EXPECT_EQ(lines(2), one);
  EXPECT_EQ(lines(4), one);
}

}  // namespace
}  // namespace gray
