#include "userspace/pcapng/writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "userspace/base/errors.h"
#include "userspace/packet/build.h"
#include "userspace/pcapng/reader.h"

namespace gray {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

class PcapngWriting : public testing::Test {
 protected:
  PcapngWriting() {
    std::string pattern = (fs::temp_directory_path() / "pcapng-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~PcapngWriting() override { fs::remove_all(directory_); }

  std::string path(const std::string& name = "x.pcapng") const { return directory_ / name; }

  static InterfaceInfo interface() {
    return {.name = "vb",
            .description = "tap, native XDP",
            .os = "Linux 6.18",
            .filter = "tcp port 80",
            .link = LinkType::Ethernet,
            .snaplen = 65535};
  }
  static SectionInfo section() {
    return {.application = "grayxdp test",
            .os = "Linux 6.18",
            .clock = "CLOCK_TAI - 37 s",
            .tag_seed = 0x1234};
  }
  PcapngWriter writer(Fd fd) const {
    const std::array interfaces = {interface()};
    return {std::move(fd), section(), interfaces};
  }

  fs::path directory_;
};

Frame frame_of(const Bytes& bytes, std::uint64_t time_ns) {
  return {.bytes = bytes, .time_ns = time_ns, .wire_len = static_cast<std::uint32_t>(bytes.size())};
}

Bytes request() {
  return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(50000, 80).payload("GET /").bytes();
}

/// What a shell command prints; `status` is its exit code.
std::string output_of(const std::string& command, int& status) {
  std::string text;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return text;
  std::array<char, 4096> piece{};
  while (std::size_t count = fread(piece.data(), 1, piece.size(), pipe))
    text.append(piece.data(), count);
  status = WEXITSTATUS(pclose(pipe));
  return text;
}

TEST_F(PcapngWriting, EverythingComesBackExactly) {
  const Bytes bytes = request();
  {
    PcapngWriter out = writer(create_capture(path()));
    Frame frame = frame_of(bytes, 1'767'323'045'123'456'789);
    frame.queue = 3;
    frame.direction = GRAY_DIR_OUT;
    EXPECT_TRUE(out.write(frame, 5));
    frame.time_ns += 1;
    frame.wire_len = 9000;
    frame.direction = GRAY_DIR_UNKNOWN;
    EXPECT_TRUE(out.write(frame));
    out.finish({});
    EXPECT_FALSE(out.failure());
    EXPECT_EQ(out.frames_safe(), 2u);
    EXPECT_EQ(out.bytes_safe(), fs::file_size(path()));
  }
  CaptureReader in(path());
  Frame frame;
  ASSERT_TRUE(in.next(frame));
  EXPECT_EQ(Bytes(frame.bytes.begin(), frame.bytes.end()), bytes);
  EXPECT_EQ(frame.time_ns, 1'767'323'045'123'456'789u);
  EXPECT_EQ(frame.queue, 3);
  EXPECT_EQ(frame.direction, GRAY_DIR_OUT);
  ASSERT_TRUE(in.next(frame));
  EXPECT_EQ(frame.time_ns, 1'767'323'045'123'456'790u);
  EXPECT_EQ(frame.wire_len, 9000u);
  EXPECT_EQ(frame.direction, GRAY_DIR_UNKNOWN);
  EXPECT_FALSE(in.next(frame));
  EXPECT_TRUE(in.ended());
  EXPECT_EQ(in.warning(), "");
  ASSERT_EQ(in.interfaces().size(), 1u);
  const InterfaceInfo& described = in.interfaces()[0];
  EXPECT_EQ(described.name, "vb");
  EXPECT_EQ(described.description, "tap, native XDP");
  EXPECT_EQ(described.os, "Linux 6.18");
  EXPECT_EQ(described.filter, "tcp port 80");
  EXPECT_EQ(described.snaplen, 65535u);
}

TEST_F(PcapngWriting, CapturesAreForTheirOwnerOnly) {
  const mode_t before = umask(0);
  create_capture(path());
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(PcapngWriting, ATerminalIsRefused) {
  const Fd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(master);
  ASSERT_EQ(grantpt(master.get()), 0);
  ASSERT_EQ(unlockpt(master.get()), 0);
  std::array<char, 64> name{};
  ASSERT_EQ(ptsname_r(master.get(), name.data(), name.size()), 0);
  EXPECT_THROW(create_capture(name.data()), UsageError);
  EXPECT_THROW(create_capture(path("no/such/directory")), std::system_error);
}

TEST_F(PcapngWriting, WiresharkReadsItWithoutAWarning) {
  if (std::system("command -v tshark capinfos tcpdump >/dev/null") != 0)
    GTEST_SKIP() << "tshark, capinfos or tcpdump is not installed";
  const Bytes bytes = request();
  PcapngWriter out = writer(create_capture(path()));
  Frame frame = frame_of(bytes, 1'767'323'045'123'456'789);
  frame.queue = 2;
  frame.direction = GRAY_DIR_IN;
  out.write(frame, 7);
  out.finish(std::array{InterfaceStatistics{
      .start_ns = frame.time_ns, .end_ns = frame.time_ns + 5, .received = 8, .dropped = 7}});

  int status = -1;
  const std::string fields =
      output_of("tshark -r " + path() +
                    " -T fields -e frame.time_epoch -e frame.interface_name -e "
                    "frame.interface_description -e frame.packet_flags_direction "
                    "-e frame.interface_queue -e frame.drop_count | grep -v Running",
                status);
  EXPECT_EQ(fields, "1767323045.123456789\tvb\ttap, native XDP\t0x00000001\t2\t7\n");
  const std::string facts = output_of("capinfos " + path(), status);
  EXPECT_EQ(status, 0) << facts;
  for (const char* fact : {"clock: CLOCK_TAI - 37 s; flow tag seed: 0x0000000000001234",
                           "grayxdp test", "Time precision = nanoseconds (9)",
                           "Filter string = tcp port 80", "Number of packets:   1"})
    EXPECT_NE(facts.find(fact), std::string::npos) << fact << "\n" << facts;
  const std::string line = output_of("tcpdump -nr " + path(), status);
  EXPECT_EQ(status, 0) << line;
  EXPECT_NE(line.find("10.0.0.1.50000 > 10.0.0.2.80"), std::string::npos) << line;
}

TEST_F(PcapngWriting, AFileCutBetweenFlushesIsWhole) {
  const Bytes bytes = request();
  PcapngWriter out = writer(create_capture(path()));
  for (int i = 0; i < 100; ++i) out.write(frame_of(bytes, 1));
  out.flush();
  for (int i = 0; i < 100; ++i) out.write(frame_of(bytes, 1));
  EXPECT_EQ(out.frames_safe(), 100u);
  EXPECT_EQ(out.frames_written(), 200u);
  CaptureReader in(path());  // as it is now, had the writer been killed
  Frame frame;
  while (in.next(frame)) in.give_back(frame);
  EXPECT_EQ(in.frames(), 100u);
  EXPECT_FALSE(in.cut());
}

TEST_F(PcapngWriting, AFullDiskLeavesWholeFramesAndIsRemembered) {
  // A limit on the size of files stands for the full disk: write(2) takes what fits, then fails.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const Bytes bytes(1000, 0x5a);
  std::uint64_t taken = 0;
  for (const rlim_t limit : {rlim_t{10}, rlim_t{300}, rlim_t{100'000}, rlim_t{3'000'001}}) {
    Fd fd = create_capture(path());
    const rlimit small{.rlim_cur = limit, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    PcapngWriter out = writer(std::move(fd));
    taken = 0;
    for (int i = 0; i < 5000; ++i) taken += out.write(frame_of(bytes, 1));
    out.finish({});
    setrlimit(RLIMIT_FSIZE, &before);

    EXPECT_EQ(out.failure(), std::errc::file_too_large);
    EXPECT_FALSE(out.write(frame_of(bytes, 1)));
    EXPECT_EQ(out.frames_written(), taken);
    EXPECT_LE(out.frames_safe(), taken);
    EXPECT_EQ(fs::file_size(path()), out.bytes_safe()) << limit;
    if (out.bytes_safe() == 0) continue;
    CaptureReader in(path());
    Frame frame;
    while (in.next(frame)) in.give_back(frame);
    EXPECT_FALSE(in.cut()) << in.warning();
    EXPECT_EQ(in.frames(), out.frames_safe());
  }
  EXPECT_GT(taken, 2000u);
}

TEST_F(PcapngWriting, APipeTakesItAllAndABrokenOneIsRemembered) {
  signal(SIGPIPE, SIG_IGN);
  const Bytes bytes(60'000, 0x5a);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  Fd reading(ends[0]);
  std::uint64_t received = 0;
  std::jthread reader([&] {
    std::array<char, 5000> piece{};
    while (received < 1'000'000) {
      const ssize_t count = read(reading.get(), piece.data(), piece.size());
      if (count <= 0) return;
      received += static_cast<std::uint64_t>(count);
    }
    reading.reset();
  });
  PcapngWriter out = writer(Fd(ends[1]));
  std::uint64_t taken = 0;
  for (int i = 0; i < 200; ++i) taken += out.write(frame_of(bytes, 1));
  out.finish({});
  reader.join();
  EXPECT_EQ(out.failure(), std::errc::broken_pipe);
  EXPECT_GE(received, 1'000'000u);
  EXPECT_LT(out.frames_safe(), taken);
}

TEST_F(PcapngWriting, WhatCannotBeDescribedIsRefused) {
  PcapngWriter out = writer(create_capture(path()));
  const Bytes bytes = request();
  Frame frame = frame_of(bytes, 1);
  frame.interface = 1;
  EXPECT_FALSE(out.write(frame));
  const Bytes huge(kMaxCapturedBytes + 1, 0);
  EXPECT_FALSE(out.write(frame_of(huge, 1)));
  const Bytes largest(kMaxCapturedBytes, 0);
  EXPECT_TRUE(out.write(frame_of(largest, 1)));
  EXPECT_EQ(out.frames_written(), 1u);
}

TEST_F(PcapngWriting, LongTextsAreCutNotOverflowing) {
  InterfaceInfo long_one = interface();
  long_one.filter = std::string(100'000, 'f');
  long_one.description = std::string(100'000, 'd');
  const std::array interfaces = {long_one, long_one, long_one};
  PcapngWriter out(create_capture(path()), section(), interfaces);
  out.finish({});
  CaptureReader in(path());
  Frame frame;
  EXPECT_FALSE(in.next(frame));
  EXPECT_FALSE(in.cut()) << in.warning();
  EXPECT_EQ(in.interfaces().size(), 3u);
}

}  // namespace
}  // namespace gray
