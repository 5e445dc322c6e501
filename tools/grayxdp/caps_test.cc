// The bounds of reading, as a person meets them: --max-flows sheds, --max-memory gives up early,
// and both say so. Needs no root.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tools/grayxdp/requests_for_test.h"

namespace gray {
namespace {

/// Three connections, each with an exchange; their segments alternate.
std::vector<BuiltFrame> three_at_once() {
  std::vector<Conversation> talks;
  for (std::uint16_t i = 0; i < 3; ++i) {
    talks.emplace_back(static_cast<std::uint16_t>(50'000 + i)).open();
    talks.back().client("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    talks.back().server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  }
  std::vector<BuiltFrame> frames;
  for (std::size_t at = 0; at < talks[0].frames().size(); ++at)
    for (const Conversation& talk : talks) frames.push_back(talk.frames()[at]);
  return frames;
}

/// An answer whose first segment was lost, with `bytes` behind it.
std::vector<BuiltFrame> one_that_waits(std::size_t bytes) {
  Conversation talk;
  talk.open().client("GET / HTTP/1.1\r\nHost: h\r\n\r\n").lose_server("HTTP/1.1 200 OK\r\n");
  const std::string piece(1000, 'x');
  for (std::size_t sent = 0; sent < bytes; sent += piece.size()) talk.server(piece);
  return talk.frames();
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Caps, WhatIsShedAboveMaxFlowsIsSaid) {
  const RunResult roomy = requests(three_at_once(), {"--json"});
  EXPECT_EQ(lines(roomy.out), 3U);
  EXPECT_EQ(roomy.err.find("--max-flows"), std::string::npos) << roomy.err;
  const RunResult tight = requests(three_at_once(), {"--json", "--max-flows", "2"});
  EXPECT_EQ(tight.status, 0);
  EXPECT_NE(tight.err.find("connections shed above --max-flows"), std::string::npos) << tight.err;
}

TEST(Caps, GapsDeclaredForMaxMemoryAreSaid) {
  const RunResult roomy = requests(one_that_waits(40'000), {"--json"});
  EXPECT_EQ(roomy.err.find("--max-memory"), std::string::npos) << roomy.err;
  const RunResult tight = requests(one_that_waits(40'000), {"--json", "--max-memory", "64KiB"});
  EXPECT_EQ(tight.status, 0);
  EXPECT_NE(tight.err.find("1 gaps declared early to stay within --max-memory"), std::string::npos)
      << tight.err;
}

}  // namespace
}  // namespace gray
