// Three threads: one reads and rewrites (of the feed), one sends, this one watches. The sending
// thread comes to be first, so that the first line can say what it was granted.
#include "tools/grayxdp/replay_frames.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <future>
#include <iostream>
#include <thread>

#include "replay/inject/injector.h"
#include "tools/grayxdp/frame_summary.h"
#include "tools/grayxdp/progress.h"
#include "tools/grayxdp/stop.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"
#include "userspace/kernel/interface.h"

namespace gray {
namespace {

struct Plan {
  std::vector<std::string> interfaces;
  FrameScheduleOptions schedule;
  InjectLimits limits;
  PrepareOptions prepare;
  FeedOptions feed;
  bool preload = false;
  std::uint64_t max_jitter_ns = 0;
};

std::uint64_t duration_or_none(const std::string& text) {
  return text.empty() ? 0 : parse_duration(text);
}

FrameScheduleOptions schedule_of(const ReplayBasics& basics, const FrameReplayFlags& flags) {
  const int paces = (basics.top_speed ? 1 : 0) + (flags.pps.empty() ? 0 : 1) +
                    (flags.mbps.empty() ? 0 : 1) + (basics.speed != 1 ? 1 : 0);
  if (paces > 1) throw UsageError("-x, -p, -M and -t exclude each other: choose one pace");
  FrameScheduleOptions schedule{.speed = basics.speed,
                                .max_sleep_ns = duration_or_none(basics.max_gap)};
  if (basics.top_speed) schedule.pace = FramePace::TopSpeed;
  if (!flags.pps.empty()) {
    schedule.pace = FramePace::Pps;
    schedule.rate = parse_frame_rate(flags.pps);
  }
  if (!flags.mbps.empty()) {
    schedule.pace = FramePace::Bps;
    schedule.rate = parse_bit_rate(flags.mbps);
  }
  return schedule;
}

// A bare network is that of the clients.
SidesOptions sides_of(const FrameReplayFlags& flags) {
  if (flags.split.empty()) return flags.rewrite.sides_options();
  const bool network =
      flags.split.find('/') != std::string::npos && flags.split.find('=') == std::string::npos;
  return SidesOptions::parse(network ? "clients=" + flags.split : flags.split);
}

PrepareOptions prepare_of(const FrameReplayFlags& flags,
                          const std::vector<std::string>& interfaces) {
  if (flags.mtu_trunc && flags.fragment)
    throw UsageError("--mtu-trunc and --fragment exclude each other");
  if (!flags.split.empty() && interfaces.size() < 2)
    throw UsageError("--split is for two interfaces: give the second one with -I");
  PrepareOptions prepare;
  prepare.two_ports = interfaces.size() > 1;
  prepare.truncate = flags.mtu_trunc;
  prepare.fragment = flags.fragment;
  prepare.rewrite = flags.rewrite.options();
  prepare.sides = sides_of(flags);
  prepare.mtu = read_interface(interfaces[0]).mtu;
  for (const std::string& name : interfaces)
    prepare.mtu = std::min<std::size_t>(prepare.mtu, read_interface(name).mtu);
  return prepare;
}

Plan plan_of(const ReplayBasics& basics, const FrameReplayFlags& flags) {
  Plan plan;
  plan.interfaces.push_back(flags.interface);
  if (!flags.second_interface.empty()) plan.interfaces.push_back(flags.second_interface);
  if (flags.second_interface == flags.interface)
    throw UsageError("-i and -I name the same interface");
  plan.schedule = schedule_of(basics, flags);
  plan.limits = {.frames = basics.limit, .duration_ns = duration_or_none(flags.duration)};
  plan.prepare = prepare_of(flags, plan.interfaces);
  plan.feed = {.paths = basics.files, .rounds = basics.loops};
  const bool from_stdin =
      std::find(basics.files.begin(), basics.files.end(), "-") != basics.files.end();
  plan.preload = flags.preload || (basics.loops != 1 && from_stdin);
  plan.max_jitter_ns = duration_or_none(flags.max_jitter);
  return plan;
}

std::vector<std::unique_ptr<TxPort>> open_ports(const Plan& plan, const FrameReplayFlags& flags) {
  TxOptions options{.interface = {},
                    .queue = flags.queue,
                    .max_frame = Preparer::max_frame(plan.prepare.mtu),
                    .via = flags.via == "xdp"      ? TxVia::Xdp
                           : flags.via == "packet" ? TxVia::Packet
                                                   : TxVia::Auto,
                    .zero_copy = flags.zero_copy == "on"    ? TxZeroCopy::On
                                 : flags.zero_copy == "off" ? TxZeroCopy::Off
                                                            : TxZeroCopy::Auto,
                    .timestamps = plan.schedule.pace != FramePace::TopSpeed};
  std::vector<std::unique_ptr<TxPort>> ports;
  for (const std::string& name : plan.interfaces) {
    options.interface = name;
    ports.push_back(open_tx_port(options));
  }
  return ports;
}

std::string pace_text(const FrameScheduleOptions& schedule) {
  switch (schedule.pace) {
    case FramePace::Pps:
      return fmt::format("{:g} frames a second", schedule.rate);
    case FramePace::Bps:
      return fmt::format("{:g} Mbit/s", schedule.rate / 1e6);
    case FramePace::TopSpeed:
      return "as fast as it goes";
    case FramePace::Recorded:
      break;
  }
  return schedule.speed == 1 ? "at the recorded pace"
                             : fmt::format("at {:g} times the recorded pace", schedule.speed);
}

std::string privileges_text(const Plan& plan, const Privileges& privileges) {
  std::string missing;
  if (!privileges.real_time && plan.schedule.pace != FramePace::TopSpeed)
    missing = "real-time priority";
  if (!privileges.memory_locked)
    missing += missing.empty() ? "locked memory" : " and locked memory";
  return missing.empty() ? "" : "; without " + missing + " (not permitted), so less exactly timed";
}

// "grayxdp: sending out of va (AF_XDP, copy mode: no zero-copy: …), at the recorded pace"
void say_what_is_done(const Plan& plan, std::span<const std::unique_ptr<TxPort>> ports,
                      const Privileges& privileges) {
  std::string ways;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const TxFacts& tx = ports[i]->facts();
    ways += fmt::format("{}{} ({}{})", i == 0 ? "" : " and ", plan.interfaces[i],
                        !tx.xdp        ? "packet socket"
                        : tx.zero_copy ? "AF_XDP, zero-copy"
                                       : "AF_XDP, copy mode",
                        tx.why_not.empty() ? "" : "; " + tx.why_not);
  }
  std::cerr << fmt::format("grayxdp: sending out of {}, {}{}\n", ways, pace_text(plan.schedule),
                           privileges_text(plan, privileges));
}

// The thread that sends; it is what has the priority and the patience.
class Sending {
 public:
  Sending(Injector& injector, SpinPacer::Haste haste, int cpu)
      : thread_([this, &injector, haste, cpu] {
          try {
            SpinPacer pacer(haste, cpu);
            granted_.set_value(pacer.privileges());
            go_.get_future().wait();
            injector.run(pacer);
          } catch (...) {
            granted_.set_exception(std::current_exception());
          }
          done_ = true;
        }) {}
  ~Sending() { go(); }

