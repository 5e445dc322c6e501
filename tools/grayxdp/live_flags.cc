#include "tools/grayxdp/live_flags.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <fstream>
#include <string_view>

#include "userspace/base/errors.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

struct Proto {
  std::string_view name;
  std::uint8_t number;
};
constexpr std::array kProtos{Proto{"tcp", IPPROTO_TCP}, Proto{"udp", IPPROTO_UDP},
                             Proto{"icmp", IPPROTO_ICMP}, Proto{"icmp6", IPPROTO_ICMPV6},
                             Proto{"sctp", IPPROTO_SCTP}};

std::uint8_t parse_proto(const std::string& name) {
  for (const Proto& proto : kProtos)
    if (proto.name == name) return proto.number;
  throw UsageError(fmt::format("protocol '{}': want tcp, udp, icmp, icmp6 or sctp", name));
}

// "0-3,7" → 0 1 2 3 7
std::vector<std::uint32_t> parse_queues(const std::string& text) {
  std::vector<std::uint32_t> queues;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::uint32_t first = 0;
    std::from_chars_result parsed = std::from_chars(at, end, first);
    std::uint32_t last = first;
    if (parsed.ec == std::errc{} && parsed.ptr != end && *parsed.ptr == '-')
      parsed = std::from_chars(parsed.ptr + 1, end, last);
    if (parsed.ec != std::errc{} || last < first || last >= GRAY_MAX_QUEUES ||
        (parsed.ptr != end && *parsed.ptr != ','))
      throw UsageError(fmt::format("queues '{}': want numbers below {}, like 0-3 or 0,2", text,
                                   static_cast<int>(GRAY_MAX_QUEUES)));
    for (std::uint32_t queue = first; queue <= last; ++queue) queues.push_back(queue);
    at = parsed.ptr == end ? end : parsed.ptr + 1;
  }
  std::sort(queues.begin(), queues.end());
  queues.erase(std::unique(queues.begin(), queues.end()), queues.end());
  return queues;
}

constexpr std::size_t kLeastUmem = 64 * GRAY_TAP_FRAME_SIZE;

std::uint64_t parse_ring(const std::string& text) {
  constexpr std::uint64_t kMax = 1ULL << 30;
  const std::uint64_t bytes = parse_size(text);
  if (bytes < 4096 || bytes > kMax)
    throw UsageError(fmt::format("ring '{}': want 4KiB to 1GiB", text));
  return std::bit_ceil(bytes);
}

}  // namespace

void LiveFlags::add_to(CLI::App& app, const std::string& force_help) {
  app.add_option("-i,--interface", interface, "interface")->required()->type_name("IFACE");
  app.add_option("--mode", mode,
                 "host: copy what passes, both directions; tap: take frames off a dedicated port")
      ->check(CLI::IsMember({"host", "tap"}))
      ->capture_default_str();
  app.add_option("--proto", protos, "only tcp, udp, icmp, icmp6, sctp (several: any of them)")
      ->delimiter(',')
      ->type_name("NAME");
  app.add_option("--port", ports, "only with one of these ports, either side")
      ->delimiter(',')
      ->type_name("PORT");
  app.add_option("--net", nets, "only with an address in one of these networks, either side")
      ->delimiter(',')
      ->type_name("CIDR");
  add_tunnel_options(app, tunnels);
  app.add_option("-F,--filter-file", filter_file, "expression in a file; SIGHUP rereads it")
      ->type_name("FILE");
  app.add_option("--sample", sample,
                 "share of flows, whole flows or none; @FILE: SIGHUP rereads it")
      ->type_name("SHARE");
  app.add_option("--seed", seed, "of the flow tag; the same on hosts that sample the same flows");
  app.add_option("--ingress", ingress, "host: which hook sees what comes in; xdp: before GRO")
      ->check(CLI::IsMember({"tc", "xdp"}));
  app.add_option("--xdp", xdp, "where the XDP program runs: auto, native, generic")
      ->check(CLI::IsMember({"auto", "native", "generic"}))
      ->type_name("");
  app.add_option("--zero-copy", zero_copy, "tap: bind the sockets so")
      ->check(CLI::IsMember({"auto", "on", "off"}));
  app.add_option("--clock", clock,
                 "whose time frames have: auto, hook, or in tap mode hardware (the NIC's, as TAI)")
      ->check(CLI::IsMember({"auto", "hook", "hardware"}))
      ->type_name("");
  app.add_option("--queues", queues, "tap: RX queues, like 0-3 (default: all)")->type_name("LIST");
  app.add_option("--ring", ring, "host: size of the ring buffer (32MiB); tap: of a queue's (64MiB)")
      ->type_name("SIZE");
  app.add_option("--flows", flow_entries, "entries of the flow table")
      ->type_name("N")
      ->check(CLI::Range(1U, 1U << 24).description(""));
  app.add_flag("--busy-poll", busy_poll, "tap: poll the driver instead of waiting for it");
  app.add_flag("--with-dispatcher", with_dispatcher,
               "tap: join other XDP programs by libxdp's dispatcher");
  app.add_flag("-p,--no-promiscuous-mode", not_promiscuous,
               "tap: leave frames for other stations to the card's filter");
  app.add_flag("--pass-unselected", pass_unselected, "tap: give the rest to the stack");
  app.add_flag("--force", force, force_help);
  app.add_option("FILTER", expression, "")->group("");
}

