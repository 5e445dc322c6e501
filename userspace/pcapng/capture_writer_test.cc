#include "userspace/pcapng/capture_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "userspace/base/errors.h"
#include "userspace/pcapng/reader.h"

namespace gray {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

struct Kind {
  const char* name;
  BlockFile::Options options;
  const char* directory;
};
// /var/tmp is on a disk, where direct I/O may be had; /dev/shm is a tmpfs.
const Kind kKinds[] = {
    {"Plain", {DirectIo::Off, Compression::None}, "/dev/shm"},
    {"Direct", {DirectIo::Auto, Compression::None}, "/var/tmp"},
    {"Zstd", {DirectIo::Auto, Compression::Zstd}, "/dev/shm"},
};

/// Frames whose length, bytes and time follow from their number.
struct Numbered {
  explicit Numbered(std::uint64_t number) : bytes(60 + number * 7919 % 1440) {
    std::uint64_t state = number + 1;  // not to be compressed
    for (std::uint8_t& byte : bytes) {
      state = state * 6364136223846793005 + 1442695040888963407;
      byte = static_cast<std::uint8_t>(state >> 56);
    }
    frame = {.bytes = bytes,
             .time_ns = 1'767'323'045'000'000'000 + number,
             .wire_len = static_cast<std::uint32_t>(bytes.size())};
  }
  Bytes bytes;
  Frame frame;
};

class CaptureWriting : public testing::TestWithParam<Kind> {
 protected:
  CaptureWriting() {
    std::string pattern = std::string(GetParam().directory) + "/gray-writer-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw_errno(errno, "make " + pattern);
    directory_ = pattern;
  }
  ~CaptureWriting() override { fs::remove_all(directory_); }

  std::string path(const std::string& name = "x.pcapng") const { return directory_ / name; }
  CaptureWriterOptions options(const Rotation& rotation = {}) const {
    return {.path = path(), .rotation = rotation, .file = GetParam().options, .blocks = 4};
  }
  static SectionInfo section() {
    return {.application = "grayxdp test", .os = "Linux", .clock = "test", .tag_seed = 1};
  }
  static InterfaceInfo interface() { return {.name = "vb", .snaplen = 65535}; }

