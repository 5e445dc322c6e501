// The verb `replay`. With --to it reads captures and, looking ahead as far as the order of requests
// needs, sends what they hold to a canary on production's own schedule and compares the answers;
// that needs no root. With -i it sends frames
// (replay_frames.h).

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <memory>
#include <thread>

#include "tools/grayxdp/descriptor_watch.h"
#include "tools/grayxdp/extractor_caps.h"
#include "tools/grayxdp/progress.h"
#include "tools/grayxdp/rare_options.h"
#include "tools/grayxdp/recording_feed.h"
#include "tools/grayxdp/replay_flags.h"
#include "tools/grayxdp/replay_frames.h"
#include "tools/grayxdp/requests_summary.h"
#include "tools/grayxdp/sending_thread.h"
#include "tools/grayxdp/stop.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

using Options = std::vector<const CLI::Option*>;

// Exchanges that wait to be sent; there are more where they come from. Few enough to stay in the
// caches, enough for what a slow connection holds up.
constexpr std::size_t kQueued = 16'384;

struct ReplayVerb {
  ReplayBasics basics;
  ReplayFlags replay;
  ExtractorCaps caps;
  FrameReplayFlags frames;
  std::string rate;
  std::string sample = "100%";
  std::string start;
  std::string stop;
  bool dry_run = false;
  bool force = false;
  Options of_requests;  // that only --to takes
  Options of_frames;    // that only -i takes
};

ScheduleOptions schedule_of(const ReplayVerb& verb) {
  ScheduleOptions schedule;
  if ((verb.basics.top_speed ? 1 : 0) + (verb.rate.empty() ? 0 : 1) +
          (verb.basics.speed != 1 ? 1 : 0) >
      1)
    throw UsageError("-x, --rate and -t exclude each other: choose one pace");
  if (verb.basics.speed <= 0) throw UsageError("-x: the speed must be above 0");
  schedule.pace = verb.basics.top_speed ? Pace::TopSpeed
                  : verb.rate.empty()   ? Pace::Original
                                        : Pace::Rate;
  schedule.speed = verb.basics.speed;
  if (!verb.rate.empty()) schedule.rate = parse_request_rate(verb.rate);
  if (!verb.basics.max_gap.empty()) schedule.max_gap_ns = parse_duration(verb.basics.max_gap);
  return schedule;
}

void watch(const ReplayRun& run, Progress& progress) {
  const ReplayRun::Status status = run.status();
  const std::uint64_t done = status.send.answered + status.send.connect + status.send.timeout +
                             status.send.reset + status.send.garbage;
  progress.show(
      fmt::format("replay: {} of {} sent and answered, {:.0f} rps, {} in flight, {} differ",
                  status.send.answered, status.send.submitted, progress.rate(done),
                  status.send.in_flight, status.different));
}

// One thread sends, one feeds it as it has room, this one watches.
void send(ReplayRun& run, RecordingFeed& feed, const Stop& stop) {
  SendingThread sending(run);
  std::exception_ptr failure;
  std::jthread feeder([&] {
    be_patient();
    try {
      feed.run();
    } catch (...) {
      failure = std::current_exception();
      run.abort();
    }
    run.close();
  });
  Progress progress;
  DescriptorWatch descriptors(run);
  while (!sending.done()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (stop.requested() || !run.refusal().empty()) run.abort();
    descriptors.look();
    if (progress.due()) watch(run, progress);
  }
  feed.stop();
  feeder.join();
  if (failure) std::rethrow_exception(failure);
}

TimeWindow window_of(const ReplayVerb& verb) {
  const auto moment = [](const std::string& text) {
    return text.empty() ? std::optional<Moment>() : Moment::parse(text);
  };
  return {moment(verb.start), moment(verb.stop)};
}

int replay_requests(const ReplayVerb& verb) {
  if (verb.basics.loops == 0) throw UsageError("-l 0, for ever, is for -i");
  const std::uint64_t seed = verb.frames.rewrite.seed.value_or(0);
  RunOptions options = verb.replay.options(parse_share(verb.sample), seed);
  options.send.schedule = schedule_of(verb);
  options.window = window_of(verb);
  options.force = verb.force;
  if (verb.dry_run)
    options.dry_run = [](const Request& request) {
      std::cout << fmt::format("{} {} {}\n", request.method, request.authority, request.target);
    };
  options.wait_for_room = true;
  options.send.queue_limit = kQueued;
  options.send.urgent = true;
  Stop stop;
  // Names and rules are looked at before the reading begins.
  ExtractorOptions reading{.seed = seed};
  verb.caps.apply(reading);
  RecordingFeed feed(verb.basics.files, verb.basics.loops, reading);
  ReplayRun run(options);
  feed.into(run);
  send(run, feed, stop);
  if (const std::string refusal = run.refusal(); !refusal.empty()) throw UsageError(refusal);
  Ledger ledger = feed.ledger();
  if (verb.basics.loops > 1)
    ledger.add({.name = "loop",
                .unit = "exchanges in rounds",
                .in = feed.exchanges(),
                .out = run.status().read});
  if (feed.late() > 0)
    std::cerr << fmt::format(
        "grayxdp: {} exchanges lasted longer than the look-ahead and were sent late\n",
        feed.late());
  if (const std::string reached = caps_reached(feed.summary()); !reached.empty())
    std::cerr << fmt::format("grayxdp: {}\n", reached);
  if (const std::string unread = packets_unread(feed.summary()); !unread.empty())
    std::cerr << fmt::format("grayxdp: {}\n", unread);
  if (const std::string skipped = bytes_skipped(feed.summary()); !skipped.empty())
    std::cerr << fmt::format("grayxdp: {}\n", skipped);
  const RunSummary summary = run.finish(ledger);
  return conclude(summary, verb.replay, run.judge(), "replay");
}

