// `capture --mode tap` against the in-kernel paced generator: every frame is in the file, in order,
// or has a name in the ledger.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>

#include "userspace/capture/file_source.h"
#include "userspace/lab/production.h"

namespace gray {
namespace {

struct Wire {
  Wire() : sender(lab.ns("sender")), tapped(lab.ns("tapped")) {
    lab.link(sender, "va", tapped, "vb");
  }

  Process start_capture(Argv arguments) const {
    arguments.insert(arguments.begin(),
                     {built_binary("grayxdp"), "capture", "-i", "vb", "--mode", "tap"});
    Process process = tapped.spawn(arguments);
    while (process.running() && process.err().find(" (") == std::string::npos)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return process;
  }
  void generate(const std::string& count, const std::string& rate,
                const std::string& size = "128") const {
    sender.must_run({built_binary("pktgen"), "-i", "va", "--count", count, "--rate", rate, "--size",
                     size, "--flows", "64"},
                    std::chrono::seconds(60));
  }

  Lab lab;
  Namespace& sender;
  Namespace& tapped;
  TempDir dir;
};

// pktgen's sequence number, the first eight payload bytes in network order.
std::uint64_t sequence(const Frame& frame) {
  const Packet packet = decode(frame);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8 && i < packet.payload.size(); ++i)
    number = number << 8 | packet.payload[i];
  return number;
}

struct Order {
  std::uint64_t frames = 0;
  std::uint64_t out_of_order = 0;
};

Order order_in(const std::string& path) {
  FileSource source({path});
  std::array<Frame, 256> frames;
  Order order;
  std::uint64_t last = 0;
  while (!source.ended()) {
    const std::size_t count = source.receive(frames, std::chrono::milliseconds(10));
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t number = sequence(frames[i]);
      if (order.frames > 0 && number <= last) ++order.out_of_order;
      last = number;
      ++order.frames;
    }
    source.recycle(std::span(frames).first(count));
  }
  return order;
}

TEST(Tap, AMillionFramesAreInTheFileInOrder) {
  const Wire wire;
  const std::string path = wire.dir / "million.pcapng";
  Process capture = wire.start_capture({"-w", path, "--json"});
  wire.generate("1000000", "300kpps");
  ASSERT_EQ(interrupt(capture), 0) << capture.err();
  const auto summary = json_lines(capture.out()).at(0);
  EXPECT_EQ(summary["frames"]["seen"], 1'000'000) << summary;
  EXPECT_EQ(summary["frames"]["written"], 1'000'000) << summary;
  EXPECT_EQ(summary["flows"]["seen"], 64) << summary;
  EXPECT_EQ(summary["balanced"], true) << summary;
  EXPECT_EQ(summary["lost"], 0) << summary;
  const Order order = order_in(path);
  EXPECT_EQ(order.frames, 1'000'000u);
  EXPECT_EQ(order.out_of_order, 0u);
  const RunResult capinfos = run({"capinfos", "-c", "-M", path}, std::chrono::seconds(60));
  EXPECT_NE(capinfos.out.find("1000000"), std::string::npos) << capinfos.out;
  EXPECT_EQ(capinfos.status, 0);
}

TEST(Tap, ASlowReaderLosesNothingWithoutAName) {
  const Wire wire;
  const std::string command = built_binary("grayxdp") + " capture -i vb --mode tap -w - 2>" +
                              (wire.dir / "log") + " | (sleep 4; cat >" +
                              (wire.dir / "slow.pcapng") + ")";
  Process capture = wire.tapped.spawn({"bash", "-c", command});
  while (read_text(wire.dir / "log").find(" (") == std::string::npos)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  wire.generate("300000", "200kpps", "1400");
  wire.tapped.run({"pkill", "-INT", "-x", "-g", std::to_string(capture.pid()), "grayxdp"});
  EXPECT_EQ(capture.wait(std::chrono::seconds(30)), 0);
  const std::string log = read_text(wire.dir / "log");
  EXPECT_NE(log.find("ledger: balanced"), std::string::npos) << log;
  EXPECT_NE(log.find("xdp: 300000 frames in"), std::string::npos) << log;
  const Order order = order_in(wire.dir / "slow.pcapng");
  EXPECT_LT(order.frames, 300'000u) << "the reader was not slow enough";
  EXPECT_NE(log.find(std::to_string(order.frames) + " packets captured"), std::string::npos) << log;
  EXPECT_NE(log.find(std::to_string(300'000 - order.frames) + " packets dropped"),
            std::string::npos)
      << log;
}

TEST(Tap, TsharkReadsTheFileWithoutAWarning) {
  const Wire wire;
  const std::string path = wire.dir / "few.pcapng";
  Process capture = wire.start_capture({"-w", path});
  wire.generate("1000", "100kpps");
  EXPECT_EQ(interrupt(capture), 0) << capture.err();
  const RunResult tshark =
      run({"tshark", "-r", path, "-T", "fields", "-e", "frame.number"}, std::chrono::seconds(60));
  EXPECT_EQ(std::count(tshark.out.begin(), tshark.out.end(), '\n'), 1000);
  EXPECT_EQ(tshark.err.find("warning"), std::string::npos) << tshark.err;
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

void hang_up(Process& capture, const std::string& said) {
  capture.signal(SIGHUP);
  for (int i = 0; i < 500 && capture.err().find(said) == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_NE(capture.err().find(said), std::string::npos) << capture.err();
}

TEST(Tap, AHangupReadsFilterAndSampleAgain) {
  const Wire wire;
  const std::string filter = wire.dir / "filter";
  const std::string share = wire.dir / "share";
  write_text(filter, "tcp");
  write_text(share, "100%");
  Process capture =
      wire.start_capture({"-F", filter, "--sample", "@" + share, "--json", "-w", wire.dir / "f"});
  wire.generate("1000", "100kpps");
  write_text(filter, "udp");
  hang_up(capture, "the filter is now 'udp'");
  wire.generate("1000", "100kpps");
  write_text(share, "0.1%");
  hang_up(capture, "the sample is now 0.1%");
  wire.generate("1000", "100kpps");
  write_text(share, "half");
  hang_up(capture, "the sample stays as it is");
  ASSERT_EQ(interrupt(capture), 0) << capture.err();
  const auto frames = nlohmann::json::parse(capture.out())["frames"];
  EXPECT_EQ(frames["seen"], 3000);
  EXPECT_EQ(frames["filtered_out"], 1000);
  EXPECT_GT(frames["sampled_out"], 800);
  EXPECT_EQ(frames["written"], 2000 - frames["sampled_out"].get<int>());
}

}  // namespace
}  // namespace gray