  fs::path directory_;
};

/// Reads numbered frames from `first` on and says how many there are.
std::uint64_t expect_numbered(const std::string& path, std::uint64_t first, bool may_be_cut) {
  CaptureReader reader(path);
  std::uint64_t number = first;
  for (Frame frame; reader.next(frame); ++number) {
    const Numbered wanted(number);
    EXPECT_EQ(Bytes(frame.bytes.begin(), frame.bytes.end()), wanted.bytes) << number;
    EXPECT_EQ(frame.time_ns, wanted.frame.time_ns);
    reader.give_back(frame);
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_TRUE(reader.ended());
  if (!may_be_cut) {
    EXPECT_EQ(reader.warning(), "");
  }
  return number - first;
}

TEST_P(CaptureWriting, EverythingIsInTheFile) {
  constexpr std::uint64_t kFrames = 20'000;  // many times the blocks that there are
  CaptureWriter writer(options(), section(), interface());
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    ASSERT_TRUE(writer.write(Numbered(i).frame, i == 7 ? 3 : 0));
    if (i % 777 == 0) writer.flush();
  }
  writer.finish(kFrames + 3, 3);
  EXPECT_EQ(writer.failure(), "");
  EXPECT_EQ(writer.frames_safe(), kFrames);
  EXPECT_EQ(writer.bytes_safe(), fs::file_size(path()));
  EXPECT_EQ(expect_numbered(path(), 0, false), kFrames);
  struct stat status {};
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_P(CaptureWriting, AFlushShowsWhatThereIs) {
  CaptureWriter writer(options(), section(), interface());
  for (std::uint64_t round = 1; round <= 5; ++round) {
    for (std::uint64_t i = 0; i < 10; ++i) writer.write(Numbered((round - 1) * 10 + i).frame, 0);
    writer.flush();
    for (int tries = 0; tries < 500 && writer.frames_safe() < round * 10; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_EQ(writer.frames_safe(), round * 10);
    EXPECT_EQ(expect_numbered(path(), 0, false), round * 10);
  }
  writer.finish(50, 0);
  EXPECT_EQ(expect_numbered(path(), 0, false), 50u);
}

TEST_P(CaptureWriting, BySizeEachFileIsWhole) {
  constexpr std::uint64_t kFrames = 5'000;
  CaptureWriter writer(options({.bytes = 500'000}), section(), interface());
  for (std::uint64_t i = 0; i < kFrames; ++i) ASSERT_TRUE(writer.write(Numbered(i).frame, 0));
  writer.finish(kFrames, 0);
  EXPECT_EQ(writer.frames_safe(), kFrames);
  std::uint64_t found = expect_numbered(path(), 0, false);
  std::uint64_t bytes = fs::file_size(path());
  int files = 1;
  for (; fs::exists(path() + std::to_string(files)); ++files) {
    found += expect_numbered(path() + std::to_string(files), found, false);
    bytes += fs::file_size(path() + std::to_string(files));
  }
  EXPECT_EQ(found, kFrames);
  EXPECT_EQ(bytes, writer.bytes_safe());
  EXPECT_GE(files, 7);
  if (GetParam().options.compression == Compression::None) {
    EXPECT_LT(fs::file_size(path()), 502'000u);
  }
}

TEST_P(CaptureWriting, ARingKeepsTheLastFiles) {
  CaptureWriter writer(options({.bytes = 100'000, .files = 3}), section(), interface());
  for (std::uint64_t i = 0; i < 5000; ++i) ASSERT_TRUE(writer.write(Numbered(i).frame, 0));
  writer.finish(5000, 0);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory_))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"x.pcapng0", "x.pcapng1", "x.pcapng2"}));
}

TEST_P(CaptureWriting, ANextFileThatCannotBeMadeIsTold) {
  CaptureWriter writer(options({.bytes = 100'000}), section(), interface());
  fs::create_directory(path() + "1");
  std::uint64_t taken = 0;
  for (int tries = 0; tries < 100'000; ++tries) {
    if (!writer.write(Numbered(taken).frame, 0)) break;
    ++taken;
  }
  writer.finish(taken, 0);
  EXPECT_NE(writer.failure().find("x.pcapng1"), std::string::npos) << writer.failure();
  EXPECT_LT(writer.frames_safe(), taken);
  EXPECT_EQ(expect_numbered(path(), 0, false), writer.frames_safe());
}

TEST_P(CaptureWriting, AFullDiskLeavesWholeFramesAndTheirCount) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  for (const rlim_t limit : {rlim_t{100'000}, rlim_t{1'048'576}, rlim_t{3'000'001}}) {
    const rlimit small{.rlim_cur = limit, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    CaptureWriter writer(options(), section(), interface());
    std::uint64_t taken = 0;
    while (taken < 20'000 && writer.write(Numbered(taken).frame, 0)) ++taken;
    writer.finish(taken, 0);
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_NE(writer.failure().find("File too large"), std::string::npos) << writer.failure();
    EXPECT_EQ(writer.frames_written(), taken);
    EXPECT_EQ(fs::file_size(path()), writer.bytes_safe()) << limit;
    if (writer.bytes_safe() > 0) {
      EXPECT_EQ(expect_numbered(path(), 0, false), writer.frames_safe()) << limit;
    }
  }
}

TEST_P(CaptureWriting, KilledAtAnyMomentItLeavesAFileThatOpens) {
  for (const int delay_ms : {30, 55, 80, 105}) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      CaptureWriter writer(options(), section(), interface());
      for (std::uint64_t i = 0;; ++i) writer.write(Numbered(i % 100'000'000).frame, 0);
    }
    while (!fs::exists(path()) || fs::file_size(path()) < 3'000'000)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    // A write that was under way may have been cut short, in the middle of a frame.
    EXPECT_GT(expect_numbered(path(), 0, true), 3'000u);
    fs::remove(path());
  }
}

TEST_P(CaptureWriting, ByTimeAsManyFilesAsWantedThenNoMore) {
  CaptureWriterOptions with = options({.seconds = 1, .files = 2});
  with.path = path("%s.pcapng");
  CaptureWriter writer(with, section(), interface());
  const auto ends = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::uint64_t taken = 0;
  while (!writer.complete() && std::chrono::steady_clock::now() < ends) {
    taken += writer.write(Numbered(taken).frame, 0);
    writer.rotate_when_due();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(writer.complete());
  EXPECT_FALSE(writer.write(Numbered(taken).frame, 0));
  writer.finish(taken, 0);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory_)) names.push_back(entry.path());
  std::sort(names.begin(), names.end());
  ASSERT_EQ(names.size(), 2u);
  const std::uint64_t first = expect_numbered(names[0], 0, false);
  EXPECT_GT(first, 0u);
  EXPECT_EQ(first + expect_numbered(names[1], first, false), taken);
}

INSTANTIATE_TEST_SUITE_P(Each, CaptureWriting, testing::ValuesIn(kKinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST(CaptureWriter, NoDirectoryNoFile) {
  EXPECT_THROW(CaptureWriter({.path = "/no/such/x"}, {}, {}), std::system_error);
}

}  // namespace
}  // namespace gray
