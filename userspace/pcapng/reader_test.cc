#include "userspace/pcapng/reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "userspace/base/errors.h"
#include "userspace/pcapng/file_bytes_for_test.h"

namespace gray {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

struct Seen {
  std::string data;
  std::uint64_t time_ns = 0;
  std::uint32_t wire_len = 0;
  std::uint32_t interface = 0;
  LinkType link = LinkType::Ethernet;
};

class Reading : public testing::TestWithParam<bool> {
 protected:
  Reading() {
    std::string pattern = (fs::temp_directory_path() / "reader-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~Reading() override { fs::remove_all(directory_); }

  std::string put(const Bytes& bytes, const std::string& name = "x.pcap") const {
    // Not overwritten: some file systems write a truncated file out at once.
    fs::remove(directory_ / name);
    std::ofstream file(directory_ / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return directory_ / name;
  }

  static std::vector<Seen> drain(CaptureReader& reader) {
    std::vector<Seen> all;
    Frame frame;
    while (reader.next(frame)) {
      all.push_back({.data = {frame.bytes.begin(), frame.bytes.end()},
                     .time_ns = frame.time_ns,
                     .wire_len = frame.wire_len,
                     .interface = frame.interface,
                     .link = frame.link});
      reader.give_back(frame);
    }
    EXPECT_TRUE(reader.ended());
    return all;
  }
  std::vector<Seen> read(const FileBytes& file, std::string& warning) const {
    CaptureReader reader(put(file.bytes));
    auto all = drain(reader);
    warning = reader.warning();
    return all;
  }
  std::vector<Seen> read(const FileBytes& file) const {
    std::string warning;
    auto all = read(file, warning);
    EXPECT_EQ(warning, "");
    return all;
  }
  std::string refusal(const std::string& path) const {
    try {
      CaptureReader reader(path);
      return "accepted";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  fs::path directory_;
};

/// Everything that is read at once, in the byte order that the parameter says.
class BothOrders : public Reading {
 protected:
  FileBytes file() const { return FileBytes(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(ByteOrder, BothOrders, testing::Values(false, true));

TEST_P(BothOrders, ClassicPcapInMicroAndNanoseconds) {
  for (const auto& [magic, expected] :
       {std::pair{0xa1b2c3d4u, 5'000'007'000ull}, std::pair{0xa1b23c4du, 5'000'000'007ull}}) {
    const auto seen = read(file().pcap_header(magic, 101).record(5, 7, "abc").record(6, 0, ""));
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].data, "abc");
    EXPECT_EQ(seen[0].time_ns, expected);
    EXPECT_EQ(seen[0].wire_len, 13u);
    EXPECT_EQ(seen[0].link, LinkType::Raw);
    EXPECT_EQ(seen[1].data, "");
  }
}

TEST_P(BothOrders, ModifiedPcapHasLongerRecordHeaders) {
  FileBytes bytes = file().pcap_header(0xa1b2cd34);
  bytes.u32(5).u32(7).u32(3).u32(3).u32(1).u16(0).u8(0).u8(0).raw("abc");
  bytes.u32(6).u32(7).u32(2).u32(2).u32(1).u16(0).u8(0).u8(0).raw("de");
  const auto seen = read(bytes);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].data, "abc");
  EXPECT_EQ(seen[1].data, "de");
}

TEST_P(BothOrders, OldNumbersOfRawIp) {
  for (const std::uint32_t link : {12u, 14u, 101u})
    EXPECT_EQ(read(file().pcap_header(0xa1b2c3d4, link).record(1, 1, "E")).at(0).link,
              LinkType::Raw);
  EXPECT_EQ(read(file().pcap_header(0xa1b2c3d4, 0xf0000071).record(1, 1, "E")).at(0).link,
            LinkType::LinuxSll);
}

TEST_P(BothOrders, SectionsAndInterfacesHaveNumbersOfTheirOwn) {
  FileBytes bytes = file().section().interface(1).interface(101);
  bytes.packet(1, 1, "a").packet(0, 2, "b");
  bytes.section().interface(276).packet(0, 3, "c", 77);
  const auto seen = read(bytes);
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].interface, 1u);
  EXPECT_EQ(seen[0].link, LinkType::Raw);
  EXPECT_EQ(seen[1].interface, 0u);
  EXPECT_EQ(seen[2].interface, 2u);
  EXPECT_EQ(seen[2].link, LinkType::LinuxSll2);
  EXPECT_EQ(seen[2].wire_len, 77u);
  EXPECT_EQ(seen[2].time_ns, 3000u) << "microseconds unless said otherwise";
}

TEST(ReadingMixed, ASectionMayHaveTheOtherByteOrder) {
  FileBytes bytes = FileBytes(false).section().interface().packet(0, 1, "little");
  const FileBytes big = FileBytes(true).section().interface().packet(0, 2, "big");
  bytes.bytes.insert(bytes.bytes.end(), big.bytes.begin(), big.bytes.end());
  const fs::path path = fs::temp_directory_path() / "reader-mixed.pcapng";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.bytes.data()),
             static_cast<std::streamsize>(bytes.bytes.size()));
  CaptureReader reader(path);
  Frame frame;
  ASSERT_TRUE(reader.next(frame));
  ASSERT_TRUE(reader.next(frame));
  EXPECT_EQ(std::string(frame.bytes.begin(), frame.bytes.end()), "big");
  fs::remove(path);
}

struct Resolution {
  unsigned code;
  std::uint64_t ticks;
  std::uint64_t ns;
};

TEST_P(BothOrders, EveryTimestampResolution) {
  for (const auto& [code, ticks, ns] :
       {Resolution{9, 1'767'323'045'123'456'789, 1'767'323'045'123'456'789},
        {6, 1'767'323'045'123'456, 1'767'323'045'123'456'000},
        {3, 5, 5'000'000},
        {0, 5, 5'000'000'000},
        {12, 5'000, 5},
        {12, 5'999, 5},
        {127, ~std::uint64_t{0}, 0},
        {0x80 | 0, 5, 5'000'000'000},
        {0x80 | 10, 1024 + 512, 1'500'000'000},
        {0x80 | 32, std::uint64_t{1} << 33, 2'000'000'000},
        {0x80 | 127, ~std::uint64_t{0}, 0},
        {0, ~std::uint64_t{0}, ~std::uint64_t{0}}}) {
    FileBytes bytes = file().section();
    bytes.block(1, file().u16(1).u16(0).u32(0).option(9, file().u8(code)).u32(0));
    const auto seen = read(bytes.packet(0, ticks, "x"));
    EXPECT_EQ(seen.at(0).time_ns, ns) << code << " " << ticks;
  }
}

TEST_P(BothOrders, TimestampOffsetsAreSigned) {
  for (const std::int64_t offset : {std::int64_t{100}, std::int64_t{-3}, std::int64_t{-100}}) {
    FileBytes bytes = file().section();
    bytes.block(1, file()
                       .u16(1)
                       .u16(0)
                       .u32(0)
                       .option(9, file().u8(9))
                       .option(14, file().u64(static_cast<std::uint64_t>(offset))));
    const auto seen = read(bytes.packet(0, 5'000'000'001, "x"));
    const std::int64_t expected = 5'000'000'001 + offset * 1'000'000'000;
    EXPECT_EQ(seen.at(0).time_ns, static_cast<std::uint64_t>(std::max<std::int64_t>(expected, 0)));
  }
}

TEST_P(BothOrders, SimpleAndObsoletePackets) {
  FileBytes bytes = file().section().interface(1, 4);
  bytes.block(3, file().u32(10).raw("abcd"));
  bytes.block(3, file().u32(3).raw("abc"));
  bytes.block(2, file().u16(0).u16(9).u32(0).u32(8).u32(2).u32(5).raw("ef"));
  const auto seen = read(bytes);
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].data, "abcd");
  EXPECT_EQ(seen[0].wire_len, 10u);
  EXPECT_EQ(seen[1].data, "abc");
  EXPECT_EQ(seen[2].data, "ef");
  EXPECT_EQ(seen[2].time_ns, 8000u);
  EXPECT_EQ(seen[2].wire_len, 5u);
}

TEST_P(BothOrders, UnknownBlocksAreSkippedWhateverTheirLength) {
  FileBytes bytes = file().section().block(0x0bad, file().raw(std::string(3'000'000, 'z')));
  bytes.interface().block(4, file().raw("names")).packet(0, 1, "x").block(5, file().u32(0));
  EXPECT_EQ(read(bytes).size(), 1u);
}

TEST_P(BothOrders, OptionsThatDoNotFitAreIgnored) {
  FileBytes bytes = file().section();
  bytes.block(1, file().u16(1).u16(0).u32(0).option(2, file().raw("eth0")).u16(9).u16(60000));
  bytes.packet(0, 1, "x");
  CaptureReader reader(put(bytes.bytes));
  EXPECT_EQ(drain(reader).size(), 1u);
  EXPECT_EQ(reader.interfaces()[0].name, "eth0");
}

struct Damage {
  const char* what;
  FileBytes file;
};

TEST_P(BothOrders, DamageIsNamedWithItsPlace) {
  const FileBytes good = file().section().interface().packet(0, 1, "x");
  const auto with = [&](const FileBytes& tail) {
    FileBytes all = good;
    all.bytes.insert(all.bytes.end(), tail.bytes.begin(), tail.bytes.end());
    return all;
  };
  FileBytes two_lengths = file().block(6, file().u32(0).u32(0).u32(0).u32(0).u32(0));
  two_lengths.bytes.back() ^= 0xff;
  two_lengths.bytes[two_lengths.bytes.size() - 4] ^= 0xff;
  const std::vector<Damage> all = {
      {"a block of 3 bytes", with(file().u32(6).u32(3).u32(3))},
      {"a block of 4294967292 bytes", with(file().u32(6).u32(0xfffffffc).u32(0).u32(0))},
      {"a block whose two lengths differ", with(two_lengths)},
      {"a frame of interface 1, which is not described", with(file().packet(1, 1, "x"))},
      {"a frame that is longer than its block",
       with(file().block(6, file().u32(0).u32(0).u32(0).u32(50).u32(50).raw("abc")))},
      {"a frame of 262145 bytes",
       with(file().block(6, file().u32(0).u32(0).u32(0).u32(262145).u32(1)))},
      {"a packet block that is too short", with(file().block(6, file().u32(0)))},
      {"an interface description that is too short", with(file().block(1, file()))},
  };
  for (const auto& [what, bytes] : all) {
    std::string warning;
    EXPECT_EQ(read(bytes, warning).size(), 1u) << what;
    EXPECT_NE(warning.find(what), std::string::npos) << warning;
    EXPECT_NE(warning.find("after 1 frame, at byte " + std::to_string(good.bytes.size())),
              std::string::npos)
        << warning;
  }
  std::string warning;
  read(file().pcap_header(0xa1b2c3d4).u32(1).u32(1).u32(262145).u32(262145), warning);
  EXPECT_NE(warning.find("a frame of 262145 bytes"), std::string::npos) << warning;
}

TEST_P(BothOrders, CutAtEveryByteGivesTheFramesBefore) {
  FileBytes pcap = file().pcap_header(0xa1b2c3d4).record(1, 1, "first").record(2, 2, "second");
  FileBytes pcapng = file().section().interface().packet(0, 1, "first");
  pcapng.block(0x0bad, file().raw("unknown")).packet(0, 2, "second");
  for (const FileBytes& whole : {pcap, pcapng})
    for (std::size_t length = 4; length <= whole.bytes.size(); ++length) {
      FileBytes part = file();
      part.bytes.assign(whole.bytes.begin(),
                        whole.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      if (length < 24) {
        EXPECT_NE(refusal(put(part.bytes)).find("cut off in its file header"), std::string::npos);
        continue;
      }
      std::string warning;
      const auto seen = read(part, warning);
      ASSERT_LE(seen.size(), 2u);
      if (length == whole.bytes.size()) {
        EXPECT_EQ(seen.size(), 2u);
        EXPECT_EQ(warning, "");
      }
      EXPECT_TRUE(seen.empty() || seen[0].data == "first");
      if (warning.empty()) continue;
      EXPECT_NE(warning.find("x.pcap: cut off after " + std::to_string(seen.size()) + " frame"),
                std::string::npos)
          << warning;
    }
}

TEST_P(BothOrders, MutationsNeverCrash) {
  FileBytes pcap = file().pcap_header(0xa1b2c3d4).record(1, 1, "first").record(2, 2, "second");
  FileBytes pcapng = file().section();
  pcapng.block(1, file().u16(1).u16(0).u32(0).option(9, file().u8(9)).option(2, file().raw("e")));
  pcapng.packet(0, 1, "first").block(3, file().u32(3).raw("abc")).packet(0, 2, "second");
  pcapng.block(2, file().u16(0).u16(9).u32(0).u32(8).u32(2).u32(5).raw("ef"));
  std::mt19937 random(GetParam() ? 1 : 2);
  constexpr std::array<std::uint8_t, 6> kNasty = {0, 1, 0x7f, 0x80, 0xfc, 0xff};
  for (int round = 0; round < 2000; ++round) {
    FileBytes mutant = round % 2 == 0 ? pcap : pcapng;
    for (unsigned i = 0; i <= random() % 4; ++i)
      mutant.bytes[4 + random() % (mutant.bytes.size() - 4)] = kNasty[random() % kNasty.size()];
    std::string warning;
    read(mutant, warning);
  }
}

TEST_F(Reading, WhatIsNoCaptureFileIsRefusedWithItsName) {
  EXPECT_NE(refusal(put({}, "empty")).find("empty: is empty"), std::string::npos);
  EXPECT_NE(refusal(put({'G', 'E', 'T', ' ', '/'}, "text"))
                .find("text: not a capture file (starts with 47 45 54 20)"),
            std::string::npos);
  EXPECT_NE(refusal(put({1}, "one")).find("not a capture file (starts with 01)"),
            std::string::npos);
  EXPECT_NE(refusal(put({0x1f, 0x8b, 8, 0}, "z.gz")).find("compressed with gzip"),
            std::string::npos);
  EXPECT_NE(refusal(put({0x28, 0xb5, 0x2f, 0xfd}, "z")).find("z: cut off inside a zstd frame"),
            std::string::npos);
  EXPECT_NE(refusal(directory_).find("is a directory"), std::string::npos);
  EXPECT_NE(refusal(directory_ / "none").find("No such file"), std::string::npos);
}

TEST_F(Reading, FramesStayWhereTheyAreUntilGivenBack) {
  FileBytes bytes = FileBytes(false).pcap_header(0xa1b2c3d4);
  constexpr unsigned kFrames = 3000;
  for (unsigned i = 0; i < kFrames; ++i) {
    const std::string data(1 + i * 7 % 3000, static_cast<char>(i));
    bytes.record(i, 0, data);
  }
  CaptureReader reader(put(bytes.bytes));
  std::vector<Frame> lent;
  std::mt19937 random(1);
  unsigned next = 0;
  while (next < kFrames) {
    Frame frame;
    ASSERT_TRUE(reader.next(frame));
    ASSERT_EQ(frame.time_ns, next * 1'000'000'000ull);
    ++next;
    lent.push_back(frame);
    if (lent.size() < 1500) continue;
    std::swap(lent[random() % lent.size()], lent.back());
    const Frame& back = lent.back();
    const auto i = static_cast<unsigned>(back.time_ns / 1'000'000'000);
    ASSERT_EQ(back.bytes.size(), 1 + i * 7 % 3000);
    for (const std::uint8_t byte : back.bytes) ASSERT_EQ(byte, static_cast<std::uint8_t>(i));
    reader.give_back(back);
    lent.pop_back();
  }
}

TEST_F(Reading, APipeIsReadAsItComes) {
  const fs::path fifo = directory_ / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const FileBytes bytes =
      FileBytes(false).section().interface().packet(0, 1, "first").packet(0, 2, "second");
  std::jthread feeder([&] {
    const Fd out(open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
    for (const std::uint8_t& byte : bytes.bytes) {
      if (write(out.get(), &byte, 1) != 1) return;
      if (&byte - bytes.bytes.data() == 90)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });
  CaptureReader reader(fifo);
  Frame frame;
  unsigned frames = 0;
  unsigned waits = 0;
  while (!reader.ended()) {
    if (reader.next(frame, std::chrono::milliseconds(5)))
      ++frames;
    else if (!reader.ended())
      ++waits;
  }
  EXPECT_EQ(frames, 2u);
  EXPECT_GT(waits, 0u);
  EXPECT_FALSE(reader.cut());
}

}  // namespace
}  // namespace gray
