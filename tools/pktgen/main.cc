// pktgen: sends an exact number of numbered, time-stamped UDP frames out of an interface at an
// exact pace. A laboratory's tool, for interfaces whose other end runs an XDP program or has GRO
// on; the work is done in the kernel by bpf/pktgen.bpf.c, this loads it and keeps it running.

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/ethernet.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "bpf/pktgen.h"
#include "pktgen.skel.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/owned.h"
#include "userspace/base/tool_main.h"
#include "userspace/kernel/interface.h"
#include "userspace/kernel/netlink.h"
#include "userspace/packet/checksum.h"

namespace gray {
namespace {

// Each test run builds a page pool; long ones make that rare.
constexpr int kRunsACall = 1 << 20;
constexpr int kSettleTries = 20;
constexpr std::chrono::milliseconds kSettleNap{10};
constexpr std::uint16_t kFirstPort = 10'000;
constexpr std::uint32_t kFirstIp =
    0xc6120001;  // 198.18.0.1: 198.18.0.0/15 is for benchmarks (RFC 2544)

struct Options {
  std::string interface;
  std::uint64_t count = 0;
  std::string rate;
  std::uint32_t size = 128;
  std::uint32_t flows = 1;
  std::uint32_t batch = 0;  ///< 0: as the kernel has it, 64
};

using Skeleton = Owned<pktgen_bpf, pktgen_bpf::destroy>;

// "300kpps", "1.5Mpps", "5000pps" in frames a second.
std::uint64_t parse_frame_rate(const std::string& text) {
  if (text.empty()) return 0;
  std::size_t end = 0;
  double number = 0;
  try {
    number = std::stod(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  const std::string unit = text.substr(end);
  const double scale = unit == "pps" ? 1 : unit == "kpps" ? 1e3 : unit == "Mpps" ? 1e6 : 0;
  if (end == 0 || scale == 0 || !(number * scale >= 1 && number * scale <= 1e9))
    throw UsageError("rate '" + text + "' is not like 300kpps, 1Mpps or 5000pps");
  return static_cast<std::uint64_t>(number * scale);
}

// All that the program does not fill in.
std::vector<std::uint8_t> template_frame(std::uint32_t size) {
  ether_header ethernet{{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 1}, htons(ETHERTYPE_IP)};
  iphdr ip{};
  ip.version = 4;
  ip.ihl = 5;
  ip.ttl = 64;
  ip.protocol = IPPROTO_UDP;
  ip.tot_len = htons(static_cast<std::uint16_t>(size - sizeof(ethernet)));
  inet_pton(AF_INET, "198.19.0.2", &ip.daddr);
  udphdr udp{};  // checksum 0: none (RFC 768)
  udp.source = htons(kFirstPort);
  udp.dest = htons(9);  // discard
  udp.len = htons(static_cast<std::uint16_t>(size - sizeof(ethernet) - sizeof(ip)));
  pktgen_payload payload{};
  payload.magic = htonl(PKTGEN_MAGIC);

  std::vector<std::uint8_t> frame(size);
  std::uint8_t* to = frame.data();
  std::memcpy(to, &ethernet, sizeof(ethernet));
  std::memcpy(to += sizeof(ethernet), &ip, sizeof(ip));
  std::memcpy(to += sizeof(ip), &udp, sizeof(udp));
  std::memcpy(to += sizeof(udp), &payload, sizeof(payload));
  return frame;
}

// Of the template's IP header, which has no source address and no checksum yet.
std::uint16_t ip_sum(const std::vector<std::uint8_t>& frame) {
  return static_cast<std::uint16_t>(
      ~internet_checksum({frame.data() + sizeof(ether_header), sizeof(iphdr)}));
}

Skeleton load(const Options& options, unsigned ifindex) {
  Skeleton skeleton(pktgen_bpf::open());
  if (!skeleton) throw_errno(errno, "open the packet generator's program");
  skeleton->rodata->orders = {.count = options.count,
                              .rate = parse_frame_rate(options.rate),
                              .ifindex = ifindex,
                              .flows = options.flows,
                              .first_ip = kFirstIp,
                              .first_port = kFirstPort,
                              .ip_sum = ip_sum(template_frame(options.size))};
  check(pktgen_bpf::load(skeleton.get()), "load the packet generator's program");
  return skeleton;
}

std::uint64_t transmitted(unsigned ifindex) {
  std::uint64_t frames = 0;
  netlink_dump(RTM_GETLINK, [&](const nlmsghdr& message) {
    const auto* info = static_cast<const ifinfomsg*>(NLMSG_DATA(&message));
    if (static_cast<unsigned>(info->ifi_index) != ifindex) return;
    for_attributes(IFLA_RTA(info), IFLA_PAYLOAD(&message), [&](const rtattr& attribute) {
      if (attribute.rta_type == IFLA_STATS64)
        frames = attribute_value<rtnl_link_stats64>(attribute).tx_packets;
    });
  });
  return frames;
}

// How many of `wanted` frames the interface counts as sent since `before`. A redirect says nothing
// when the driver has no room, and a veth counts only when the other end takes the frame.
std::uint64_t really_sent(unsigned ifindex, std::uint64_t before, std::uint64_t wanted) {
  std::uint64_t frames = 0;
  for (int i = 0; i < kSettleTries && frames < wanted; ++i) {
    if (i > 0) std::this_thread::sleep_for(kSettleNap);
    frames = transmitted(ifindex) - before;
  }
  return std::min(frames, wanted);
}

void send(const Options& options, pktgen_bpf& skeleton) {
  std::vector<std::uint8_t> frame = template_frame(options.size);
  bpf_test_run_opts run{};
  run.sz = sizeof(run);
  run.data_in = frame.data();
  run.data_size_in = options.size;
  run.repeat = kRunsACall;
  run.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  run.batch_size = options.batch;
  const volatile pktgen_state& state = skeleton.bss->state;
  while (state.sent < options.count)
    check(bpf_prog_test_run_opts(bpf_program__fd(skeleton.progs.pktgen), &run),
          "send out of " + options.interface);
}

int generate(const Options& options) {
  const InterfaceFacts interface = read_interface(options.interface);
  if (!interface.up) throw UsageError(interface.name + " is down");
  const Skeleton skeleton = load(options, interface.index);
  const std::uint64_t before = transmitted(interface.index);
  send(options, *skeleton);
  const pktgen_state& state = skeleton->bss->state;
  const std::uint64_t sent = really_sent(interface.index, before, state.sent);
  const double seconds =
      static_cast<double>(state.last_ns - state.started_ns) / static_cast<double>(kNsPerSecond);
  fmt::print("sent {} frames of {} bytes in {:.6f} s, {:.0f} a second\n", sent, options.size,
             seconds, seconds > 0 ? static_cast<double>(state.sent - 1) / seconds : 0.0);
  if (sent == state.sent) return 0;
  fmt::print(stderr,
             "pktgen: {} took {} of {} frames: ask for a lower rate, or see that its other "
             "end runs an XDP program or has GRO on\n",
             interface.name, sent, state.sent);
  return 1;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"Sends numbered UDP frames, paced in the kernel."};
  app.add_option("-i,--interface", options.interface, "interface to send out of")->required();
  app.add_option("--count", options.count, "frames to send")
      ->required()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{0xffffffff}));
  app.add_option("--rate", options.rate, "300kpps, 1Mpps, …; as fast as it goes without");
  app.add_option("--size", options.size, "bytes a frame")
      ->check(CLI::Range(int{PKTGEN_MIN_SIZE}, int{PKTGEN_MAX_SIZE}));
  app.add_option("--flows", options.flows, "five-tuples, in turn")
      ->check(CLI::Range(1U, static_cast<unsigned>(PKTGEN_MAX_FLOWS)));
  app.add_option("--batch", options.batch,
                 "runs of the program, sent or not yet due, before frames really leave: 1 has the "
                 "shortest way from the stamp to the wire, the default 64 the highest rate")
      ->check(CLI::Range(1U, 256U));
  if (!parse_command_line(app, argc, argv)) return 0;
  libbpf_set_print(nullptr);  // errors are told by us, in one line
  return generate(options);
}

}  // namespace
}  // namespace gray

int main(int argc, char** argv) {
  return gray::tool_main("pktgen", gray::run, argc, argv);
}
