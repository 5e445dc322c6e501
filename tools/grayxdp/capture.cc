// The verb `capture`: frames off the wire into a pcapng file, or a line each on the screen, or only
// counted. What the outputs do is in capture_output.cc, what is said at the end in
// capture_summary.cc.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "tools/grayxdp/announce.h"
#include "tools/grayxdp/capture_output.h"
#include "tools/grayxdp/capture_summary.h"
#include "tools/grayxdp/filter_reload.h"
#include "tools/grayxdp/frame_printer.h"
#include "tools/grayxdp/live_flags.h"
#include "tools/grayxdp/recorder.h"
#include "tools/grayxdp/rotation_flags.h"
#include "tools/grayxdp/stop.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"
#include "userspace/capture/run.h"

namespace gray {
namespace {

struct CaptureVerb {
  LiveFlags live;
  std::string file;
  RotationFlags rotation;
  std::string compress;
  bool no_direct = false;
  std::uint32_t snaplen = GRAY_MAX_SNAPLEN;
  std::uint64_t count = 0;
  std::string duration;
  std::string max_loss;
  PrintOptions print;
  int hex = 0;
  int hex_and_text = 0;
  bool text = false;
  bool by_line = false;
  bool numeric = false;
  bool json = false;
  bool dump = false;
};

// As in tcpdump, an option given twice means with the link header.
BytesShown bytes_shown(const CaptureVerb& verb) {
  using As = BytesShown::As;
  if (verb.hex_and_text > 0) return {As::HexAndText, verb.hex_and_text > 1};
  if (verb.hex > 0) return {As::Hex, verb.hex > 1};
  return {verb.text ? As::Text : As::Nothing, false};
}

std::unique_ptr<FrameOutput> open_output(const CaptureVerb& verb, const LiveOptions& live) {
  if (!verb.file.empty()) {
    const CaptureWriterOptions file{
        .path = verb.file,
        .rotation = verb.rotation.rotation(),
        .file = {.direct = verb.no_direct ? DirectIo::Off : DirectIo::Auto,
                 .compression = verb.compress.empty() ? Compression::None : Compression::Zstd}};
    return open_capture_file(file, live, verb.snaplen, describe(live.program));
  }
  if (verb.json) return discard_frames();
  return print_frames(verb.print, bytes_shown(verb), verb.by_line);
}

void check_usage(const CaptureVerb& verb) {
  if (verb.file == "-" && verb.json)
    throw UsageError("capture: -w - and --json both want stdout: give the file a name");
  verb.rotation.check(verb.file);
  if (!verb.compress.empty() && verb.file.empty())
    throw UsageError("capture: --compress is for a file: give it a name with -w");
}

RecorderLimits limits_of(const CaptureVerb& verb) {
  return {.count = verb.count,
          .duration_ns = verb.duration.empty() ? 0 : parse_duration(verb.duration),
          .snaplen = verb.snaplen};
}

/// Until it is stopped or there is enough, and then all that was on its way; fills the summary.
void record(const CaptureVerb& verb, LiveCapture& capture, FrameOutput& output, Stop& stop,
            CaptureSummary& summary) {
  Recorder recorder(output, limits_of(verb), capture, stop);
  const auto nap = verb.live.busy_poll ? std::chrono::microseconds(0)
                   : verb.file.empty() ? kRingNap
                                       : kFileNap;
  const std::unique_ptr<CaptureRun> run = make_run(capture.sources(), recorder, nap);
  {
    const FilterReload reload(verb.live, stop, capture);
    run->run(stop.flag());
  }
  summary.seconds = recorder.seconds();
  capture.stop();
  static const std::atomic<bool> never{false};
  run->run(never);
  capture.account(summary.ledger);
  run->account(summary.ledger);
  summary.kernel = capture.program().counters();
  output.finish(summary.kernel[GRAY_CAPTURED], summary.ledger.lost());
  recorder.account(summary.ledger);
  summary.delivered = recorder.put();
}

int capture(const CaptureVerb& verb) {
  check_usage(verb);
  if (verb.dump) {
    std::cout << to_string(verb.live.filter().program());
    return kExitFine;
  }
  LiveOptions live = verb.live.options();
  live.program.snaplen = verb.snaplen;
  const double max_loss = verb.max_loss.empty() ? 1 : parse_share(verb.max_loss);
  static_cast<void>(limits_of(verb));  // what is wrong is said before anything is attached

  Stop stop;
  if (verb.live.rereads()) stop.catch_hangups();  // from before anybody is told that we listen
  const std::unique_ptr<LiveCapture> capture = open_live(live);
  const std::unique_ptr<FrameOutput> output = open_output(verb, live);
  announce("capture", verb.live, capture->facts());
  CaptureSummary summary(verb.live.interface, verb.live.mode, capture->facts());
  record(verb, *capture, *output, stop, summary);
  summary.joined = capture->joined();
  summary.hardware_stamped = capture->hardware_stamped();
  summary.busy_poll_in_vain = capture->busy_poll_in_vain();
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
  sub.add_flag("-x", verb.hex, "print the bytes in hex; -xx: with the link header");
  sub.add_flag("-X", verb.hex_and_text,
               "print the bytes in hex and text; -XX: with the link header");
  sub.add_flag("-A", verb.text, "print the bytes as text");
  sub.add_flag("-l", verb.by_line, "print each line at once, also into a pipe");
}

}  // namespace

void add_capture(CLI::App& app, Action& action) {
  auto verb = std::make_shared<CaptureVerb>();
  CLI::App* sub =
      app.add_subcommand("capture", "frames off the wire into a file, or on the screen");
  verb->live.add_to(*sub, "tap on an interface with an address or a route");
  sub->add_option("-w,--write", verb->file, "pcapng file; - is stdout")->type_name("FILE");
  verb->rotation.add_to(*sub);
  sub->add_option("--compress", verb->compress, "write the file compressed")
      ->check(CLI::IsMember({"zstd"}));
  sub->add_flag("--no-direct", verb->no_direct, "write through the page cache, always");
  sub->add_option("-s,--snaplen", verb->snaplen, "bytes kept of a frame")
      ->check(CLI::Range(1U, static_cast<unsigned>(GRAY_MAX_SNAPLEN)));
  sub->add_option("-c,--count", verb->count, "stop after this many frames");
  sub->add_option("--duration", verb->duration, "stop after this long")->type_name("TIME");
  sub->add_option("--max-loss", verb->max_loss, "exit with 3 when more was lost")
      ->type_name("SHARE");
  add_print_options(*sub, *verb);
  sub->add_flag("--json", verb->json, "summary as one JSON object");
  sub->add_flag("-d", verb->dump, "print the compiled expression and stop");
  sub->footer(
      "Examples:\n"
      "  grayxdp capture -i eth1 -w prod.pcapng tcp port 80 and net 10.0.0.0/8\n"
      "  grayxdp capture -i span0 --mode tap --duration 10s -w wire.pcapng --json\n"
      "  grayxdp capture -i eth1 --proto tcp --net 10.0.0.0/8 --sample 1% -c 100");
  sub->callback([verb, &action] { action = [verb] { return capture(*verb); }; });
}

}  // namespace gray
