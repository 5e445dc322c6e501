#include "userspace/capture/file_source.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "userspace/base/errors.h"
#include "userspace/packet/build.h"
#include "userspace/pcapng/writer.h"

namespace gray {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;
constexpr std::chrono::milliseconds kNoWait{0};

class Files : public testing::Test {
 protected:
  Files() {
    std::string pattern = (fs::temp_directory_path() / "files-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~Files() override { fs::remove_all(directory_); }

  /// A capture of `count` frames whose times are first, first + 1, ….
  std::string capture(const std::string& name, const std::string& interface, std::uint64_t first,
                      std::uint64_t count) const {
    const std::string path = directory_ / name;
    const std::array interfaces = {
        InterfaceInfo{.name = interface, .description = "test", .snaplen = 500}};
    PcapngWriter writer(create_capture(path), {.application = "test", .os = "", .clock = ""},
                        interfaces);
    const Bytes bytes =
        PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2).filler(900).bytes();
    for (std::uint64_t i = 0; i < count; ++i)
      writer.write({.bytes = bytes, .time_ns = first + i, .wire_len = 2000});
    writer.finish({});
    return path;
  }

  static std::vector<std::uint64_t> drain(FileSource& source) {
    std::vector<std::uint64_t> times;
    std::array<Frame, 32> batch;
    while (!source.ended()) {
      const std::size_t count = source.receive(batch, kNoWait);
      for (const Frame& frame : std::span(batch).first(count)) times.push_back(frame.time_ns);
      source.recycle(std::span(batch).first(count));
    }
    return times;
  }

  fs::path directory_;
};

TEST_F(Files, AreReadOneAfterTheOther) {
  FileSource source({capture("a", "eth0", 100, 1000), capture("b", "eth1", 5000, 500)});
  std::array<Frame, 64> batch;
  std::uint64_t count = 0;
  while (!source.ended()) {
    const std::size_t got = source.receive(batch, kNoWait);
    for (const Frame& frame : std::span(batch).first(got)) {
      EXPECT_EQ(frame.time_ns, count < 1000 ? 100 + count : 4000 + count);
      EXPECT_EQ(frame.interface, count < 1000 ? 0u : 1u);
      EXPECT_EQ(frame.wire_len, 2000u);
      ++count;
    }
    source.recycle(std::span(batch).first(got));
  }
  EXPECT_EQ(count, 1500u);
  ASSERT_EQ(source.interfaces().size(), 2u);
  EXPECT_EQ(source.interfaces()[1].name, "eth1");
  EXPECT_EQ(source.interfaces()[0].snaplen, 500u);
  Ledger ledger;
  source.account(ledger);
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.stages()[0].name, "file");
  EXPECT_EQ(ledger.stages()[0].in, 1500u);
  EXPECT_FALSE(source.cut());
}

TEST_F(Files, FramesOfAFileThatEndedStayUntilRecycled) {
  FileSource source({capture("a", "eth0", 1, 3), capture("b", "eth1", 2, 3)});
  std::array<Frame, 10> batch;
  ASSERT_EQ(source.receive(batch, kNoWait), 6u);
  EXPECT_EQ(source.receive(std::span(batch).subspan(6), kNoWait), 0u);
  EXPECT_TRUE(source.ended());
  for (const Frame& frame : std::span(batch).first(6)) EXPECT_EQ(frame.bytes[12], 8);
  source.recycle(std::span(batch).subspan(3, 3));
  source.recycle(std::span(batch).first(3));
}

TEST_F(Files, ACutFileGivesWhatItHasAndAWarning) {
  const std::string first = capture("a", "eth0", 1, 10);
  fs::resize_file(first, fs::file_size(first) - 5);
  FileSource source({first, capture("b", "eth1", 100, 10)});
  EXPECT_EQ(drain(source).size(), 19u);
  EXPECT_TRUE(source.cut());
  EXPECT_NE(source.warning().find("/a: cut off after 9 frames, at byte "), std::string::npos)
      << source.warning();
}

TEST_F(Files, EveryFileIsLookedAtBeforeAnythingRuns) {
  const std::string garbage = directory_ / "garbage";
  std::ofstream(garbage) << "GET / HTTP/1.1";
  EXPECT_THROW(FileSource({capture("a", "eth0", 1, 1), garbage}), std::runtime_error);
  EXPECT_THROW(FileSource({directory_ / "none"}), std::system_error);
}

TEST_F(Files, StopEndsAtOnce) {
  FileSource source({capture("a", "eth0", 1, 100)});
  std::array<Frame, 10> batch;
  EXPECT_EQ(source.receive(batch, kNoWait), 10u);
  source.stop();
  EXPECT_TRUE(source.ended());
  EXPECT_EQ(source.receive(batch, kNoWait), 0u);
  Ledger ledger;
  source.account(ledger);
  EXPECT_TRUE(ledger.balanced());
}

}  // namespace
}  // namespace gray
