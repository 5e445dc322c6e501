// `replay -i` over a veth pair: what was recorded comes out of the other end, in order, byte for
// byte, or has a name in the ledger.
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <thread>

#include "userspace/base/clock.h"
#include "userspace/kernel/tx_port.h"
#include "userspace/lab/production.h"
#include "userspace/packet/build.h"
#include "userspace/pcapng/reader.h"

namespace gray {
namespace {

using FrameBytes = std::vector<std::uint8_t>;

// An Ethernet frame of an experimental type: nothing on the way looks into it.
FrameBytes numbered_frame(std::uint32_t number, std::size_t size) {
  std::mt19937 random(number);
  FrameBytes frame{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
  for (int shift = 24; shift >= 0; shift -= 8)
    frame.push_back(static_cast<std::uint8_t>(number >> shift));
  while (frame.size() < size) frame.push_back(static_cast<std::uint8_t>(random()));
  return frame;
}

// Classic pcap with nanoseconds; its fields are of this machine's byte order.
void write_capture(const std::string& path, const std::vector<FrameBytes>& frames,
                   std::uint64_t gap_ns, std::uint64_t start_ns = 1'700'000'000 * kNsPerSecond) {
  std::ofstream out(path, std::ios::binary);
  const auto put = [&](const std::vector<std::uint32_t>& words) {
    out.write(reinterpret_cast<const char*>(words.data()),
              static_cast<std::streamsize>(4 * words.size()));
  };
  put({0xa1b23c4d, 2 | 4 << 16, 0, 0, 65535, 1});
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::uint64_t time = start_ns + i * gap_ns;
    const auto size = static_cast<std::uint32_t>(frames[i].size());
    put({static_cast<std::uint32_t>(time / kNsPerSecond),
         static_cast<std::uint32_t>(time % kNsPerSecond), size, size});
    out.write(reinterpret_cast<const char*>(frames[i].data()), size);
  }
}

std::vector<FrameBytes> read_capture(const std::string& path) {
  CaptureReader reader(path);
  std::vector<FrameBytes> frames;
  Frame frame;
  while (reader.next(frame)) {
    frames.emplace_back(frame.bytes.begin(), frame.bytes.end());
    reader.give_back(frame);
  }
  return frames;
}

std::vector<FrameBytes> numbered_frames(std::uint32_t count) {
  std::vector<FrameBytes> frames;
  for (std::uint32_t i = 0; i < count; ++i) frames.push_back(numbered_frame(i, 60 + i * 7 % 1455));
  return frames;
}

struct Wire {
  explicit Wire(const LinkOptions& link = {})
      : sender(lab.ns("sender")), receiver(lab.ns("receiver")) {
    lab.link(sender, "va", receiver, "vb", link);
  }

