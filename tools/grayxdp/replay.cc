// The verb `replay FILE… --to URL`: reads captures whole, then sends what they hold to a canary on
// production's own schedule and compares the answers. Needs no root.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <thread>

#include "replay/protocol/extractor.h"
#include "tools/grayxdp/progress.h"
#include "tools/grayxdp/replay_flags.h"
#include "tools/grayxdp/sending_thread.h"
#include "tools/grayxdp/stop.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"
#include "userspace/capture/file_source.h"

namespace gray {
namespace {

struct ReplayVerb {
  std::vector<std::string> files;
  std::string interface;
  ReplayFlags replay;
  double speed = 1;
  std::string rate;
  bool top_speed = false;
  std::string max_gap;
  std::uint64_t loops = 1;
  std::string sample = "100%";
  std::uint64_t seed = 0;
  bool dry_run = false;
  bool force = false;
};

struct Collector final : ExchangeSink {
  void exchange(Exchange&& exchange) override { exchanges.push_back(std::move(exchange)); }
  std::vector<Exchange> exchanges;
};

struct Recording {
  std::vector<Exchange> exchanges;  // by time of the request's first byte
  Ledger ledger;
};

Recording read_recording(FileSource& source, std::uint64_t seed, const Stop& stop) {
  Collector collector;
  Extractor extractor({.seed = seed}, collector);
  std::array<Frame, 256> frames;
  while (!stop.requested()) {
    const std::size_t count = source.receive(frames, std::chrono::milliseconds(100));
    if (count == 0 && source.ended()) break;
    for (std::size_t i = 0; i < count; ++i) extractor.frame(frames[i]);
    source.recycle(std::span(frames).first(count));
  }
  extractor.finish();
  if (source.cut()) std::cerr << "grayxdp: " << source.warning() << '\n';
  Recording recording{std::move(collector.exchanges), {}};
  source.account(recording.ledger);
  extractor.account(recording.ledger);
  std::stable_sort(recording.exchanges.begin(), recording.exchanges.end(),
                   [](const Exchange& a, const Exchange& b) {
                     return a.request.first_byte_ns < b.request.first_byte_ns;
                   });
  return recording;
}

ScheduleOptions schedule_of(const ReplayVerb& verb) {
  ScheduleOptions schedule;
  if ((verb.top_speed ? 1 : 0) + (verb.rate.empty() ? 0 : 1) + (verb.speed != 1 ? 1 : 0) > 1)
    throw UsageError("-x, --rate and -t exclude each other: choose one pace");
  if (verb.speed <= 0) throw UsageError("-x: the speed must be above 0");
  schedule.pace = verb.top_speed ? Pace::TopSpeed : verb.rate.empty() ? Pace::Original : Pace::Rate;
  schedule.speed = verb.speed;
  if (!verb.rate.empty()) schedule.rate = parse_request_rate(verb.rate);
  if (!verb.max_gap.empty()) schedule.max_gap_ns = parse_duration(verb.max_gap);
  return schedule;
}

// Later rounds of a loop follow on the first in time, on connections of their own.
void feed(ReplayRun& run, std::vector<Exchange>&& exchanges, std::uint64_t loops) {
  std::uint64_t streams = 0;
  for (const Exchange& exchange : exchanges) streams = std::max(streams, exchange.stream + 1);
  const std::uint64_t span = exchanges.empty()
                                 ? 0
                                 : exchanges.back().request.first_byte_ns -
                                       exchanges.front().request.first_byte_ns + kNsPerMs;
  for (std::uint64_t round = 0; round < loops; ++round) {
    const bool last = round + 1 == loops;
    for (Exchange& exchange : exchanges) {
      Exchange copy = last ? std::move(exchange) : exchange;
      copy.stream += round * streams;
      copy.request.first_byte_ns += round * span;
      copy.request.last_byte_ns += round * span;
      run.exchange(std::move(copy));
    }
  }
  run.close();
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
void send(ReplayRun& run, std::vector<Exchange>&& exchanges, std::uint64_t loops,
          const Stop& stop) {
  std::jthread feeder;
  SendingThread sending(run);
  feeder = std::jthread([&] { feed(run, std::move(exchanges), loops); });
  Progress progress;
  while (!sending.done()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (stop.requested()) run.abort();
    if (progress.due()) watch(run, progress);
  }
}

int replay_requests(const ReplayVerb& verb) {
  RunOptions options = verb.replay.options(parse_share(verb.sample), verb.seed);
  options.send.schedule = schedule_of(verb);
  options.force = verb.force;
  if (verb.dry_run)
    options.dry_run = [](const Request& request) {
      std::cout << fmt::format("{} {} {}\n", request.method, request.authority, request.target);
    };
  options.wait_for_room = true;
  Stop stop;
  // Names and rules are looked at before the long reading begins.
  FileSource source(verb.files);
  ReplayRun run(options);
  Recording recording = read_recording(source, verb.seed, stop);
  const std::uint64_t recorded = recording.exchanges.size();
  for (const Exchange& exchange : recording.exchanges)
    if (const auto conflict = run.conflict(exchange.server)) throw UsageError(*conflict);
  send(run, std::move(recording.exchanges), verb.loops, stop);
  if (verb.loops > 1)
    recording.ledger.add({.name = "loop",
                          .unit = "exchanges in rounds",
                          .in = recorded * verb.loops,
                          .out = run.status().read});
  const RunSummary summary = run.finish(recording.ledger);
  return conclude(summary, verb.replay, run.judge(), "replay");
}

int replay(const ReplayVerb& verb) {
  if (!verb.interface.empty())
    throw UsageError("replay -i: replaying frames out of an interface is not there yet; use --to");
  if (verb.replay.targets.empty()) throw UsageError("replay: where to? give --to http://HOST:PORT");
  return replay_requests(verb);
}

}  // namespace

void add_replay(CLI::App& app, Action& action) {
  auto verb = std::make_shared<ReplayVerb>();
  CLI::App* sub = app.add_subcommand("replay", "replays requests to a canary and compares");
  sub->add_option("FILE", verb->files, "captures; - is stdin")->required();
  sub->add_option("--to", verb->replay.targets, "the canary; several share the connections")
      ->type_name("URL");
  sub->add_option("-i,--interface", verb->interface, "frames out of an interface (not there yet)")
      ->group("");
  sub->add_option("-x,--speed", verb->speed, "times production's speed")->type_name("N");
  sub->add_option("--rate", verb->rate, "at a fixed rate, like 500rps")->type_name("RATE");
  sub->add_flag("-t,--topspeed", verb->top_speed, "as fast as the canary answers");
  sub->add_option("--max-gap", verb->max_gap, "shorten longer pauses to this")->type_name("TIME");
  sub->add_option("-l,--loop", verb->loops, "how many times over")->check(CLI::Range(1, 1'000'000));
  sub->add_option("--sample", verb->sample, "share of what --sample-by names")->type_name("SHARE");
  sub->add_option("--seed", verb->seed, "of the sample");
  verb->replay.add_to(*sub);
  sub->add_flag("--dry-run", verb->dry_run, "show what would be sent, send nothing");
  sub->add_flag("--force", verb->force, "send to a captured server, too");
  sub->footer(
      "Examples:\n"
      "  grayxdp replay prod.pcapng --to http://canary:8080\n"
      "  grayxdp replay prod.pcapng --to http://canary:8080 -x 10 --max-diff 0.5% --json\n"
      "  grayxdp replay prod.pcapng --to http://canary:8080 -t --scrub rules.yaml --trials "
      "t.jsonl");
  sub->callback([verb, &action] { action = [verb] { return replay(*verb); }; });
}

}  // namespace gray
