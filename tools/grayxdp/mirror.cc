// The verb `mirror`: live traffic → exchanges → scrubbed and coloured → canary → verdict. Threads:
// one a capture source, this one (extracts, selects, scrubs), the sender's, the judge's. Capture
// waits for none of them: what a later one cannot take is dropped in front of it, and counted.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <thread>

#include "replay/protocol/extractor.h"
#include "tools/grayxdp/descriptor_watch.h"
#include "tools/grayxdp/filter_reload.h"
#include "tools/grayxdp/live_flags.h"
#include "tools/grayxdp/pause_switch.h"
#include "tools/grayxdp/progress.h"
#include "tools/grayxdp/rare_options.h"
#include "tools/grayxdp/replay_flags.h"
#include "tools/grayxdp/sending_thread.h"
#include "tools/grayxdp/stop.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"
#include "userspace/capture/workers.h"
#include "userspace/kernel/interface.h"

namespace gray {
namespace {

struct MirrorVerb {
  LiveFlags live;
  ReplayFlags replay;
  std::string duration;
};

// After Ctrl-C, how long requests on their way may still be answered.
constexpr std::uint64_t kGraceNs = 2 * kNsPerSecond;

class Pipeline final : public FrameConsumer {
 public:
  Pipeline(ReplayRun& run, Program& program, Stop& stop, const MirrorVerb& verb)
      : run_(run),
        program_(program),
        stop_(stop),
        extractor_({.seed = verb.live.seed, .tunnels = verb.live.tunnels}, run),
        descriptors_(run),
        interface_(verb.live.interface),
        ends_ns_(verb.duration.empty() ? 0 : monotonic_ns() + parse_duration(verb.duration)) {}

  void consume(std::span<const Frame> frames) noexcept override {
    for (const Frame& frame : frames) extractor_.frame(frame);
  }

  void tick() noexcept override {
    extractor_.expire(utc_ns());
    if (ends_ns_ > 0 && monotonic_ns() >= ends_ns_) stop_.request();
    if (!run_.refusal().empty()) stop_.request();
    pause_.follow(stop_, program_);
    descriptors_.look();
    if (progress_.due()) show();
  }

  void finish() { extractor_.finish(); }
  void account(Ledger& ledger) const { extractor_.account(ledger); }

 private:
  void show() {
    const ReplayRun::Status status = run_.status();
    const std::uint64_t failed = status.send.connect + status.send.timeout + status.send.reset +
                                 status.send.garbage + status.send.queue_full;
    progress_.show(fmt::format(
        "mirror {}: {} frames, {} exchanges, {} answered ({:.0f}/s), {} "
        "failed, {} waiting, {} differ",
        interface_, program_.counters()[GRAY_CAPTURED], status.read, status.send.answered,
        progress_.rate(status.send.answered), failed, status.send.queued, status.different));
  }

  ReplayRun& run_;
  Program& program_;
  Stop& stop_;
  Extractor extractor_;
  Progress progress_;
  DescriptorWatch descriptors_;
  PauseSwitch pause_;
  std::string interface_;
  std::uint64_t ends_ns_;
};

// What grayxdp sends must not come back in. In host mode the kernel leaves out all that is to or
// from a target; a target that is an address of the interface itself would be production.
void keep_apart(LiveOptions& live, const RunOptions& run) {
  const InterfaceFacts facts = read_interface(live.interface);
  std::vector<Target> targets = run.send.targets;
  if (run.baseline) targets.push_back(*run.baseline);
  for (const Target& target : targets)
    for (const Endpoint& endpoint : target.endpoints) {
      for (const IpAddress& own : facts.addresses)
        if (own == endpoint.address && !live.force)
          throw UsageError(fmt::format(
              "target {} is an address of {}, the interface being mirrored: a canary must be "
              "elsewhere (--force sends all the same)",
              target.url, live.interface));
      if (live.mode == CaptureMode::Host) live.program.selection.excludes.push_back(endpoint);
    }
}

void wait_for_answers(ReplayRun& run, const SendingThread& sending, const Stop& stop) {
  run.close();
  const std::uint64_t deadline = monotonic_ns() + kGraceNs;
  while (!sending.done()) {
    if (stop.interrupted() && monotonic_ns() > deadline) run.abort();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

int mirror(const MirrorVerb& verb) {
  LiveOptions live = verb.live.options();
  RunOptions options = verb.replay.options(live.program.selection.share, verb.live.seed);
  options.send.schedule.pace = Pace::Live;
  options.force = verb.live.force;
  // The kernel samples flows; headers and cookies it cannot see.
  if (verb.replay.sample_by == "flow")
    options.select.share = 1;
  else
    live.program.selection.share = 1;
  keep_apart(live, options);

  Stop stop;
  if (verb.live.rereads()) stop.catch_hangups();  // from before anybody is told that we listen
  ReplayRun run(options);
  const std::unique_ptr<LiveCapture> capture = open_live(live);
  std::cerr << fmt::format("mirror: {} ({}, {}) to {}\n", verb.live.interface, verb.live.mode,
                           capture->facts().attached, fmt::join(verb.replay.targets, " "));
  Pipeline pipeline(run, capture->program(), stop, verb);
  const SendingThread sending(run);
  Workers workers(capture->sources(), pipeline);
  {
    const FilterReload reload(verb.live, stop, *capture);
    workers.run(stop.flag());
  }
  capture->stop();
  static const std::atomic<bool> never{false};
  workers.run(never);
  pipeline.finish();
  wait_for_answers(run, sending, stop);

  Ledger ledger;
  capture->account(ledger);
  workers.account(ledger);
  pipeline.account(ledger);
  const RunSummary summary = run.finish(ledger);
  if (const std::string refusal = run.refusal(); !refusal.empty()) throw UsageError(refusal);
  return conclude(summary, verb.replay, run.judge(), "mirror");
}

}  // namespace

void add_mirror(CLI::App& app, Action& action) {
  auto verb = std::make_shared<MirrorVerb>();
  CLI::App* sub = app.add_subcommand("mirror", "live traffic to a canary: mirror, replay, compare");
  verb->live.add_to(*sub, "mirror although the target or the interface says not to");
  sub->add_option("--to", verb->replay.targets, "the canary; several share the connections")
      ->required()
      ->type_name("URL");
  sub->add_option("--duration", verb->duration, "stop after this long")->type_name("TIME");
  verb->replay.add_to(*sub);
  sub->add_option("-L,--limit", verb->replay.limit, "replay this many exchanges at most");
  sub->add_flag("--json", verb->replay.json, "summary as one JSON object");
  leave_out_of_help(*sub, {"--learn-wait", "--noise-relative", "--noise-absolute", "--descriptors",
                           "--busy-poll", "--with-dispatcher", "--pass-unselected"});
  sub->footer(
      "Rarely needed options, and all others: man grayxdp\n"
      "Examples:\n"
      "  grayxdp mirror -i eth1 --to http://canary:8080 --sample 5% --duration 10m tcp port 80\n"
      "  grayxdp mirror -i span0 --mode tap --to http://canary:8080 --max-p99 200ms");
  sub->callback([verb, &action] { action = [verb] { return mirror(*verb); }; });
}

}  // namespace gray