  Process start_capture(const std::string& path, const std::string& mode = "tap") const {
    Process process = receiver.spawn({built_binary("grayxdp"), "capture", "-i", "vb", "--mode",
                                      mode, "-w", path, "--json", "--ring", "64MiB"});
    while (process.running() && process.err().find(" (") == std::string::npos)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return process;
  }
  Process start_replay(Argv arguments) const {
    arguments.insert(arguments.begin(), {built_binary("grayxdp"), "replay"});
    Process process = sender.spawn(arguments);
    while (process.running() && process.err().find("sending") == std::string::npos)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return process;
  }
  RunResult replay(Argv arguments) const {
    arguments.insert(arguments.begin(), {built_binary("grayxdp"), "replay"});
    return sender.run(arguments, std::chrono::seconds(60));
  }
  // With exit code 0; gives the summary.
  nlohmann::json replay_well(Argv arguments) const {
    arguments.push_back("--json");
    const RunResult result = replay(std::move(arguments));
    EXPECT_EQ(result.status, 0) << result.err << result.out;
    const auto lines = json_lines(result.out);
    const nlohmann::json summary = lines.empty() ? nlohmann::json{} : lines.at(0);
    EXPECT_EQ(summary["balanced"], true) << summary;
    return summary;
  }
  // Ends the capture once it holds `frames`, or they will not come any more.
  void end_capture(Process& capture, const std::string& interface, std::uint64_t frames) const {
    for (int i = 0; i < 100 && lab.counters(interface).rx_packets < frames; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(interrupt(capture), 0) << capture.err();
  }

  Lab lab;
  Namespace& sender;
  Namespace& receiver;
  TempDir dir;
};

TEST(Inject, TenThousandFramesArriveInOrderAndWhole) {
  const Wire wire;
  const auto frames = numbered_frames(10'000);
  write_capture(wire.dir / "in.pcap", frames, 20 * kNsPerUs);
  for (const std::string via : {"xdp", "packet"}) {
    Process capture = wire.start_capture(wire.dir / "out.pcapng");
    const auto summary = wire.replay_well({wire.dir / "in.pcap", "-i", "va", "--via", via});
    wire.end_capture(capture, "vb", frames.size());
    EXPECT_EQ(summary["verb"], "replay");
    EXPECT_EQ(summary["via"], via);
    EXPECT_EQ(summary["zero_copy"], false);
    EXPECT_EQ(summary["frames"]["read"], 10'000);
    EXPECT_EQ(summary["frames"]["sent"], 10'000);
    EXPECT_EQ(summary["frames"]["skipped"].size(), 0u) << summary;
    EXPECT_EQ(summary["fidelity"]["reordered"], 0) << summary;
    EXPECT_EQ(summary["fidelity"]["frames"], 10'000) << summary;
    EXPECT_EQ(summary["fidelity"]["measured_at"], via == "xdp" ? "tx_timestamp" : "send");
    EXPECT_GE(summary["duration_s"], 0.199) << summary;
    EXPECT_TRUE(read_capture(wire.dir / "out.pcapng") == frames) << via;
  }
}

TEST(Inject, RoundsAndLimitsAreExact) {
  const Wire wire;
  write_capture(wire.dir / "in.pcap", numbered_frames(1000), kNsPerUs);
  for (const char* preload : {"--json", "-K"}) {
    Process capture = wire.start_capture(wire.dir / "out.pcapng");
    const auto summary = wire.replay_well(
        {wire.dir / "in.pcap", "-i", "va", "-p", "50kpps", "-l", "3", "-L", "2500", preload});
    wire.end_capture(capture, "vb", 2500);
    EXPECT_EQ(summary["frames"]["sent"], 2500) << summary;
    const auto arrived = read_capture(wire.dir / "out.pcapng");
    ASSERT_EQ(arrived.size(), 2500u);
    EXPECT_EQ(arrived[1000], arrived[0]);
    EXPECT_EQ(arrived[2499], arrived[499]);
  }
}

TEST(Inject, TopSpeedLosesNothing) {
  const Wire wire;
  write_capture(wire.dir / "in.pcap", numbered_frames(2000), kNsPerMs);
  Process capture = wire.start_capture(wire.dir / "out.pcapng");
  const auto summary = wire.replay_well({wire.dir / "in.pcap", "-i", "va", "-t", "-K"});
  wire.end_capture(capture, "vb", 2000);
  EXPECT_EQ(summary["frames"]["sent"], 2000) << summary;
  EXPECT_TRUE(summary["fidelity"].is_null()) << summary;
  const auto seen = json_lines(capture.out()).at(0);
  EXPECT_EQ(seen["frames"]["seen"].get<int>() + summary["interface_dropped"].get<int>(), 2000);
}

TEST(Inject, SeveralFilesAreMergedByTime) {
  const Wire wire;
  std::vector<FrameBytes> even;
  std::vector<FrameBytes> odd;
  for (std::uint32_t i = 0; i < 500; ++i)
    (i % 2 == 0 ? even : odd).push_back(numbered_frame(i, 100));
  constexpr std::uint64_t kStart = 1'700'000'000 * kNsPerSecond;
  write_capture(wire.dir / "even.pcap", even, 40 * kNsPerUs, kStart);
  write_capture(wire.dir / "odd.pcap", odd, 40 * kNsPerUs, kStart + 20 * kNsPerUs);
  Process capture = wire.start_capture(wire.dir / "out.pcapng");
  wire.replay_well({wire.dir / "odd.pcap", wire.dir / "even.pcap", "-i", "va"});
  wire.end_capture(capture, "vb", 500);
  const auto arrived = read_capture(wire.dir / "out.pcapng");
  ASSERT_EQ(arrived.size(), 500u);
  for (std::uint32_t i = 0; i < 500; ++i) EXPECT_EQ(arrived[i], numbered_frame(i, 100)) << i;
}

TEST(Inject, JumboFramesTakeSeveralPiecesOfMemory) {
  const Wire wire({.mtu = 9000});
  std::vector<FrameBytes> frames;
  for (std::uint32_t i = 0; i < 300; ++i) frames.push_back(numbered_frame(i, 3900 + i * 17));
  write_capture(wire.dir / "in.pcap", frames, 100 * kNsPerUs);
  Process capture = wire.start_capture(wire.dir / "out.pcapng", "host");
  const auto summary = wire.replay_well({wire.dir / "in.pcap", "-i", "va", "--via", "xdp"});
  wire.end_capture(capture, "vb", frames.size());
  EXPECT_EQ(summary["frames"]["sent"], 300) << summary;
  EXPECT_TRUE(read_capture(wire.dir / "out.pcapng") == frames);
}

// A conversation: the client's frames and the server's in turn.
std::vector<FrameBytes> conversation(int exchanges) {
  std::vector<FrameBytes> frames;
  for (int i = 0; i < exchanges; ++i) {
    frames.push_back(
        PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(50000, 53).filler(60).bytes());
    frames.push_back(
        PacketBuilder().eth().ipv4("10.0.0.2", "10.0.0.1").udp(53, 50000).filler(90).bytes());
  }
  return frames;
}

TEST(Inject, FramesAreRewrittenOnTheWay) {
  const Wire wire;
  write_capture(wire.dir / "in.pcap", conversation(50), 20 * kNsPerUs);
  Process capture = wire.start_capture(wire.dir / "out.pcapng");
  wire.replay_well({wire.dir / "in.pcap", "-i", "va", "--pnat", "10.0.0.0/24:192.0.2.0/24",
                    "--portmap", "53:5353", "--enet-vlan", "add", "--enet-vlan-tag", "7"});
  wire.end_capture(capture, "vb", 100);
  const auto arrived = read_capture(wire.dir / "out.pcapng");
  ASSERT_EQ(arrived.size(), 100u);
  const FrameBytes client = PacketBuilder()
                                .eth()
                                .vlan(7)
                                .ipv4("192.0.2.1", "192.0.2.2")
                                .udp(50000, 5353)
                                .filler(60)
                                .bytes();
  const FrameBytes server = PacketBuilder()
                                .eth()
                                .vlan(7)
                                .ipv4("192.0.2.2", "192.0.2.1")
                                .udp(5353, 50000)
                                .filler(90)
                                .bytes();
  for (std::size_t i = 0; i < arrived.size(); ++i)
    EXPECT_EQ(arrived[i], i % 2 == 0 ? client : server) << i;
}

TEST(Inject, EachSideGoesOutOfItsInterface) {
  Wire wire;
  Namespace& servers = wire.lab.ns("servers");
  wire.lab.link(wire.sender, "vc", servers, "vd");
  write_capture(wire.dir / "in.pcap", conversation(100), 20 * kNsPerUs);
  for (const std::string split : {"auto", "10.0.0.1/32", "servers=10.0.0.2/32"}) {
    const auto clients_before = wire.lab.counters("vb").rx_packets;
    const auto servers_before = wire.lab.counters("vd").rx_bytes;
    const auto summary =
        wire.replay_well({wire.dir / "in.pcap", "-i", "va", "-I", "vc", "--split", split});
    EXPECT_EQ(summary["frames"]["sent"], 200) << summary;
    EXPECT_EQ(summary["second_interface"], "vc");
    EXPECT_EQ(wire.lab.counters("vb").rx_packets - clients_before, 100u) << split;
    EXPECT_EQ(wire.lab.counters("vd").rx_bytes - servers_before, 100u * (14 + 20 + 8 + 90))
        << split;
  }
}

TEST(Inject, SuperFramesAreCutToTheMtu) {
  const Wire wire;
  const FrameBytes super = PacketBuilder()
                               .eth()
                               .ipv4("10.0.0.1", "10.0.0.2")
                               .tcp(50000, 80)
                               .seq(1000)
                               .filler(14'600)
                               .bytes();
  const FrameBytes datagram =
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(50000, 80).filler(3000).bytes();
  write_capture(wire.dir / "in.pcap", {super, datagram, super}, kNsPerMs);
  Process capture = wire.start_capture(wire.dir / "out.pcapng");
  const auto summary = wire.replay_well({wire.dir / "in.pcap", "-i", "va"});
  wire.end_capture(capture, "vb", 20);
  EXPECT_EQ(summary["frames"]["sent"], 20) << summary;
  EXPECT_EQ(summary["frames"]["skipped"]["too_long_not_tcp"], 1) << summary;
  EXPECT_EQ(summary["above_mtu"]["cut"], 2) << summary;
  const auto arrived = read_capture(wire.dir / "out.pcapng");
  ASSERT_EQ(arrived.size(), 20u);
  for (std::size_t i = 0; i < arrived.size(); ++i) {
    ASSERT_EQ(arrived[i].size(), 1514u) << i;
    Frame frame{.bytes = arrived[i]};
    frame.wire_len = 1514;
    EXPECT_EQ(decode(frame).seq, 1000 + i % 10 * 1460) << i;
  }
}

TEST(Inject, AQueueThatIsTakenIsSaidAndThePacketSocketUsed) {
  const Wire wire;
  write_capture(wire.dir / "in.pcap", numbered_frames(100), 100 * kNsPerUs);
  std::unique_ptr<TxPort> taken;
  wire.sender.enter([&] { taken = open_tx_port({.interface = "va", .via = TxVia::Xdp}); });
  const RunResult result = wire.replay({wire.dir / "in.pcap", "-i", "va", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("packet socket; no AF_XDP: "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("busy"), std::string::npos) << result.err;
  EXPECT_EQ(json_lines(result.out).at(0)["frames"]["sent"], 100);
  const RunResult strict = wire.replay({wire.dir / "in.pcap", "-i", "va", "--via", "xdp"});
  EXPECT_EQ(strict.status, 1) << strict.err;
}

TEST(Inject, CtrlCEndsWithTheReport) {
  const Wire wire;
  write_capture(wire.dir / "in.pcap", numbered_frames(100), kNsPerMs);
  Process replay = wire.start_replay({wire.dir / "in.pcap", "-i", "va", "-l", "0", "--json"});
  for (int i = 0; i < 200 && wire.lab.counters("va").tx_packets < 150; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(interrupt(replay), 0) << replay.err();
  const auto summary = json_lines(replay.out()).at(0);
  EXPECT_GE(summary["frames"]["sent"], 150) << summary;
  EXPECT_EQ(summary["frames"]["sent"], wire.lab.counters("va").tx_packets) << summary;
  EXPECT_EQ(summary["balanced"], true) << summary;
}

TEST(Inject, AnInterfaceThatGoesDownIsAnErrorWithTheCount) {
  const Wire wire;
  write_capture(wire.dir / "in.pcap", numbered_frames(100), kNsPerMs);
  for (const std::string via : {"xdp", "packet"}) {
    wire.sender.must_run({"ip", "link", "set", "va", "up"});
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    Process replay =
        wire.start_replay({wire.dir / "in.pcap", "-i", "va", "-l", "0", "--json", "--via", via});
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    wire.sender.must_run({"ip", "link", "set", "va", "down"});
    EXPECT_EQ(replay.wait(), 1) << via << replay.err();
    EXPECT_NE(replay.err().find("send out of va: Network is down after "), std::string::npos)
        << replay.err();
    const auto summary = json_lines(replay.out()).at(0);
    EXPECT_GT(summary["frames"]["sent"], 0) << summary;
    EXPECT_EQ(summary["balanced"], true) << summary;
  }
}

TEST(Inject, TimingAboveItsLimitHasItsOwnExitCode) {
  const Wire wire;
  write_capture(wire.dir / "in.pcap", numbered_frames(2000), 50 * kNsPerUs);
  const RunResult strict = wire.replay({wire.dir / "in.pcap", "-i", "va", "--max-jitter", "1ns"});
  EXPECT_EQ(strict.status, 5) << strict.err;
  EXPECT_NE(strict.err.find("--max-jitter"), std::string::npos) << strict.err;
  const RunResult lax = wire.replay({wire.dir / "in.pcap", "-i", "va", "--max-jitter", "1h"});
  EXPECT_EQ(lax.status, 0) << lax.err;
  EXPECT_NE(lax.out.find("departure error p50 "), std::string::npos) << lax.out;
}

TEST(Inject, WrongUseIsSaidInOneLine) {
  const Wire wire;
  const std::string file = wire.dir / "in.pcap";
  write_capture(file, numbered_frames(10), kNsPerUs);
  const std::vector<std::pair<Argv, std::string>> wrong{
      {{file}, "-i INTERFACE"},
      {{file, "-i", "nope"}, "no interface 'nope'"},
      {{file, "-i", "va", "--to", "http://10.0.0.1"}, "choose one"},
      {{file, "-i", "va", "--max-diff", "1%"}, "--max-diff: is for requests"},
      {{file, "--to", "http://10.0.0.1", "-p", "5"}, "is for frames"},
      {{file, "-i", "va", "-t", "-p", "5"}, "choose one pace"},
      {{file, "-i", "va", "-x", "0"}, "above 0"},
      {{file, "-i", "va", "-p", "5x"}, "10kpps"},
      {{file, "-i", "va", "--maxsleep", "5"}, "has no unit"},
      {{file, "-i", "va", "--split", "auto"}, "-I"},
      {{file, "-i", "va", "-I", "va"}, "same interface"},
      {{file, "-i", "va", "--zero-copy", "on", "--via", "packet"}, "no zero-copy"}};
  for (const auto& [arguments, words] : wrong) {
    const RunResult result = wire.replay(arguments);
    EXPECT_EQ(result.status, 2) << words << ": " << result.err;
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
  EXPECT_EQ(wire.lab.counters("va").tx_packets, 0u);
}

TEST(Inject, ZeroCopyIsAskedForAndItsAbsenceSaid) {
  const Wire wire;
  write_capture(wire.dir / "in.pcap", numbered_frames(10), kNsPerUs);
  const RunResult strict = wire.replay({wire.dir / "in.pcap", "-i", "va", "--zero-copy", "on"});
  EXPECT_EQ(strict.status, 1) << strict.err;
  const RunResult lax = wire.replay({wire.dir / "in.pcap", "-i", "va"});
  EXPECT_NE(lax.err.find("va (AF_XDP, copy mode; no zero-copy: "), std::string::npos) << lax.err;
}

}  // namespace
}  // namespace gray
