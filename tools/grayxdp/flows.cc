// The verb `flows`: the flow table of live traffic (kept by the kernel) or of captures (built
// here).

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

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
#include "userspace/packet/community_id.h"

namespace gray {
namespace {

struct FlowsVerb {
  LiveFlags live;
  std::vector<std::string> files;
  std::string duration;
  bool json = false;
};

std::string proto_name(std::uint8_t number) {
  switch (number) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_ICMP:
      return "icmp";
    case IPPROTO_ICMPV6:
      return "icmp6";
    case IPPROTO_SCTP:
      return "sctp";
    default:
      return fmt::format("ip-{}", number);
  }
}

Endpoint endpoint(const gray_flow_key& key, int which) {
  return {IpAddress::v6(key.addr[which]), ntohs(key.port[which])};
}

std::string shown(const gray_flow_key& key, int which) {
  const Endpoint end = endpoint(key, which);
  return end.port == 0 ? end.address.to_string() : end.to_string();
}

// Of ICMP it needs the message's type, which a flow key does not have.
std::string flow_community_id(const gray_flow_key& key) {
  if (key.proto == IPPROTO_ICMP || key.proto == IPPROTO_ICMPV6) return "-";
  return community_id(key.proto, endpoint(key, 0), endpoint(key, 1));
}

// The endpoint that spoke first stands first: for most flows the client.
int initiator(const gray_flow& flow) {
  if (flow.side[0].packets == 0) return 1;
  if (flow.side[1].packets == 0) return 0;
  return flow.side[1].first_ns < flow.side[0].first_ns ? 1 : 0;
}

nlohmann::ordered_json side_json(const gray_flow_side& side) {
  return {{"packets", side.packets}, {"bytes", side.bytes}, {"tcp_flags", side.tcp_flags}};
}

void print_json(const FlowRecord& record) {
  const gray_flow& flow = record.flow;
  const int a = initiator(flow);
  const nlohmann::ordered_json line{{"tag", fmt::format("{:016x}", record.tag)},
                                    {"proto", proto_name(flow.key.proto)},
                                    {"source", shown(flow.key, a)},
                                    {"destination", shown(flow.key, 1 - a)},
                                    {"community_id", flow_community_id(flow.key)},
                                    {"first", iso8601(first_ns(flow))},
                                    {"last", iso8601(last_ns(flow))},
                                    {"forward", side_json(flow.side[a])},
                                    {"backward", side_json(flow.side[1 - a])}};
  std::cout << line.dump() << '\n';
}

void print_line(const FlowRecord& record) {
  const gray_flow& flow = record.flow;
  const int a = initiator(flow);
  std::cout << fmt::format(
      "{:016x} {:<5} {:<22} {:<22} {:>8} {:>9} {:>8} {:>9} {:>8}  {}\n", record.tag,
      proto_name(flow.key.proto), shown(flow.key, a), shown(flow.key, 1 - a), flow.side[a].packets,
      format_bytes(flow.side[a].bytes), flow.side[1 - a].packets,
      format_bytes(flow.side[1 - a].bytes), format_duration(last_ns(flow) - first_ns(flow)),
      flow_community_id(flow.key));
}

void print_flows(const std::vector<FlowRecord>& records, bool json) {
  if (!json)
    std::cout << fmt::format("{:<16} {:<5} {:<22} {:<22} {:>8} {:>9} {:>8} {:>9} {:>8}  {}\n",
                             "TAG", "PROTO", "SOURCE", "DESTINATION", "PACKETS", "BYTES", "BACK",
                             "BYTES", "LASTED", "COMMUNITY ID");
  for (const FlowRecord& record : records) json ? print_json(record) : print_line(record);
  std::cout << std::flush;
}

int flows_of_files(const FlowsVerb& verb) {
  FileSource source(verb.files);
  FlowTable table(verb.live.seed);
  std::array<Frame, 256> frames;
  while (true) {
    const std::size_t count = source.receive(frames, std::chrono::milliseconds(100));
    if (count == 0 && source.ended()) break;
    for (std::size_t i = 0; i < count; ++i) table.add(frames[i]);
    source.recycle(std::span(frames).first(count));
  }
  if (source.cut()) std::cerr << "grayxdp: " << source.warning() << '\n';
  const auto records = table.records();
  print_flows(records, verb.json);
  std::cerr << fmt::format("{} frames, {} flows, {} frames of no flow\n", table.frames(),
                           records.size(), table.without_flow());
  return kExitFine;
}

// The kernel keeps the table; the frames themselves are only let go of.
class Drain final : public FrameConsumer {
 public:
  Drain(Program& program, Stop& stop, std::uint64_t duration_ns)
      : program_(program), stop_(stop), ends_ns_(duration_ns ? monotonic_ns() + duration_ns : 0) {}
  void consume(std::span<const Frame>) noexcept override {}
  void tick() noexcept override {
    if (ends_ns_ > 0 && monotonic_ns() >= ends_ns_) stop_.request();
    if (!progress_.due()) return;
    const Counters counters = program_.counters();
    progress_.show(fmt::format("{} frames, {:.0f}/s, {} flows, Ctrl-C shows them",
                               counters[GRAY_CAPTURED], progress_.rate(counters[GRAY_CAPTURED]),
                               counters[GRAY_FLOW_NEW]));
  }

 private:
  Program& program_;
  Stop& stop_;
  Progress progress_;
  std::uint64_t ends_ns_;
};

std::vector<FlowRecord> in_utc(std::vector<FlowRecord> records) {
  const auto offset = static_cast<std::uint64_t>(tai_minus_utc_ns());
  for (FlowRecord& record : records)
    for (gray_flow_side& side : record.flow.side)
      if (side.packets > 0) {
        side.first_ns -= offset;
        side.last_ns -= offset;
      }
  std::sort(records.begin(), records.end(), [](const FlowRecord& a, const FlowRecord& b) {
    return first_ns(a.flow) < first_ns(b.flow);
  });
  return records;
}

int flows_of_interface(const FlowsVerb& verb) {
  LiveOptions options = verb.live.options();
  options.program.snaplen = 64;
  Stop stop;
  const auto capture = open_live(options);
  const std::uint64_t duration = verb.duration.empty() ? 0 : parse_duration(verb.duration);
  std::vector<FlowRecord> records;
  Counters counters{};
  {
    Drain drain(capture->program(), stop, duration);
    Workers workers(capture->sources(), drain);
    workers.run(stop.flag());
    capture->stop();
    static const std::atomic<bool> never{false};
    workers.run(never);
    records = in_utc(capture->program().flows());
    counters = capture->program().counters();
  }
  print_flows(records, verb.json);
  const std::uint64_t seen = counters[GRAY_FLOW_NEW];
  std::cerr << fmt::format("{} frames, {} flows, {} evicted\n", counters[GRAY_CAPTURED], seen,
                           seen > records.size() ? seen - records.size() : 0);
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
  sub->add_flag("--json", verb->json, "one JSON object a flow");
  sub->footer(
      "Examples:\n"
      "  grayxdp flows -i eth1 --duration 10s\n"
      "  grayxdp flows -i eth1 --port 443 --json\n"
      "  grayxdp flows -r prod.pcapng");
  sub->callback([verb, &action] { action = [verb] { return flows(*verb); }; });
}

}  // namespace gray