  /// Throws what kept the thread from being as asked for.
  Privileges granted() { return granted_.get_future().get(); }
  void go() {
    if (!gone_) go_.set_value();
    gone_ = true;
  }
  bool done() const noexcept { return done_; }

 private:
  std::promise<Privileges> granted_;
  std::promise<void> go_;
  bool gone_ = false;
  std::atomic<bool> done_{false};
  std::jthread thread_;  // last: joined first
};

void watch(const Injector& injector, const Sending& sending) {
  Progress progress;
  while (!sending.done()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (!progress.due()) continue;
    const Injector::Progress now = injector.progress();
    progress.show(fmt::format("replay: {} frames sent, {}, {:.0f} pps", now.sent,
                              format_bytes(now.bytes), progress.rate(now.sent)));
  }
}

std::uint64_t drops_of(const Plan& plan) {
  std::uint64_t drops = 0;
  for (const std::string& name : plan.interfaces) drops += read_tx_drops(name);
  return drops;
}

FrameSummary summarise(const Plan& plan, const TxFacts& tx, AccountedFeed& feed,
                       const Injector& injector) {
  FrameSummary summary;
  summary.interfaces = plan.interfaces;
  summary.tx = tx;
  summary.sent = injector.sent();
  summary.bytes = injector.bytes();
  summary.duration_ns = injector.duration_ns();
  summary.measured_by_kernel = injector.measured_by_kernel();
  summary.backwards = injector.schedule().backwards();
  summary.shortened = injector.schedule().shortened();
  summary.feed = feed.finish(summary.ledger);
  injector.account(summary.ledger);
  if (plan.schedule.pace != FramePace::TopSpeed) summary.fidelity = injector.fidelity().report();
  return summary;
}

int exit_code(const FrameSummary& summary, const Injector& injector, const Plan& plan) {
  if (!injector.failure().empty()) {
    std::cerr << fmt::format("grayxdp: send out of {}: {} after {} frames\n",
                             plan.interfaces.front(), injector.failure(), summary.sent);
    return kExitFailed;
  }
  if (plan.max_jitter_ns > 0 && summary.fidelity && summary.fidelity->p99_ns > plan.max_jitter_ns) {
    std::cerr << fmt::format("grayxdp: departure error p99 {} is above --max-jitter {}\n",
                             format_duration(summary.fidelity->p99_ns),
                             format_duration(plan.max_jitter_ns));
    return kExitLatency;
  }
  return kExitFine;
}

}  // namespace

