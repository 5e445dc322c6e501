#include "replay/inject/feed.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "userspace/base/errors.h"

namespace gray {
namespace {

struct Recorded {
  std::uint32_t time_us;
  std::vector<std::uint8_t> bytes;
};

std::vector<std::uint8_t> frame(std::uint8_t number, std::size_t size = 60) {
  std::vector<std::uint8_t> bytes(size, number);
  bytes[12] = 0x88;  // an experimental EtherType: nothing looks into it
  bytes[13] = 0xb5;
  return bytes;
}

class Feed : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/grayxdp-feed-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
  }
  void TearDown() override {
    for (const std::string& path : paths_) ::unlink(path.c_str());
    ::rmdir(dir_.c_str());
  }

  // Classic pcap with microseconds.
  std::string file(const std::vector<Recorded>& frames, std::uint32_t link = 1) {
    paths_.push_back(dir_ + "/" + std::to_string(paths_.size()));
    std::ofstream out(paths_.back(), std::ios::binary);
    const auto put = [&](const std::vector<std::uint32_t>& words) {
      out.write(reinterpret_cast<const char*>(words.data()),
                static_cast<std::streamsize>(4 * words.size()));
    };
    put({0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, link});
    for (const Recorded& frame : frames) {
      const auto size = static_cast<std::uint32_t>(frame.bytes.size());
      put({0, frame.time_us, size, size});
      out.write(reinterpret_cast<const char*>(frame.bytes.data()), size);
    }
    return paths_.back();
  }

  // The byte that every frame of the feed is full of; '|' where a round begins.
  static std::string all(AccountedFeed& feed) {
    std::string numbers;
    while (true) {
      const bool ended = feed.ended();
      const FrameBatch* batch = feed.next();
      if (batch == nullptr && ended) return numbers;
      if (batch == nullptr) {
        std::this_thread::yield();
        continue;
      }
      if (batch->begins_round) numbers += '|';
      for (const ReadyFrame& ready : batch->frames)
        numbers += static_cast<char>(batch->bytes_of(ready)[0]);
      feed.done(batch);
    }
  }

  void expect_both(const FeedOptions& options, const std::string& wanted,
                   const PrepareOptions& prepare = {}) {
    const auto streamed = stream(options, prepare);
    EXPECT_EQ(all(*streamed), wanted);
    const auto preloaded = preload(options, prepare, stop_);
    EXPECT_EQ(all(*preloaded), wanted);
    for (AccountedFeed* feed : {streamed.get(), preloaded.get()}) {
      ledger_ = {};
      facts_ = feed->finish(ledger_);
      EXPECT_TRUE(ledger_.balanced());
    }
  }

  std::string dir_;
  std::vector<std::string> paths_;
  std::atomic<bool> stop_{false};
  Ledger ledger_;
  FeedFacts facts_;
};

TEST_F(Feed, FilesAreMergedByTimeAndEachKeepsItsOrder) {
  const std::string first = file({{10, frame('a')}, {30, frame('b')}, {20, frame('c')}});
  const std::string second = file({{15, frame('d')}, {25, frame('e')}, {90, frame('f')}});
  const std::string empty = file({});
  expect_both({{first, empty, second}}, "|adebcf");
  EXPECT_EQ(facts_.read, 6u);
}

TEST_F(Feed, RoundsAreReadAgain) {
  expect_both({{file({{1, frame('a')}, {2, frame('b')}})}, 3}, "|ab|ab|ab");
}

TEST_F(Feed, ManyFramesFillManyBatches) {
  std::vector<Recorded> frames;
  std::string wanted = "|";
  for (std::uint32_t i = 0; i < 30'000; ++i) {
    frames.push_back({i, frame(static_cast<std::uint8_t>('a' + i % 26), 60 + i % 1000)});
    wanted += static_cast<char>('a' + i % 26);
  }
  expect_both({{file(frames)}}, wanted);
}

TEST_F(Feed, ForEverEndsWhenNobodyAsksAnyMore) {
  const auto feed = stream({{file({{1, frame('a')}})}, 0}, {});
  for (int got = 0; got < 1000;) {
    const FrameBatch* batch = feed->next();
    if (batch == nullptr) continue;
    ++got;
    feed->done(batch);
  }
  EXPECT_FALSE(feed->ended());
  feed->finish(ledger_);
  EXPECT_TRUE(ledger_.balanced());
}

TEST_F(Feed, ForEverNothingIsAnEnd) {
  expect_both({{file({})}, 0}, "");
}

TEST_F(Feed, WhatCannotBeSentHasAName) {
  const std::string path = file({{1, frame('a')}, {2, {1, 2, 3}}, {3, frame('b', 1515)}});
  expect_both({{path}}, "|a");
  EXPECT_EQ(ledger_.drop("rewrite", "runt"), 1u);
  EXPECT_EQ(ledger_.drop("segment", "too_long_odd"), 1u);
  const std::string raw = file({{1, frame('a')}}, 101);
  expect_both({{raw}}, "");
  EXPECT_EQ(ledger_.drop("rewrite", "link_type"), 1u);
}

TEST_F(Feed, WhatIsTooLongIsCutOffWhenAskedFor) {
  PrepareOptions prepare;
  prepare.truncate = true;
  const auto feed = preload({{file({{1, frame('a', 9000)}})}}, prepare, stop_);
  const FrameBatch* batch = feed->next();
  ASSERT_NE(batch, nullptr);
  ASSERT_EQ(batch->frames.size(), 1u);
  EXPECT_EQ(batch->frames[0].length, 1514u);
  EXPECT_EQ(feed->finish(ledger_).truncated, 1u);
}

TEST_F(Feed, AFileThatWasCutIsReadSoFar) {
  const std::string path = file({{1, frame('a')}, {2, frame('b')}});
  ASSERT_EQ(::truncate(path.c_str(), 24 + 16 + 60 + 16 + 30), 0);
  expect_both({{path}}, "|a");
  EXPECT_NE(facts_.warning.find("cut off"), std::string::npos) << facts_.warning;
}

TEST_F(Feed, AStopEndsThePreloading) {
  stop_ = true;
  const auto feed = preload({{file({{1, frame('a')}})}}, {}, stop_);
  EXPECT_TRUE(feed->ended());
  feed->finish(ledger_);
  EXPECT_TRUE(ledger_.balanced());
}

TEST_F(Feed, AMissingFileIsSaidAtOnce) {
  EXPECT_THROW(stream({{dir_ + "/nope"}}, {}), std::system_error);
  EXPECT_THROW(preload({{dir_ + "/nope"}}, {}, stop_), std::system_error);
}

}  // namespace
}  // namespace gray
