// arrivals: takes every frame off an interface by XDP, notes when it came, and tells how that
// compares with a capture file that was replayed into the other end. The judge of packet replay,
// which shares nothing with the sender but the definition of the error (replay/inject/fidelity.h).
// A laboratory's tool: the interface is deaf for everything else meanwhile.

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <linux/if_link.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "bpf/arrivals.h"

#include "arrivals.skel.h"  // needs the structures above
#include "replay/inject/fidelity.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/fd.h"
#include "userspace/base/owned.h"
#include "userspace/base/tool_main.h"
#include "userspace/base/units.h"
#include "userspace/kernel/interface.h"
#include "userspace/pcapng/reader.h"

namespace gray {
namespace {

struct Options {
  std::string interface;
  std::uint64_t count = 0;
  std::string idle = "2s";
  std::string against;
};

using Skeleton = Owned<arrivals_bpf, arrivals_bpf::destroy>;

Skeleton load(bool only_count) {
  Skeleton skeleton(arrivals_bpf::open());
  if (!skeleton) throw_errno(errno, "open the BPF object");
  skeleton->rodata->only_count = only_count;
  check(arrivals_bpf::load(skeleton.get()), "load the BPF program");
  return skeleton;
}

// Undone by the kernel when the descriptor closes.
Fd attach(const arrivals_bpf& skeleton, const Options& options) {
  const InterfaceFacts interface = read_interface(options.interface);
  bpf_link_create_opts how{};
  how.sz = sizeof(how);
  how.flags = XDP_FLAGS_DRV_MODE;
  const int link = bpf_link_create(bpf_program__fd(skeleton.progs.note_arrival),
                                   static_cast<int>(interface.index), BPF_XDP, &how);
  return Fd(check(link, "attach to " + options.interface));
}

// Until `count` frames came, or none for `idle` after the first.
void wait_for_frames(const arrivals_bpf& skeleton, const Options& options) {
  const volatile arrival_count& counted = skeleton.bss->counted;
  const std::uint64_t idle = parse_duration(options.idle);
  std::uint64_t seen = 0;
  std::uint64_t changed = monotonic_ns();
  while (options.count == 0 || counted.frames < options.count) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::uint64_t frames = counted.frames;
    if (frames != seen) changed = monotonic_ns();
    seen = frames;
    if (seen > 0 && monotonic_ns() - changed > idle) return;
  }
}

std::vector<arrival> read_arrivals(const arrivals_bpf& skeleton) {
  const std::uint64_t frames = std::min<std::uint64_t>(skeleton.bss->counted.frames, ARRIVALS_MAX);
  std::vector<arrival> arrivals(frames);
  const int map = bpf_map__fd(skeleton.maps.arrivals);
  for (std::uint32_t i = 0; i < frames; ++i)
    check(bpf_map_lookup_elem(map, &i, &arrivals[i]), "read the arrivals");
  return arrivals;
}

std::vector<std::uint64_t> recorded_times(const std::string& path) {
  CaptureReader reader(path);
  std::vector<std::uint64_t> times;
  Frame frame;
  while (reader.next(frame)) {
    times.push_back(frame.time_ns);
    reader.give_back(frame);
  }
  return times;
}

// Sequence numbers stand in network order and count from 0 in the bench's captures.
FidelityReport compare(const std::vector<arrival>& arrivals,
                       const std::vector<std::uint64_t>& recorded, std::uint64_t& strangers) {
  Fidelity fidelity;
  for (const arrival& arrival : arrivals) {
    const std::uint32_t number = __builtin_bswap32(arrival.sequence);
    if (number >= recorded.size()) {
      ++strangers;
      continue;
    }
    fidelity.add(0, number, recorded[number] - recorded.front(), arrival.time_ns);
  }
  return fidelity.report();
}

nlohmann::ordered_json measured(const arrivals_bpf& skeleton, const Options& options) {
  const arrival_count& counted = skeleton.bss->counted;
  const auto ns = static_cast<double>(counted.last_ns - counted.first_ns);
  nlohmann::ordered_json result{
      {"frames", counted.frames},
      {"bytes", counted.bytes},
      {"duration_s", ns / 1e9},
      {"pps", ns > 0 ? static_cast<double>(counted.frames - 1) * 1e9 / ns : 0}};
  if (options.against.empty()) return result;
  std::uint64_t strangers = 0;
  const auto recorded = recorded_times(options.against);
  if (recorded.empty()) throw UsageError(options.against + " has no frames");
  const FidelityReport report = compare(read_arrivals(skeleton), recorded, strangers);
  result["recorded"] = recorded.size();
  result["strangers"] = strangers;
  result["error_ns"] = {{"p50", report.p50_ns},
                        {"p99", report.p99_ns},
                        {"p999", report.p999_ns},
                        {"max", report.max_ns}};
  result["drift_ppm"] = report.drift_ppm;
  result["reordered"] = report.reordered;
  result["late"] = report.late;
  return result;
}

int receive(const Options& options) {
  const Skeleton skeleton = load(options.against.empty());
  const Fd link = attach(*skeleton, options);
  fmt::print(stderr, "arrivals: waiting on {}\n", options.interface);
  wait_for_frames(*skeleton, options);
  std::cout << measured(*skeleton, options).dump() << std::endl;
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"Notes when frames arrive, and compares that with the capture that was replayed."};
  app.add_option("-i,--interface", options.interface, "interface to receive on")->required();
  app.add_option("--count", options.count, "end after so many frames");
  app.add_option("--idle", options.idle, "end when none came for so long after the first");
  app.add_option("--against", options.against,
                 "the capture that is replayed; its UDP payloads begin with frame numbers");
  if (!parse_command_line(app, argc, argv)) return 0;
  libbpf_set_print(nullptr);  // errors are told by us, in one line
  return receive(options);
}

}  // namespace
}  // namespace gray

int main(int argc, char** argv) {
  return gray::tool_main("arrivals", gray::run, argc, argv);
}
