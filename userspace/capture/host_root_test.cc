// Host capture beside real traffic (ping, curl and nginx over a veth pair), and what is left of a
// capture that was killed.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <thread>

#include "userspace/base/errors.h"
#include "userspace/capture/live.h"
#include "userspace/capture/workers.h"
#include "userspace/kernel/interface.h"
#include "userspace/lab/lab.h"
#include "userspace/packet/packet.h"

namespace gray {
namespace {

using std::chrono::milliseconds;

struct Kept {
  std::vector<std::uint8_t> bytes;
  Frame frame;
};

class KeepingConsumer final : public FrameConsumer {
 public:
  void consume(std::span<const Frame> frames) noexcept override {
    for (const Frame& frame : frames)
      kept.push_back({{frame.bytes.begin(), frame.bytes.end()}, frame});
  }
  std::vector<Kept> kept;
};

class HostTest : public ::testing::Test {
 protected:
  HostTest() {
    lab_.link(client_, "va", server_, "vb");
    lab_.address("va", "10.0.0.1/24");
    lab_.address("vb", "10.0.0.2/24");
  }

  std::unique_ptr<LiveCapture> open(const LiveOptions& options) {
    std::unique_ptr<LiveCapture> live;
    server_.enter([&] { live = open_live(options); });
    return live;
  }

  static LiveOptions host_options() {
    LiveOptions options;
    options.interface = "vb";
    return options;
  }

  /// Captures while `traffic` runs; everything that was taken in is consumed afterwards.
  static Ledger capture(LiveCapture& live, FrameConsumer& consumer,
                        const std::function<void()>& traffic) {
    Workers workers(live.sources(), consumer);
    std::atomic<bool> over{false};
    std::thread thread([&] {
      traffic();
      over = true;
    });
    workers.run(over);
    thread.join();
    live.stop();
    const std::atomic<bool> never{false};
    workers.run(never);
    Ledger ledger;
    live.account(ledger);
    workers.account(ledger);
    return ledger;
  }

  static std::string text(const Ledger& ledger) {
    std::ostringstream out;
    print(out, ledger);
    return out.str();
  }

