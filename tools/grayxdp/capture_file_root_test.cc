// What `capture` writes, as the user finds it: rotated, compressed, killed in the middle, on a full
// disk, as text, into a pipe that closes.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

#include "userspace/lab/production.h"

namespace gray {
namespace {

namespace fs = std::filesystem;

struct Wire {
  Wire() : sender(lab.ns("sender")), tapped(lab.ns("tapped")) {
    lab.link(sender, "va", tapped, "vb");
  }

  Process start(Argv arguments, const SpawnOptions& options = {}) const {
    arguments.insert(arguments.begin(),
                     {built_binary("grayxdp"), "capture", "-i", "vb", "--mode", "tap"});
    Process process = tapped.spawn(arguments, options);
    while (process.running() && process.err().find(" (") == std::string::npos)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return process;
  }
  void generate(const std::string& count, const std::string& rate,
                const std::string& size = "700") const {
    sender.run({built_binary("pktgen"), "-i", "va", "--count", count, "--rate", rate, "--size",
                size, "--flows", "8"},
               std::chrono::seconds(60));
  }

  Lab lab;
  Namespace& sender;
  Namespace& tapped;
  TempDir dir;
};

/// By tshark, which must not complain, unless the writer may have been killed within a frame.
std::uint64_t frames_in(const std::string& path, bool killed = false) {
  const RunResult result =
      run({"sh", "-c", "tshark -n -r '" + path + "' | wc -l"}, std::chrono::seconds(60));
  EXPECT_TRUE(killed || result.err.find("cut short") == std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("damaged"), std::string::npos) << result.err;
  return std::stoull(result.out);
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(CaptureFile, RotatedBySizeNothingIsLostBetweenTheFiles) {
  const Wire wire;
  Process capture = wire.start({"-w", wire.dir / "x.pcapng", "-C", "1", "--json"});
  wire.generate("6000", "20kpps");
  EXPECT_EQ(interrupt(capture), 0) << capture.err();
  const auto summary = json_lines(capture.out()).at(0);
  EXPECT_EQ(summary["balanced"], true) << summary;
  EXPECT_EQ(summary["frames"]["written"], 6000) << summary;
  std::uint64_t frames = 0;
  const auto names = names_in(wire.dir.path());
  EXPECT_EQ(names.size(), 5u);  // 6000 * 744 bytes in files of a little more than 1,000,000
  for (const std::string& name : names) frames += frames_in(wire.dir / name);
  EXPECT_EQ(frames, 6000u);
}

TEST(CaptureFile, RotatedByTimeItEndsAfterAsManyFilesAsWereAskedFor) {
  const Wire wire;
  Process capture = wire.start({"-w", wire.dir / "x-%s.pcapng", "-G", "1", "-W", "2", "--json"});
  wire.generate("100", "100pps");
  EXPECT_EQ(capture.wait(std::chrono::seconds(20)), 0) << capture.err();
  EXPECT_EQ(names_in(wire.dir.path()).size(), 2u);
  EXPECT_EQ(json_lines(capture.out()).at(0)["balanced"], true) << capture.out();
}

TEST(CaptureFile, CompressedItIsSmallerAndReadByOurselvesToo) {
  const Wire wire;
  const std::string path = wire.dir / "x.pcapng.zst";
  Process capture = wire.start({"-w", path, "--compress", "zstd", "--json"});
  wire.generate("20000", "50kpps");
  EXPECT_EQ(interrupt(capture), 0) << capture.err();
  const auto summary = json_lines(capture.out()).at(0);
  EXPECT_EQ(summary["frames"]["written"], 20'000) << summary;
  EXPECT_EQ(summary["bytes"]["written"], fs::file_size(path));
  EXPECT_LT(fs::file_size(path), 20'000u * 100);
  const RunResult flows = run({built_binary("grayxdp"), "flows", "-r", path, "--json"});
  EXPECT_EQ(flows.status, 0) << flows.err;
  EXPECT_EQ(json_lines(flows.out).size(), 8u) << flows.out;
  must_run({"sh", "-c", "zstd -dcq '" + path + "' >'" + (wire.dir / "plain") + "'"});
  EXPECT_EQ(frames_in(wire.dir / "plain"), 20'000u);
}

TEST(CaptureFile, CompressedAndKilledItOpensUpToTheCut) {
  const Wire wire;
  const std::string path = wire.dir / "x.zst";
  Process capture = wire.start({"-w", path, "--compress", "zstd"});
  std::jthread sender([&] { wire.generate("150000", "50kpps"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  capture.signal(SIGKILL);
  EXPECT_EQ(capture.wait(), 128 + SIGKILL);
  sender.join();
  // zstd says that the last frame is cut, when it is; what it gave before is whole.
  run({"sh", "-c", "zstd -dcq '" + path + "' >'" + (wire.dir / "plain") + "' 2>/dev/null"});
  EXPECT_GT(frames_in(wire.dir / "plain", true), 10'000u);
}

TEST(CaptureFile, KilledItOpensUpToTheCut) {
  const Wire wire;
  for (const char* directory : {"/dev/shm", "/var/tmp"}) {  // page cache, direct I/O
    const fs::path path = fs::path(directory) / ("grayxdp-kill-" + std::to_string(getpid()));
    Process capture = wire.start({"-w", path});
    std::jthread sender([&] { wire.generate("150000", "50kpps"); });
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    capture.signal(SIGKILL);
    EXPECT_EQ(capture.wait(), 128 + SIGKILL);
    sender.join();
    EXPECT_GT(frames_in(path, true), 10'000u) << directory;
    fs::remove(path);
  }
}

void expect_safe_on_a_full_disk(const Argv& options, const char* size = "size=3m") {
  const Wire wire;
  const std::string small = wire.dir / "small";
  ASSERT_EQ(mkdir(small.c_str(), 0700), 0);
  ASSERT_EQ(mount("tmpfs", small.c_str(), "tmpfs", 0, size), 0);
  Argv arguments{"-w", small + "/x", "--json"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  Process capture = wire.start(arguments);
  wire.generate("150000", "100kpps", "1400");
  EXPECT_EQ(capture.wait(std::chrono::seconds(20)), 1) << capture.err();
  EXPECT_NE(capture.err().find("No space left on device"), std::string::npos) << capture.err();
  const auto summary = json_lines(capture.out()).at(0);
  EXPECT_EQ(summary["balanced"], true) << summary;
  const auto written = summary["frames"]["written"].get<std::uint64_t>();
  EXPECT_NE(capture.err().find(std::to_string(written) + " frames are safe"), std::string::npos)
      << capture.err();
  std::uint64_t found = 0;
  for (const std::string& name : names_in(small)) {
    const std::string command = "cat '" + small + "/" + name + "' | (zstd -dcqf || true) >'" +
                                (wire.dir / "plain") + "' 2>/dev/null";
    run({"sh", "-c", command}, std::chrono::seconds(30));
    if (fs::file_size(wire.dir / "plain") > 0) found += frames_in(wire.dir / "plain");
  }
  EXPECT_EQ(found, written);
  umount2(small.c_str(), MNT_DETACH);
}

TEST(CaptureFile, AFullDiskLeavesWhatIsCounted) {
  expect_safe_on_a_full_disk({});
}
TEST(CaptureFile, AFullDiskLeavesWhatIsCountedInEveryFileOfARotation) {
  expect_safe_on_a_full_disk({"-C", "1"});
}
TEST(CaptureFile, AFullDiskLeavesWhatIsCountedCompressed) {
  // So much of these frames is alike that it takes many to fill a disk.
  expect_safe_on_a_full_disk({"--compress", "zstd", "-C", "100"}, "size=1m");
}

TEST(CaptureText, OneLineAFrameInOrder) {
  const Wire wire;
  Process capture = wire.start({"-n", "-e", "-c", "5000"},
                               {.out_path = wire.dir / "text", .err_path = wire.dir / "log"});
  wire.generate("5000", "20kpps");
  EXPECT_EQ(capture.wait(std::chrono::seconds(20)), 0);
  const std::string text = read_text(wire.dir / "text");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5000);
  EXPECT_EQ(text.back(), '\n');
  std::size_t lines_with_ports = 0;
  for (std::size_t at = text.find(".9: UDP, length 658\n"); at != std::string::npos;
       at = text.find(".9: UDP, length 658\n", at + 1))
    ++lines_with_ports;
  EXPECT_EQ(lines_with_ports, 5000u);
}

TEST(CaptureText, HexAsTcpdumpPrintsIt) {
  const Wire wire;
  Process capture = wire.start({"-XX", "-c", "1"});
  wire.generate("1", "1kpps", "64");
  EXPECT_EQ(capture.wait(), 0);
  const std::string text = capture.out();
  const std::string first =
      "\t0x0000:  0200 0000 0002 0200 0000 0001 0800 4500  ..............E.\n";
  EXPECT_NE(text.find(first), std::string::npos) << text;
}

TEST(CaptureText, AClosedPipeEndsItCleanly) {
  const Wire wire;
  const std::string command = built_binary("grayxdp") + " capture -i vb --mode tap -l 2>" +
                              (wire.dir / "log") + " | head -3 >" + (wire.dir / "head") +
                              "; echo ${PIPESTATUS[0]} >" + (wire.dir / "status");
  Process shell = wire.tapped.spawn({"bash", "-c", command});
  while (read_text(wire.dir / "log").find(" (") == std::string::npos)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  wire.generate("3000", "1kpps");
  EXPECT_EQ(shell.wait(std::chrono::seconds(20)), 0);
  EXPECT_EQ(read_text(wire.dir / "status"), "0\n") << read_text(wire.dir / "log");
  const std::string head = read_text(wire.dir / "head");
  EXPECT_EQ(std::count(head.begin(), head.end(), '\n'), 3);
  EXPECT_NE(read_text(wire.dir / "log").find("ledger: balanced"), std::string::npos)
      << read_text(wire.dir / "log");
}

}  // namespace
}  // namespace gray
