// Captures into exchanges in the order in which they began: from a pipe as they come, from several
// files whichever is named first.
#include "tools/grayxdp/recording_feed.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "replay/protocol/capture_builder.h"
#include "userspace/base/clock.h"
#include "userspace/lab/temp_dir.h"
#include "userspace/pcapng/writer.h"

namespace gray {
namespace {

constexpr std::uint64_t kBeginNs = 1'700'000'000'000'000'000;

struct Targets final : ExchangeSink {
  void exchange(Exchange&& exchange) override {
    const std::lock_guard lock(mutex);
    list.push_back(exchange.request.target);
  }
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex);
    return list;
  }
  std::mutex mutex;
  std::vector<std::string> list;
};

struct Asked {
  std::uint64_t at_ms;
  std::uint64_t answered_ms;
  std::string target;
};

/// Frames of requests, each on a connection of its own, in the order of their times.
std::vector<BuiltFrame> traffic(const std::vector<Asked>& requests) {
  std::vector<BuiltFrame> frames;
  for (const Asked& asked : requests) {
    Conversation talk(static_cast<std::uint16_t>(40'000 + asked.at_ms));
    talk.open().client("GET " + asked.target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    talk.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    std::vector<BuiltFrame> own = talk.frames();
    for (BuiltFrame& frame : own) frame.time_ns = kBeginNs + asked.at_ms * kNsPerMs;
    own.back().time_ns = kBeginNs + asked.answered_ms * kNsPerMs;
    frames.insert(frames.end(), own.begin(), own.end());
  }
  std::stable_sort(frames.begin(), frames.end(),
                   [](const auto& a, const auto& b) { return a.time_ns < b.time_ns; });
  return frames;
}

void put(PcapngWriter& writer, const std::vector<BuiltFrame>& frames) {
  for (const BuiltFrame& built : frames) {
    Frame frame;
    frame.bytes = built.bytes;
    frame.wire_len = static_cast<std::uint32_t>(built.bytes.size());
    frame.time_ns = built.time_ns;
    writer.write(frame);
  }
}

class RecordingFeedTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (dir_.path() / name).string(); }
  static PcapngWriter writer_to(Fd fd) {
    return PcapngWriter(std::move(fd), {.application = "test", .os = {}, .clock = {}},
                        std::vector<InterfaceInfo>{{.name = "test"}});
  }
  std::string file(const std::string& name, const std::vector<Asked>& requests) const {
    PcapngWriter writer = writer_to(create_capture(path(name)));
    put(writer, traffic(requests));
    writer.finish({});
    return path(name);
  }
  void read(const std::vector<std::string>& files) {
    RecordingFeed feed(files, 1, {});
    feed.into(targets_);
    feed.run();
    late_ = feed.late();
  }

  const TempDir dir_;
  Targets targets_;
  std::uint64_t late_ = 0;
};

using Names = std::vector<std::string>;

TEST_F(RecordingFeedTest, WhatBeganFirstComesFirstHoweverLongItTook) {
  read({file("a", {{0, 900, "/slow"}, {100, 110, "/b"}, {200, 210, "/c"}, {950, 960, "/d"}})});
  EXPECT_EQ(targets_.list, (Names{"/slow", "/b", "/c", "/d"}));
  EXPECT_EQ(late_, 0u);
}

TEST_F(RecordingFeedTest, FilesOfTheSameTimeAreOneRecording) {
  const std::string one = file("one", {{0, 10, "/1"}, {400, 410, "/3"}, {800, 810, "/5"}});
  const std::string other = file("other", {{200, 210, "/2"}, {600, 610, "/4"}});
  const std::string none = file("none", {});
  for (const auto& files : {Names{one, other, none}, Names{other, none, one}}) {
    targets_.list.clear();
    read(files);
    EXPECT_EQ(targets_.list, (Names{"/1", "/2", "/3", "/4", "/5"}));
    EXPECT_EQ(late_, 0u);
  }
}

// As `tcpdump -w - | grayxdp replay -`: nobody waits for the end of what has none.
TEST_F(RecordingFeedTest, APipeIsReadAsItIsWritten) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  Fd both(::open(path("pipe").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_GE(both.get(), 0);
  PcapngWriter writer = writer_to(std::move(both));
  put(writer, traffic({{0, 10, "/1"}, {20, 30, "/2"}}));
  writer.flush();
  RecordingFeed feed({path("pipe")}, 1, {});
  feed.into(targets_);
  std::jthread reader([&] { feed.run(); });
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (targets_.seen().size() < 2 && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(targets_.seen(), (Names{"/1", "/2"}));
  feed.stop();
  writer.finish({});
}

}  // namespace
}  // namespace gray
