// The verb `flows`: the flow table of live traffic (kept by the kernel) or of captures (built
// here).

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>

#include "tools/grayxdp/announce.h"
#include "tools/grayxdp/filter_reload.h"
#include "tools/grayxdp/flow_order.h"
#include "tools/grayxdp/flow_print.h"
#include "tools/grayxdp/flow_table.h"
#include "tools/grayxdp/live_flags.h"
#include "tools/grayxdp/progress.h"
#include "tools/grayxdp/stop.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"
#include "userspace/capture/file_source.h"
#include "userspace/capture/workers.h"

namespace gray {
namespace {

// The frames are only let go of, so that little room will do for them.
constexpr std::size_t kUmemBytes = 4 << 20;
constexpr std::uint64_t kRingBytes = 4 << 20;
constexpr std::size_t kWatchedFlows = 20;
constexpr std::uint64_t kDefaultWatchNs = kNsPerSecond;

struct FlowsVerb {
  LiveFlags live;
  std::vector<std::string> files;
  std::string duration;
  std::string sort = "first";
  std::size_t limit = 0;
  std::string watch;
  bool watched = false;
  bool json = false;
};

void print_flows(const FlowSet& flows, FlowOrder order, std::size_t limit, bool json) {
  if (!json) std::cout << flow_header() << '\n';
  FlowRecord record;
  for (const std::uint32_t slot : order_flows(flows, order, limit))
    if (flows.read(slot, record))
      std::cout << (json ? flow_json(record) : flow_line(record)) << '\n';
  std::cout << std::flush;
}

int flows_of_files(const FlowsVerb& verb) {
  if (verb.watched) throw UsageError("--watch is for -i: a file does not change");
  FileSource source(verb.files, verb.live.filter());
  check_tunnels(verb.live.tunnels);
  FlowTable table(verb.live.seed, verb.live.tunnels);
  std::array<Frame, 256> frames;
  while (true) {
    const std::size_t count = source.receive(frames, std::chrono::milliseconds(100));
    if (count == 0 && source.ended()) break;
    for (std::size_t i = 0; i < count; ++i) table.add(frames[i]);
    source.recycle(std::span(frames).first(count));
  }
  if (source.cut()) std::cerr << "grayxdp: " << source.warning() << '\n';
  print_flows(table, parse_flow_order(verb.sort), verb.limit, verb.json);
  std::cerr << fmt::format("{} frames, {} flows, {} frames of no flow\n", table.frames(),
                           table.slots(), table.without_flow());
  return kExitFine;
}

std::string totals(const Counters& counters) {
  std::string text = fmt::format("{} frames, {} flows, {} evicted", counters[GRAY_CAPTURED],
                                 counters[GRAY_FLOW_NEW], counters[GRAY_FLOW_EVICTED]);
  if (counters[GRAY_FLOW_FULL] > 0)
    text += fmt::format(", {} frames of no flow: its slot was contended", counters[GRAY_FLOW_FULL]);
  return text;
}

// The table again and again: on a terminal in place, as `top` does, else one below the other.
class Watch {
 public:
  Watch(const FlowSet& flows, const FlowsVerb& verb)
      : flows_(flows),
        verb_(verb),
        order_(parse_flow_order(verb.sort)),
        interval_ns_(verb.watch.empty() ? kDefaultWatchNs : parse_duration(verb.watch)),
        next_ns_(verb.watched ? monotonic_ns() + interval_ns_ : ~std::uint64_t{0}),
        terminal_(isatty(STDOUT_FILENO) == 1 && !verb.json) {}

  bool due() const noexcept { return monotonic_ns() >= next_ns_; }
  void show(const std::string& line) {
    next_ns_ += interval_ns_;
    if (terminal_) std::cout << "\033[H\033[J";
    if (!verb_.json) std::cout << line << '\n';
    print_flows(flows_, order_, limit(), verb_.json);
    if (!terminal_ && !verb_.json) std::cout << std::endl;
  }

 private:
  std::size_t limit() const noexcept {
    if (verb_.limit > 0) return verb_.limit;
    constexpr unsigned kOtherLines = 3;
    winsize size{};
    if (terminal_ && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > kOtherLines)
      return size.ws_row - kOtherLines;
    return kWatchedFlows;
  }