// An option of the other kind would silently do nothing.
void refuse(const Options& strangers, const std::string& why) {
  for (const CLI::Option* option : strangers)
    if (option->count() > 0) throw UsageError(option->get_name(false, true) + ": " + why);
}

int replay(const ReplayVerb& verb) {
  const bool frames = !verb.frames.interface.empty();
  if (frames && !verb.replay.targets.empty())
    throw UsageError("-i sends frames, --to requests: choose one");
  if (frames) {
    refuse(verb.of_requests, "is for requests (--to), not for frames (-i)");
    return replay_frames(verb.basics, verb.frames);
  }
  if (verb.replay.targets.empty())
    throw UsageError("replay: where to? give --to http://HOST:PORT, or -i INTERFACE");
  refuse(verb.of_frames, "is for frames (-i), not for requests (--to)");
  return replay_requests(verb);
}

void add_shared_options(CLI::App& app, ReplayBasics& basics) {
  app.add_option("FILE", basics.files, "captures; - is stdin")->required()->group("");
  app.add_option("-x,--speed,--multiplier", basics.speed, "times production's speed")
      ->type_name("N");
  app.add_flag("-t,--topspeed", basics.top_speed, "as fast as it goes");
  app.add_option("--max-gap,--maxsleep", basics.max_gap, "shorten longer pauses to this")
      ->type_name("TIME");
  app.add_option("-l,--loop", basics.loops, "how many times over; with -i, 0 is for ever")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000).description(""));
  app.add_option("-L,--limit", basics.limit, "this many exchanges, or frames, at most")
      ->type_name("N");
  app.add_flag("--json", basics.json, "summary as one JSON object");
}

void add_request_options(CLI::App& app, ReplayVerb& verb) {
  app.add_option("--to", verb.replay.targets,
                 "the canary (http, h2c, https); several share the connections, by URL,weight=N")
      ->type_name("URL");
  app.add_option("--rate", verb.rate, "at a fixed rate, like 500rps")->type_name("RATE");
  app.add_option("--sample", verb.sample, "share of what --sample-by names")->type_name("SHARE");
  app.add_option("--start", verb.start, "from here on: 90s into it, or a UTC time")
      ->type_name("TIME");
  app.add_option("--stop", verb.stop, "up to here")->type_name("TIME");
  verb.replay.add_to(app);
  verb.caps.add_to(app);
  app.add_flag("--dry-run", verb.dry_run, "show what would be sent, send nothing");
  app.add_flag("--force", verb.force, "send to a captured server, too");
}

// What `add` adds, in a group of --help; "" is not shown there.
template <class Add>
Options options_of(CLI::App& app, const std::string& group, const Add& add) {
  const std::size_t before = app.get_options().size();
  app.option_defaults()->group(group);
  add();
  const auto all = app.get_options();
  return {all.begin() + static_cast<std::ptrdiff_t>(before), all.end()};
}

}  // namespace

void add_replay(CLI::App& app, Action& action) {
  auto verb = std::make_shared<ReplayVerb>();
  CLI::App* sub = app.add_subcommand(
      "replay", "replays FILE… (captures, - is stdin): requests to a canary, or frames");
  add_shared_options(*sub, verb->basics);
  verb->of_requests =
      options_of(*sub, "Requests to a canary (--to)", [&] { add_request_options(*sub, *verb); });
  verb->of_frames = options_of(*sub, "Frames out of an interface (-i); takes all of `rewrite`, too",
                               [&] { verb->frames.add_to(*sub); });
  const Options rewriting = options_of(*sub, "", [&] { verb->frames.rewrite.add_to(*sub); });
  for (const CLI::Option* option : rewriting)
    if (!option->check_lname("seed")) verb->of_frames.push_back(option);
  sub->get_option("--seed")->group("Options")->description(
      "of the sample (--to); scrambles addresses (-i)");
  leave_out_of_help(
      *sub, {"--learn-wait", "--noise-relative", "--noise-absolute", "--descriptors", "--max-flows",
             "--max-memory", "--cpu", "--queue", "--mtu-trunc", "--zero-copy", "--via"});
  sub->footer(
      "Rarely needed options, and all others: man grayxdp\n"
      "Examples:\n"
      "  grayxdp replay prod.pcapng --to http://canary:8080 -x 10 --max-diff 0.5% --json\n"
      "  grayxdp replay prod.pcapng -i eth1 --pnat 10.0.0.0/8:192.168.0.0/16");
  sub->callback([verb, &action] {
    verb->replay.limit = verb->basics.limit;
    verb->replay.json = verb->basics.json;
    action = [verb] { return replay(*verb); };
  });
}

}  // namespace gray
