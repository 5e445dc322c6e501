// Live capture on veth pairs: what was sent is what arrives, in order, and the books balance, also
// when the reader is late.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <cstring>
#include <sstream>
#include <thread>

#include "bpf/pktgen.h"
#include "userspace/capture/live.h"
#include "userspace/capture/workers.h"
#include "userspace/lab/lab.h"

namespace gray {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPayloadAt = 14 + 20 + 8;

// Counts generator frames, by flow; checks their order within a flow, their bytes and their time.
class GeneratorConsumer final : public FrameConsumer {
 public:
  explicit GeneratorConsumer(milliseconds pause = milliseconds(0)) : pause_(pause) {}

  void consume(std::span<const Frame> frames) noexcept override {
    for (const Frame& frame : frames) look(frame);
    if (pause_.count() > 0) std::this_thread::sleep_for(pause_);
  }

  std::uint64_t total = 0;
  std::uint64_t disordered = 0;
  std::uint64_t strange = 0;
  std::uint64_t untagged = 0;
  std::vector<std::uint64_t> by_queue = std::vector<std::uint64_t>(GRAY_MAX_QUEUES);

 private:
  void look(const Frame& frame) noexcept {
    ++total;
    pktgen_payload payload{};
    if (frame.bytes.size() < kPayloadAt + sizeof(payload) || frame.wire_len != frame.bytes.size() ||
        frame.queue >= GRAY_MAX_QUEUES) {
      ++strange;
      return;
    }
    std::memcpy(&payload, frame.bytes.data() + kPayloadAt, sizeof(payload));
    if (ntohl(payload.magic) != PKTGEN_MAGIC) ++strange;
    if (frame.tag == 0) ++untagged;
    ++by_queue[frame.queue];
    // A queue is in order.
    std::uint64_t& next = next_[frame.queue];
    if (ntohl(payload.sequence) < next) ++disordered;
    next = ntohl(payload.sequence) + std::uint64_t{1};
    if (frame.time_ns < last_time_[frame.queue]) ++disordered;
    last_time_[frame.queue] = frame.time_ns;
  }

  milliseconds pause_;
  std::array<std::uint64_t, GRAY_MAX_QUEUES> next_{};
  std::array<std::uint64_t, GRAY_MAX_QUEUES> last_time_{};
};

// One veth pair: the generator sends out of "va", capture is on "vb".
class CaptureTest : public ::testing::Test {
 protected:
  void SetUp() override { lab_.link(sender_, "va", port_, "vb", link_options()); }
  virtual LinkOptions link_options() const { return {}; }

  static LiveOptions tap_options() {
    LiveOptions options;
    options.interface = "vb";
    options.mode = CaptureMode::Tap;
    options.program.pass_unselected = false;
    return options;
  }

  std::unique_ptr<LiveCapture> open(const LiveOptions& options) {
    std::unique_ptr<LiveCapture> live;
    port_.enter([&] { live = open_live(options); });
    return live;
  }

  /// Runs the consumer until the generator is done and all is drained. With `cpus`, the generator
  /// runs once on each: a veth hands frames to the queue with the number of the sending CPU.
  Ledger capture(LiveCapture& live, FrameConsumer& consumer, Argv pktgen,
                 const std::vector<std::string>& cpus = {}) {
    pktgen.insert(pktgen.begin(), {built_binary("pktgen"), "-i", "va"});
    Workers workers(live.sources(), consumer);
    std::atomic<bool> sent{false};
    std::thread generator([&] {
      if (cpus.empty()) generate(pktgen);
      for (const std::string& cpu : cpus) {
        Argv pinned = {"taskset", "-c", cpu};
        pinned.insert(pinned.end(), pktgen.begin(), pktgen.end());
        generate(pinned);
      }
      sent = true;
    });
    workers.run(sent);
    generator.join();
    live.stop();
    const std::atomic<bool> never{false};
    workers.run(never);
    Ledger ledger;
    live.account(ledger);
    workers.account(ledger);
    return ledger;
  }