  const FlowSet& flows_;
  const FlowsVerb& verb_;
  FlowOrder order_;
  std::uint64_t interval_ns_;
  std::uint64_t next_ns_;
  bool terminal_;
};

// The kernel keeps the table; the frames themselves are only let go of.
class Drain final : public FrameConsumer {
 public:
  Drain(Program& program, Stop& stop, Watch& watch, std::uint64_t duration_ns)
      : program_(program),
        stop_(stop),
        watch_(watch),
        ends_ns_(duration_ns ? monotonic_ns() + duration_ns : 0) {}
  void consume(std::span<const Frame>) noexcept override {}
  void tick() noexcept override {
    if (ends_ns_ > 0 && monotonic_ns() >= ends_ns_) stop_.request();
    if (watch_.due()) watch_.show(totals(program_.counters()));
    if (!progress_.due()) return;
    const Counters counters = program_.counters();
    progress_.show(fmt::format("{}, {:.0f} frames/s, Ctrl-C ends", totals(counters),
                               progress_.rate(counters[GRAY_CAPTURED])));
  }

 private:
  Program& program_;
  Stop& stop_;
  Watch& watch_;
  Progress progress_;
  std::uint64_t ends_ns_;
};

int flows_of_interface(const FlowsVerb& verb) {
  LiveOptions options = verb.live.options();
  options.program.snaplen = 64;
  if (verb.live.ring.empty()) {
    options.umem_bytes = kUmemBytes;
    options.program.ring_bytes = kRingBytes;
  }
  const FlowOrder order = parse_flow_order(verb.sort);
  Stop stop;
  if (verb.live.rereads()) stop.catch_hangups();  // from before anybody is told that we listen
  const auto capture = open_live(options);
  const std::uint64_t duration = verb.duration.empty() ? 0 : parse_duration(verb.duration);
  announce("flows", verb.live, capture->facts());
  const KernelFlows flows(capture->program().flow_map());
  Watch watch(flows, verb);
  {
    Drain drain(capture->program(), stop, watch, duration);
    Workers workers(capture->sources(), drain);
    {
      const FilterReload reload(verb.live, stop, *capture);
      workers.run(stop.flag());
    }
    capture->stop();
    static const std::atomic<bool> never{false};
    workers.run(never);
  }
  print_flows(flows, order, verb.limit, verb.json);
  std::cerr << totals(capture->program().counters()) << '\n';
  return kExitFine;
}

int flows(const FlowsVerb& verb) {
  if (verb.files.empty() == verb.live.interface.empty())
    throw UsageError("flows: of what? give -i IFACE or -r FILE");
  return verb.files.empty() ? flows_of_interface(verb) : flows_of_files(verb);
}

}  // namespace

void add_flows(CLI::App& app, Action& action) {
  auto verb = std::make_shared<FlowsVerb>();
  CLI::App* sub = app.add_subcommand("flows", "the flow table of an interface or of captures");
  verb->live.add_to(*sub, "tap on an interface with an address or a route");
  sub->get_option("--interface")->required(false);
  sub->add_option("-r,--read", verb->files, "captures; - is stdin")->type_name("FILE");
  sub->add_option("--duration", verb->duration, "look for this long (default: until Ctrl-C)")
      ->type_name("TIME");
  sub->add_option("--sort", verb->sort, "first, last, packets, bytes, duration or rate")
      ->capture_default_str()
      ->type_name("BY");
  sub->add_option("--limit", verb->limit, "only so many, the first in that order");
  auto* watch = sub->add_option("--watch", verb->watch, "show the table every TIME (1s)")
                    ->type_name("TIME")
                    ->expected(0, 1);
  sub->add_flag("--json", verb->json, "one JSON object a flow");
  sub->footer(
      "Examples:\n"
      "  grayxdp flows -i eth1 --duration 10s\n"
      "  grayxdp flows -i eth1 --sort bytes --limit 20 --watch 2s port 443\n"
      "  grayxdp flows -r prod.pcapng --json net 10.0.0.0/8");
  sub->callback([verb, watch, &action] {
    verb->watched = watch->count() > 0;
    action = [verb] { return flows(*verb); };
  });
}

}  // namespace gray
