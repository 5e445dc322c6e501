// Captures compressed with zstd, read back: whole, cut, damaged, hostile, through a pipe.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "userspace/pcapng/capture_writer.h"
#include "userspace/pcapng/reader.h"
#include "userspace/pcapng/zstd_frames.h"

namespace gray {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

class Packed : public testing::Test {
 protected:
  Packed() {
    std::string pattern = (fs::temp_directory_path() / "gray-zstd-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~Packed() override { fs::remove_all(directory_); }

  std::string path(const std::string& name = "x.zst") const { return directory_ / name; }
  std::string write(const Bytes& bytes, const std::string& name = "y.zst") const {
    std::ofstream(path(name), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }
  static Bytes read(const std::string& from) {
    std::ifstream in(from, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }
  /// A capture in several zstd frames.
  Bytes capture(std::uint64_t frames) const {
    const CaptureWriterOptions options{.path = path(), .file = {.compression = Compression::Zstd}};
    CaptureWriter writer(options, SectionInfo{}, {.name = "vb"});
    std::mt19937 random(7);
    Bytes bytes(700);
    for (std::uint64_t i = 0; i < frames; ++i) {
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
      writer.write({.bytes = bytes, .time_ns = i, .wire_len = 700}, 0);
      if (i % 100 == 99) writer.flush();
    }
    writer.finish(frames, 0);
    EXPECT_EQ(writer.failure(), "");
    return read(path());
  }

  fs::path directory_;
};

struct Outcome {
  std::uint64_t frames = 0;
  std::string warning;
};

Outcome read_all(const std::string& path) {
  CaptureReader reader(path);
  for (Frame frame; reader.next(frame);) reader.give_back(frame);
  return {reader.frames(), reader.warning()};
}

Bytes packed(const Bytes& plain) {
  Bytes out(ZSTD_compressBound(plain.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 1));
  return out;
}

TEST_F(Packed, IsReadByItsMagicNumber) {
  const Bytes bytes = capture(1000);
  std::uint32_t magic = 0;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  EXPECT_TRUE(ZstdStream::is_magic(magic));
  const Outcome outcome = read_all(path());
  EXPECT_EQ(outcome.frames, 1000u);
  EXPECT_EQ(outcome.warning, "");
}

TEST_F(Packed, CutAnywhereItGivesTheFramesBeforeTheCut) {
  const Bytes bytes = capture(1000);
  std::uint64_t last = 0;
  for (std::size_t size = 400; size < bytes.size(); size += 40'009) {
    const Outcome outcome =
        read_all(write({bytes.begin(), bytes.begin() + static_cast<long>(size)}));
    EXPECT_GE(outcome.frames, last);
    EXPECT_LE(outcome.frames, 1000u);
    EXPECT_NE(outcome.warning.find("cut off"), std::string::npos) << size << outcome.warning;
    last = outcome.frames;
  }
  EXPECT_GT(last, 800u);
}

TEST_F(Packed, DamageIsToldAndNeverMoreThanThat) {
  const Bytes bytes = capture(300);
  std::mt19937 random(11);
  int told = 0;
  for (int round = 0; round < 300; ++round) {
    Bytes changed = bytes;
    for (int i = 0; i < 3; ++i)
      changed[random() % changed.size()] = static_cast<std::uint8_t>(random());
    try {
      const Outcome outcome = read_all(write(changed));
      EXPECT_LE(outcome.frames, 300u);
      told += !outcome.warning.empty();
    } catch (const std::runtime_error&) {
      ++told;  // not even a capture
    }
  }
  EXPECT_GT(told, 250);
}

TEST_F(Packed, ThroughAPipe) {
  const Bytes bytes = capture(500);
  const std::string fifo = path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  std::jthread feeder([&] {
    std::ofstream out(fifo, std::ios::binary);
    for (std::size_t at = 0; at < bytes.size(); at += 1000)
      out.write(reinterpret_cast<const char*>(bytes.data() + at),
                static_cast<std::streamsize>(std::min<std::size_t>(1000, bytes.size() - at)));
  });
  const Outcome outcome = read_all(fifo);
  EXPECT_EQ(outcome.frames, 500u);
  EXPECT_EQ(outcome.warning, "");
}

TEST_F(Packed, AWindowThatIsTooLargeIsRefused) {
  // Magic, a frame header that asks for a window of 1 << 41 bytes, an empty last block.
  const Bytes hostile{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00};
  try {
    read_all(write(hostile));
    FAIL() << "was read";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("damaged zstd"), std::string::npos) << error.what();
  }
}

TEST_F(Packed, WhatIsInsideMustBeACapture) {
  EXPECT_THROW(read_all(write(packed(Bytes(100'000, 0)))), std::runtime_error);
  EXPECT_THROW(read_all(write(packed({}))), std::runtime_error);
  // Packed twice is unpacked once.
  EXPECT_THROW(read_all(write(packed(capture(10)))), std::runtime_error);
}

TEST_F(Packed, ABombIsALongStreamOnly) {
  // A capture, then a block to be skipped of 1 GB that is 30 KB on the disk.
  Bytes plain;
  {
    const CaptureWriterOptions options{.path = path("plain")};
    CaptureWriter writer(options, SectionInfo{}, {.name = "vb"});
    writer.finish(0, 0);
    plain = read(path("plain"));
  }
  constexpr std::uint32_t kLength = 1 << 30;
  for (const std::uint32_t word : {std::uint32_t{0x00000bad}, kLength})
    for (int i = 0; i < 4; ++i) plain.push_back(static_cast<std::uint8_t>(word >> 8 * i));
  Bytes bomb = packed(plain);
  const Bytes zeros = packed(Bytes(64 << 20, 0));
  for (int i = 0; i < 16; ++i) bomb.insert(bomb.end(), zeros.begin(), zeros.end());
  EXPECT_LT(bomb.size(), 200'000u);
  EXPECT_EQ(read_all(write(bomb)).frames, 0u);
}

TEST_F(Packed, EmptyAndSkippableFramesAreNothing) {
  Bytes bytes = packed({});
  const Bytes skippable{0x50, 0x2a, 0x4d, 0x18, 0x03, 0, 0, 0, 1, 2, 3};
  bytes.insert(bytes.begin(), skippable.begin(), skippable.end());
  const Bytes frames = capture(100);
  bytes.insert(bytes.end(), frames.begin(), frames.end());
  const Outcome outcome = read_all(write(bytes));
  EXPECT_EQ(outcome.frames, 100u);
  EXPECT_EQ(outcome.warning, "");
}

}  // namespace
}  // namespace gray