void FrameReplayFlags::add_to(CLI::App& app) {
  app.add_option("-i,--interface,--intf1", interface, "where frames go out")->type_name("IFACE");
  app.add_option("-I,--intf2", second_interface, "where servers' frames go out")
      ->type_name("IFACE");
  app.add_option("--split", split, "who they are: auto, direction, clients=NET,…, servers=NET,…")
      ->type_name("RULE");
  app.add_option("-p,--pps", pps, "frames a second: 1000, 10kpps")->type_name("RATE");
  app.add_option("-M,--mbps", mbps, "Mbit a second: 10, 4Gbps")->type_name("RATE");
  app.add_option("--duration", duration, "stop after this time")->type_name("TIME");
  app.add_flag("-K,--preload,--preload-pcap", preload, "all frames in memory before the first");
  app.add_flag("--mtu-trunc", mtu_trunc, "cut off at the MTU what is longer");
  app.add_flag("--fragment", fragment, "send it in IP fragments")->group("");
  app.add_option("--via", via, "AF_XDP or a packet socket: xdp, packet, auto")
      ->type_name("WAY")
      ->check(CLI::IsMember({"xdp", "packet", "auto"}).description(""));
  app.add_option("--zero-copy", zero_copy, "auto, on or off")
      ->type_name("HOW")
      ->check(CLI::IsMember({"auto", "on", "off"}).description(""));
  app.add_option("--queue", queue, "TX queue")->type_name("N");
  app.add_option("--cpu", cpu, "send on this CPU")
      ->type_name("N")
      ->check(CLI::Range(0, 1023).description(""));
  app.add_option("--max-jitter", max_jitter, "p99 of the departure error at most")
      ->type_name("TIME");
}

int replay_frames(const ReplayBasics& basics, const FrameReplayFlags& flags) {
  const Plan plan = plan_of(basics, flags);
  Stop stop;
  const auto ports = open_ports(plan, flags);
  const std::unique_ptr<AccountedFeed> feed = plan.preload
                                                  ? preload(plan.feed, plan.prepare, stop.flag())
                                                  : stream(plan.feed, plan.prepare);
  Injector injector(*feed, ports, plan.schedule, plan.limits, stop.flag());
  const std::uint64_t drops_before = drops_of(plan);
  {
    const bool top_speed = plan.schedule.pace == FramePace::TopSpeed;
    Sending sending(injector, top_speed ? SpinPacer::Haste::TopSpeed : SpinPacer::Haste::Timed,
                    flags.cpu);
    say_what_is_done(plan, ports, sending.granted());
    sending.go();
    watch(injector, sending);
  }
  FrameSummary summary = summarise(plan, ports.front()->facts(), *feed, injector);
  summary.interface_dropped = drops_of(plan) - drops_before;
  if (!summary.feed.warning.empty()) std::cerr << "grayxdp: " << summary.feed.warning << '\n';
  if (basics.json)
    summary.print_json(std::cout);
  else
    summary.print(std::cout);
  return exit_code(summary, injector, plan);
}

}  // namespace gray