  Lab lab_;
  Namespace& client_ = lab_.ns("client");
  Namespace& server_ = lab_.ns("server");
};

/// The parameter: with XDP at the ingress.
class HostIngress : public HostTest, public ::testing::WithParamInterface<bool> {
 protected:
  static LiveOptions options() {
    LiveOptions options = host_options();
    options.program.xdp_ingress = GetParam();
    return options;
  }
};

TEST_P(HostIngress, BothDirectionsOfAPingAreSeenWhole) {
  const auto live = open(options());
  KeepingConsumer consumer;
  RunResult ping;
  const Ledger ledger = capture(*live, consumer, [&] {
    ping = client_.run({"ping", "-c", "5", "-i", "0.02", "-s", "900", "-p", "5a", "10.0.0.2"});
  });
  ASSERT_TRUE(ping.ok()) << ping.out << ping.err;
  EXPECT_TRUE(ledger.balanced()) << text(ledger);
  EXPECT_EQ(ledger.lost(), 0u) << text(ledger);
  int in = 0;
  int out = 0;
  for (const Kept& kept : consumer.kept) {
    Frame frame = kept.frame;
    frame.bytes = kept.bytes;
    const Packet packet = decode(frame);
    if (packet.ip_proto != IPPROTO_ICMP) continue;
    ASSERT_EQ(frame.bytes.size(), 14u + 20 + 8 + 900);
    EXPECT_EQ(frame.wire_len, frame.bytes.size());
    EXPECT_TRUE(std::all_of(frame.bytes.end() - 800, frame.bytes.end(),
                            [](std::uint8_t byte) { return byte == 0x5a; }));
    const bool to_us = packet.destination.address == IpAddress::parse("10.0.0.2");
    EXPECT_EQ(frame.direction, to_us ? GRAY_DIR_IN : GRAY_DIR_OUT);
    ++(to_us ? in : out);
  }
  EXPECT_EQ(in, 5);
  EXPECT_EQ(out, 5);
}

TEST_P(HostIngress, ADownloadIsCapturedToTheByteAndArrivesUnchanged) {
  TempDir dir;
  std::string body(5'000'000, '\0');
  std::mt19937_64 random(1);
  for (char& c : body) c = static_cast<char>('a' + random() % 26);
  std::ofstream(dir / "file") << body;
  std::ofstream(dir / "nginx.conf")
      << "daemon off; user root; error_log stderr; pid " << (dir / "pid")
      << "; events {} http { access_log off; server { listen 10.0.0.2:80; root "
      << dir.path().string() << "; } }";
  Process nginx = server_.spawn({"nginx", "-e", "stderr", "-c", dir / "nginx.conf"});
  const auto live = open(options());
  KeepingConsumer consumer;
  RunResult curl;
  const Ledger ledger = capture(*live, consumer, [&] {
    curl = client_.run({"curl", "-sS", "--retry", "20", "--retry-connrefused", "--retry-delay", "1",
                        "http://10.0.0.2/file"});
  });
  ASSERT_TRUE(curl.ok()) << curl.err << nginx.err();
  EXPECT_TRUE(curl.out == body);
  EXPECT_TRUE(ledger.balanced()) << text(ledger);
  EXPECT_EQ(ledger.lost(), 0u) << text(ledger);
  // By sequence number: a late acknowledgement makes the sender repeat a segment.
  std::map<std::uint32_t, std::string> segments;
  std::optional<std::uint32_t> first;
  for (const Kept& kept : consumer.kept) {
    Frame frame = kept.frame;
    frame.bytes = kept.bytes;
    const Packet packet = decode(frame);
    if (!packet.has_tcp || frame.direction != GRAY_DIR_OUT) continue;
    if ((packet.tcp_flags & TH_SYN) != 0) first = packet.seq + 1;
    if (!first) continue;
    std::string& segment = segments[packet.seq - *first];
    if (segment.size() < packet.payload.size())
      segment.assign(packet.payload.begin(), packet.payload.end());
  }
  std::string sent;
  for (const auto& [at, payload] : segments)
    if (at <= sent.size() && at + payload.size() > sent.size())
      sent.append(payload, sent.size() - at);
  EXPECT_NE(sent.find(body), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(At, HostIngress, ::testing::Bool(),
                         [](const auto& at) { return at.param ? "Xdp" : "Tc"; });

TEST_F(HostTest, XdpAtTheIngressRefusesAnotherXdpProgram) {
  LiveOptions options = host_options();
  options.program.xdp_ingress = true;
  const auto first = open(options);
  EXPECT_EQ(first->facts().xdp_ingress, "native");
  EXPECT_THROW(open(options), UsageError);
  EXPECT_NO_THROW(open(host_options()));
}

TEST_F(HostTest, FramesAreCutToTheSnapLength) {
  LiveOptions options = host_options();
  options.program.snaplen = 100;
  options.program.selection.protos = {IPPROTO_ICMP};
  const auto live = open(options);
  KeepingConsumer consumer;
  const Ledger ledger = capture(*live, consumer, [&] {
    client_.must_run({"ping", "-c", "1", "-s", "1000", "10.0.0.2"});
  });
  ASSERT_EQ(consumer.kept.size(), 2u);
  for (const Kept& kept : consumer.kept) {
    EXPECT_EQ(kept.bytes.size(), 100u);
    EXPECT_EQ(kept.frame.wire_len, 14u + 20 + 8 + 1000);
  }
  EXPECT_TRUE(ledger.balanced()) << text(ledger);
}

TEST_F(HostTest, AFullRingIsACountedLossAndTrafficGoesOn) {
  LiveOptions options = host_options();
  options.program.ring_bytes = 1 << 16;
  const auto live = open(options);
  class Sleeper final : public FrameConsumer {
    void consume(std::span<const Frame>) noexcept override {
      std::this_thread::sleep_for(milliseconds(100));
    }
  } consumer;
  RunResult ping;
  const Ledger ledger = capture(*live, consumer, [&] {
    ping = client_.run({"ping", "-f", "-c", "2000", "-s", "1400", "10.0.0.2"});
  });
  EXPECT_TRUE(ping.ok());
  EXPECT_NE(ping.out.find(" 0% packet loss"), std::string::npos) << ping.out;
  EXPECT_TRUE(ledger.balanced()) << text(ledger);
  EXPECT_GT(ledger.drop("tc", "ring_full"), 0u) << text(ledger);
}

TEST_F(HostTest, QueuesAreForTapOnly) {
  LiveOptions options = host_options();
  options.queues = {0};
  EXPECT_THROW(open(options), std::runtime_error);
}

// Programs on "vb", of any kind. Linux 6.6 has TCX; its numbers are younger than the headers.
unsigned programs_left(const Namespace& where) {
  unsigned count = 0;
  where.enter([&] {
    const InterfaceFacts facts = read_interface("vb");
    count += facts.xdp_program != 0 ? 1 : 0;
    for (const int type : {46, 47}) {
      std::uint32_t ids[8];
      std::uint32_t found = 8;
      if (bpf_prog_query(static_cast<int>(facts.index), static_cast<bpf_attach_type>(type), 0,
                         nullptr, ids, &found) == 0)
        count += found;
    }
    count +=
        must_run({"tc", "qdisc", "show", "dev", "vb"}).find("clsact") == std::string::npos ? 0 : 1;
  });
  return count;
}

struct Attached {
  CaptureMode mode;
  bool xdp_ingress;
};
class Killed : public HostTest, public ::testing::WithParamInterface<Attached> {};

TEST_P(Killed, LeavesNothingAttached) {
  ASSERT_EQ(programs_left(server_), 0u);
  LiveOptions options = host_options();
  options.mode = GetParam().mode;
  options.program.xdp_ingress = GetParam().xdp_ingress;
  options.force = true;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto live = open(options);
    [[maybe_unused]] const ssize_t told = write(ready[1], "x", 1);
    pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_GE(programs_left(server_), 1u);
  kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  std::this_thread::sleep_for(milliseconds(1000));
  EXPECT_EQ(programs_left(server_), 0u);
  EXPECT_TRUE(client_.run({"ping", "-c", "1", "-W", "1", "10.0.0.2"}).ok());
}

INSTANTIATE_TEST_SUITE_P(Modes, Killed,
                         ::testing::Values(Attached{CaptureMode::Host, false},
                                           Attached{CaptureMode::Host, true},
                                           Attached{CaptureMode::Tap, false}));

}  // namespace
}  // namespace gray
