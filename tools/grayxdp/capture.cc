// The verb `capture`: frames off the wire into a pcapng file, or a line each on the screen, or only
// counted. What the outputs do is in capture_output.cc, what is said at the end in
// capture_summary.cc.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "tools/grayxdp/capture_output.h"
#include "tools/grayxdp/capture_summary.h"
#include "tools/grayxdp/live_flags.h"
#include "tools/grayxdp/recorder.h"
#include "tools/grayxdp/stop.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"
#include "userspace/capture/workers.h"

namespace gray {
namespace {

struct CaptureVerb {
  LiveFlags live;
  std::vector<std::string> filter;
  std::string file;
  std::uint32_t snaplen = GRAY_MAX_SNAPLEN;
  std::uint64_t count = 0;
  std::string duration;
  std::string max_loss;
  PrintOptions print;
  bool hex = false;
  bool numeric = false;
  bool json = false;
};

std::unique_ptr<FrameOutput> open_output(const CaptureVerb& verb, const LiveOptions& live) {
  if (!verb.file.empty())
    return open_capture_file(verb.file, live, verb.snaplen, describe(live.program.selection));
  if (verb.json) return discard_frames();
  return print_frames(verb.print, verb.hex);
}

void announce(const CaptureVerb& verb, const LiveFacts& facts) {
  std::string how = fmt::format("{} mode, {}", verb.live.mode, facts.attached);
  if (verb.live.mode == "tap") {
    how += facts.zero_copy ? ", zero-copy" : ", copy";
    if (!facts.zero_copy_refusal.empty())
      how += fmt::format(" (no zero-copy: {})", facts.zero_copy_refusal);
    how += fmt::format(", {} queue{}", facts.queues.size(), facts.queues.size() == 1 ? "" : "s");
  }
  std::cerr << fmt::format("capture: listening on {} ({})\n", verb.live.interface, how);
}

void check_usage(const CaptureVerb& verb) {
  if (!verb.filter.empty())
    throw UsageError(
        "capture: tcpdump expressions are not run in the kernel yet; select with --proto tcp "
        "--port 80 --net 10.0.0.0/8");
  if (verb.file == "-" && verb.json)
    throw UsageError("capture: -w - and --json both want stdout: give the file a name");
}

int capture(const CaptureVerb& verb) {
  check_usage(verb);
  LiveOptions live = verb.live.options();
  live.program.snaplen = verb.snaplen;
  const double max_loss = verb.max_loss.empty() ? 1 : parse_share(verb.max_loss);
  const RecorderLimits limits{
      .count = verb.count,
      .duration_ns = verb.duration.empty() ? 0 : parse_duration(verb.duration),
      .snaplen = verb.snaplen};

  Stop stop;
  const std::unique_ptr<LiveCapture> capture = open_live(live);
  const std::unique_ptr<FrameOutput> output = open_output(verb, live);
  announce(verb, capture->facts());
  CaptureSummary summary(verb.live.interface, verb.live.mode, capture->facts());
  {
    Recorder recorder(*output, limits, capture->program(), stop);
    Workers workers(capture->sources(), recorder);
    workers.run(stop.flag());
    summary.seconds = recorder.seconds();
    capture->stop();
    static const std::atomic<bool> never{false};
    workers.run(never);
    capture->account(summary.ledger);
    workers.account(summary.ledger);
    summary.kernel = capture->program().counters();
    output->finish(summary.kernel[GRAY_CAPTURED], summary.ledger.lost());
    recorder.account(summary.ledger);
    summary.delivered = recorder.put();
  }
  summary.flows_held = capture->program().flows().size();
  summary.to_file = !verb.file.empty();
  summary.written_bytes = output->bytes();

  verb.json ? summary.print_json(std::cout) : summary.print(std::cerr);
  if (const std::string failure = output->failure(); !failure.empty()) {
    std::cerr << "grayxdp: " << failure << '\n';
    return kExitFailed;
  }
  return summary.loss() > max_loss ? kExitLoss : kExitFine;
}

void add_print_options(CLI::App& sub, CaptureVerb& verb) {
  sub.add_flag("-n", verb.numeric, "numbers for names (always so)");
  sub.add_flag("-e", verb.print.link_header, "print the link header");
  sub.add_flag("-v", verb.print.verbose, "print more: ttl, id, length");
  sub.add_flag("-x", verb.hex, "print the bytes in hex");
}

}  // namespace

void add_capture(CLI::App& app, Action& action) {
  auto verb = std::make_shared<CaptureVerb>();
  CLI::App* sub =
      app.add_subcommand("capture", "frames off the wire into a file, or on the screen");
  verb->live.add_to(*sub, "tap on an interface with an address or a route");
  sub->add_option("-w,--write", verb->file, "pcapng file; - is stdout")->type_name("FILE");
  sub->add_option("-s,--snaplen", verb->snaplen, "bytes kept of a frame")
      ->check(CLI::Range(1U, static_cast<unsigned>(GRAY_MAX_SNAPLEN)));
  sub->add_option("-c,--count", verb->count, "stop after this many frames");
  sub->add_option("--duration", verb->duration, "stop after this long")->type_name("TIME");
  sub->add_option("--max-loss", verb->max_loss, "exit with 3 when more was lost")
      ->type_name("SHARE");
  add_print_options(*sub, *verb);
  sub->add_flag("--json", verb->json, "summary as one JSON object");
  sub->add_option("FILTER", verb->filter, "")->group("");
  sub->footer(
      "Examples:\n"
      "  grayxdp capture -i eth1 --port 80 -w prod.pcapng\n"
      "  grayxdp capture -i span0 --mode tap --duration 10s -w wire.pcapng --json\n"
      "  grayxdp capture -i eth1 --proto tcp --net 10.0.0.0/8 --sample 1% -c 100");
  sub->callback([verb, &action] { action = [verb] { return capture(*verb); }; });
}

}  // namespace gray