Filter LiveFlags::filter() const {
  if (filter_file.empty()) return Filter(fmt::format("{}", fmt::join(expression, " ")));
  if (!expression.empty())
    throw UsageError(
        fmt::format("an expression in {} and one behind the options: give one", filter_file));
  return read_filter(filter_file);
}

double LiveFlags::share() const {
  if (!sample_in_file()) return parse_share(sample);
  const std::string path = sample.substr(1);
  std::ifstream file(path);
  std::string text;
  if (!(file >> text)) throw UsageError(fmt::format("--sample: no share in file '{}'", path));
  return parse_share(text);
}

void add_tunnel_options(CLI::App& app, TunnelOptions& tunnels) {
  app.add_option("--tunnel-depth", tunnels.depth,
                 "tunnels entered to find the flow; 0: the outermost is the flow")
      ->check(CLI::Range(0U, unsigned{GRAY_MAX_TUNNEL_DEPTH},
                         fmt::format("0-{}", unsigned{GRAY_MAX_TUNNEL_DEPTH})))
      ->capture_default_str();
  const auto ports = [&app](const char* name, std::vector<std::uint16_t>& list, const char* help) {
    app.add_option(name, list, help)->delimiter(',')->type_name("PORT")->capture_default_str();
  };
  ports("--vxlan-port", tunnels.vxlan, "UDP ports of VXLAN");
  ports("--geneve-port", tunnels.geneve, "UDP ports of GENEVE");
  ports("--gtp-port", tunnels.gtp, "UDP ports of GTP-U");
}

LiveOptions LiveFlags::options() const {
  LiveOptions options;
  options.interface = interface;
  options.mode = mode == "tap" ? CaptureMode::Tap : CaptureMode::Host;
  Selection& selection = options.program.selection;
  for (const std::string& proto : protos) selection.protos.push_back(parse_proto(proto));
  selection.ports = ports;
  for (const std::string& net : nets) selection.nets.push_back(Cidr::parse(net));
  selection.share = share();
  options.program.tunnels = tunnels;
  options.program.filter = filter();
  options.program.seed = seed;
  options.program.pass_unselected = pass_unselected;
  options.program.flow_entries = flow_entries;
  if (!ring.empty()) {
    options.program.ring_bytes = parse_ring(ring);
    options.umem_bytes = std::max<std::size_t>(options.program.ring_bytes, kLeastUmem);
  }
  options.program.xdp_ingress = ingress == "xdp";
  options.xdp = xdp == "native"    ? XdpMode::Native
                : xdp == "generic" ? XdpMode::Generic
                                   : XdpMode::Auto;
  options.zero_copy = zero_copy == "on"    ? ZeroCopy::On
                      : zero_copy == "off" ? ZeroCopy::Off
                                           : ZeroCopy::Auto;
  options.clock = clock == "hardware" ? CaptureClock::Hardware
                  : clock == "hook"   ? CaptureClock::Hook
                                      : CaptureClock::Auto;
  options.queues = parse_queues(queues);
  options.busy_poll = busy_poll;
  options.with_dispatcher = with_dispatcher;
  options.promiscuous = !not_promiscuous;
  options.force = force;
  return options;
}

std::string describe(const Selection& selection) {
  std::vector<std::string> parts;
  for (const std::uint8_t number : selection.protos)
    for (const Proto& proto : kProtos)
      if (proto.number == number) parts.emplace_back(proto.name);
  for (const std::uint16_t port : selection.ports) parts.push_back(fmt::format("port {}", port));
  for (const Cidr& net : selection.nets) parts.push_back("net " + net.to_string());
  if (selection.share < 1) parts.push_back(fmt::format("sample {:g}%", selection.share * 100));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string describe(const ProgramOptions& program) {
  const std::string selection = describe(program.selection);
  const std::string& expression = program.filter.expression();
  if (selection.empty() || expression.empty()) return selection + expression;
  return fmt::format("({}) and {}", expression, selection);
}

}  // namespace gray