  void generate(const Argv& argv) {
    const RunResult result = sender_.run(argv, milliseconds(20'000));
    EXPECT_TRUE(result.ok()) << result.out << result.err;
  }

  std::string refusal(const LiveOptions& options) {
    try {
      open(options);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }

  Lab lab_;
  Namespace& sender_ = lab_.ns("sender");
  Namespace& port_ = lab_.ns("port");
};

std::string text(const Ledger& ledger) {
  std::ostringstream out;
  print(out, ledger);
  return out.str();
}

TEST_F(CaptureTest, TapReceivesEveryFrameInOrder) {
  const auto live = open(tap_options());
  EXPECT_EQ(live->facts().attached, "native");
  EXPECT_FALSE(live->facts().zero_copy);
  EXPECT_FALSE(live->facts().zero_copy_refusal.empty());
  GeneratorConsumer consumer;
  const Ledger ledger =
      capture(*live, consumer, {"--count", "300000", "--rate", "200kpps", "--flows", "7"});
  EXPECT_EQ(consumer.total, 300'000u);
  EXPECT_EQ(consumer.disordered, 0u);
  EXPECT_EQ(consumer.strange, 0u);
  EXPECT_EQ(consumer.untagged, 0u);
  EXPECT_TRUE(ledger.balanced()) << text(ledger);
  EXPECT_EQ(ledger.lost(), 0u) << text(ledger);
  EXPECT_EQ(ledger.stages().front().in, 300'000u);
  EXPECT_EQ(live->program().flows().size(), 7u);
}

TEST_F(CaptureTest, TapInGenericMode) {
  LiveOptions options = tap_options();
  options.xdp = XdpMode::Generic;
  const auto live = open(options);
  EXPECT_EQ(live->facts().attached, "generic");
  // Generic XDP leaves the veth without NAPI, which the generator needs.
  port_.must_run({"ethtool", "-K", "vb", "gro", "on"});
  GeneratorConsumer consumer;
  const Ledger ledger =
      capture(*live, consumer, {"--count", "50000", "--rate", "50kpps", "--size", "1500"});
  EXPECT_EQ(consumer.total, 50'000u);
  EXPECT_EQ(consumer.disordered + consumer.strange, 0u);
  EXPECT_TRUE(ledger.balanced()) << text(ledger);
  EXPECT_EQ(ledger.lost(), 0u) << text(ledger);
}

TEST_F(CaptureTest, ALateReaderCostsFramesThatAreNamedAndCounted) {
  LiveOptions options = tap_options();
  options.umem_bytes = 2 << 20;
  const auto live = open(options);
  GeneratorConsumer consumer(milliseconds(20));
  const Ledger ledger = capture(*live, consumer, {"--count", "200000", "--rate", "200kpps"});
  EXPECT_LT(consumer.total, 200'000u);
  EXPECT_EQ(consumer.disordered + consumer.strange, 0u);
  EXPECT_TRUE(ledger.balanced()) << text(ledger);
  EXPECT_GT(ledger.drop("rx_ring", "no_frame"), 0u) << text(ledger);
  EXPECT_EQ(consumer.total + ledger.lost(), 200'000u) << text(ledger);
}

class TwoQueues : public CaptureTest {
 protected:
  LinkOptions link_options() const override { return {.queues = 2}; }
};

TEST_F(TwoQueues, EachHasASourceOfItsOwn) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two CPUs";
  const auto live = open(tap_options());
  ASSERT_EQ(live->sources().size(), 2u);
  EXPECT_EQ(live->facts().queues, (std::vector<std::uint32_t>{0, 1}));
  GeneratorConsumer consumer;
  const Ledger ledger = capture(
      *live, consumer, {"--count", "50000", "--rate", "100kpps", "--flows", "16"}, {"0", "1"});
  EXPECT_EQ(consumer.by_queue[0], 50'000u);
  EXPECT_EQ(consumer.by_queue[1], 50'000u);
  EXPECT_EQ(consumer.strange + consumer.disordered, 0u);
  EXPECT_TRUE(ledger.balanced()) << text(ledger);
  EXPECT_EQ(ledger.lost(), 0u) << text(ledger);
}

TEST_F(TwoQueues, FramesOfAQueueThatIsNotServedAreCounted) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two CPUs";
  LiveOptions options = tap_options();
  options.queues = {1};
  const auto live = open(options);
  GeneratorConsumer consumer;
  const Ledger ledger =
      capture(*live, consumer, {"--count", "1000", "--rate", "100kpps"}, {"0", "1"});
  EXPECT_EQ(consumer.by_queue[1], 1000u);
  EXPECT_EQ(ledger.drop("xdp", "no_socket"), 1000u) << text(ledger);
  EXPECT_TRUE(ledger.balanced()) << text(ledger);
}

TEST_F(TwoQueues, AQueueThatDoesNotExistIsRefused) {
  LiveOptions options = tap_options();
  options.queues = {0, 2};
  EXPECT_EQ(refusal(options), "vb has no queue 2: its last is 1");
}

TEST_F(CaptureTest, TheKillSwitchStopsTheMirror) {
  const auto live = open(tap_options());
  live->program().set_enabled(false);
  GeneratorConsumer consumer;
  const Ledger ledger = capture(*live, consumer, {"--count", "1000", "--rate", "100kpps"});
  EXPECT_EQ(consumer.total, 0u);
  EXPECT_EQ(ledger.drop("xdp", "disabled"), 1000u) << text(ledger);
  EXPECT_TRUE(ledger.balanced()) << text(ledger);
}

TEST_F(CaptureTest, AnIdleCaptureSleeps) {
  const auto live = open(tap_options());
  GeneratorConsumer consumer;
  Workers workers(live->sources(), consumer);
  std::atomic<bool> stop{false};
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(500));
    stop = true;
  });
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  workers.run(stop);
  getrusage(RUSAGE_SELF, &after);
  stopper.join();
  const auto ms = [](const timeval& t) { return t.tv_sec * 1000 + t.tv_usec / 1000; };
  const auto used =
      ms(after.ru_utime) + ms(after.ru_stime) - ms(before.ru_utime) - ms(before.ru_stime);
  EXPECT_LT(used, 250);
}

TEST_F(CaptureTest, TapRefusesAnInterfaceInUse) {
  lab_.address("vb", "10.0.0.2/24");
  EXPECT_EQ(refusal(tap_options()),
            "tap takes the frames away from vb, which has the address 10.0.0.2: use --mode host "
            "there, or --force to cut it off");
  LiveOptions forced = tap_options();
  forced.force = true;
  EXPECT_EQ(refusal(forced), "");
}

TEST_F(CaptureTest, TapRefusesAnInterfaceThatCarriesARoute) {
  port_.must_run({"ip", "route", "add", "192.0.2.0/24", "dev", "vb"});
  EXPECT_NE(refusal(tap_options()).find("carries the route 192.0.2.0/24"), std::string::npos);
}

TEST_F(CaptureTest, AnAutomaticLinkLocalAddressIsNoUse) {
  port_.sysctl("net/ipv6/conf/vb/disable_ipv6", "0");
  for (int i = 0; i < 100; ++i) {
    if (!port_.must_run({"ip", "-6", "address", "show", "dev", "vb"}).empty()) break;
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(refusal(tap_options()), "");
  port_.must_run({"ip", "address", "add", "2001:db8::1/64", "dev", "vb"});
  EXPECT_NE(refusal(tap_options()).find("has the address 2001:db8::1"), std::string::npos);
}

TEST_F(CaptureTest, TapRefusesAnInterfaceWithAnotherProgram) {
  const auto live = open(tap_options());
  const std::string reason = refusal(tap_options());
  EXPECT_EQ(reason.rfind("vb runs XDP program ", 0), 0u) << reason;
}

TEST_F(CaptureTest, WhatIsNotThereIsRefused) {
  LiveOptions options = tap_options();
  options.interface = "nope0";
  EXPECT_EQ(refusal(options), "no interface 'nope0': `ip link` lists them");
  options.mode = CaptureMode::Host;
  EXPECT_EQ(refusal(options), "no interface 'nope0': `ip link` lists them");
  options = tap_options();
  options.interface = "lo";
  EXPECT_NE(refusal(options).find("has the address 127.0.0.1"), std::string::npos);
  options = tap_options();
  options.zero_copy = ZeroCopy::On;
  EXPECT_NE(refusal(options).find("--zero-copy auto"), std::string::npos);
  port_.must_run({"ip", "link", "set", "vb", "down"});
  EXPECT_EQ(refusal(tap_options()), "vb is down: ip link set vb up");
}

}  // namespace
}  // namespace gray
