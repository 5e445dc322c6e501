// Up to when all exchanges have come: no longer than the earliest open one allows, nor than bytes
// that wait for others do.
#include <gtest/gtest.h>

#include "replay/protocol/capture_builder.h"

namespace gray {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n";
constexpr std::size_t kHandshake = 3;  // frames

TEST(Settled, AnOpenExchangeHoldsItBack) {
  Conversation slow(1), quick(2);
  slow.open().client(kGet).server(kOk);
  quick.open().client(kGet).server(kOk);
  Extraction extraction;
  const auto feed = [&](const BuiltFrame& frame, std::uint64_t later) {
    extraction.feed({frame.bytes, frame.time_ns + later});
    return extraction.extractor.settled_ns();
  };
  EXPECT_EQ(extraction.extractor.settled_ns(), 0U);
  const auto& frames = slow.frames();
  for (std::size_t i = 0; i < kHandshake; ++i) EXPECT_EQ(feed(frames[i], 0), frames[i].time_ns);
  const std::uint64_t asked = frames[kHandshake].time_ns;
  EXPECT_EQ(feed(frames[kHandshake], 0), asked);
  for (const BuiltFrame& frame : quick.frames()) EXPECT_EQ(feed(frame, 1'000'000'000), asked);
  EXPECT_EQ(extraction.exchanges.list.size(), 1U);
  const BuiltFrame& answer = frames.back();
  EXPECT_EQ(feed(answer, 2'000'000'000), answer.time_ns + 2'000'000'000);
}

TEST(Settled, BytesThatWaitForOthersHoldItBack) {
  Conversation talk;
  talk.open().client(kGet.substr(0, 10)).client(kGet.substr(10)).server(kOk);
  const auto& frames = talk.frames();
  Extraction extraction;
  for (std::size_t i = 0; i < kHandshake; ++i) extraction.feed(frames[i]);
  const std::uint64_t before = extraction.extractor.settled_ns();
  extraction.feed(frames[kHandshake + 1]);
  EXPECT_EQ(extraction.extractor.settled_ns(), before);
  extraction.feed(frames[kHandshake]);
  extraction.feed(frames[kHandshake + 2]);
  EXPECT_EQ(extraction.extractor.settled_ns(), frames[kHandshake + 2].time_ns);
}

TEST(Settled, WithSeveralThreadsNothingIsKnown) {
  Conversation talk;
  talk.open().client(kGet).server(kOk);
  Extraction extraction({.threads = 2});
  extraction.feed(talk);
  EXPECT_EQ(extraction.extractor.settled_ns(), 0U);
  EXPECT_EQ(extraction.finish(), "GET / 200");
}

}  // namespace
}  // namespace gray
