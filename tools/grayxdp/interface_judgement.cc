// From what was found on an interface to what can be done there. Pure functions.
#include <fmt/format.h>

#include <algorithm>

#include "bpf/shared.h"
#include "tools/grayxdp/interface_report.h"

namespace gray {
namespace {

// What is left of a UMEM frame behind Ethernet's header with a VLAN tag.
constexpr std::uint32_t kOneBufferMtu = GRAY_TAP_CHUNK - 18;

bool is_on(const InterfaceReport& report, const std::string& offload) {
  return std::any_of(report.offloads.begin(), report.offloads.end(),
                     [&](const Offload& each) { return each.on && each.name == offload; });
}

const AttachedProgram* attached_xdp(const InterfaceReport& report) {
  for (const AttachedProgram& program : report.programs)
    if (program.hook.starts_with("xdp")) return &program;
  return nullptr;
}

bool long_frames(const InterfaceReport& report) {
  return report.facts.mtu > kOneBufferMtu;
}

Probe told(const char* name, const char* label, std::string found) {
  return {.name = name,
          .label = label,
          .ok = true,
          .found = std::move(found),
          .needed_for = "",
          .mend = ""};
}

std::string joined(const std::vector<std::string>& parts, const char* none) {
  return parts.empty() ? none : fmt::format("{}", fmt::join(parts, ", "));
}

Probe judge_link(const InterfaceReport& report) {
  const InterfaceFacts& facts = report.facts;
  return {.name = "link",
          .label = "link",
          .ok = facts.up,
          .found = fmt::format("{}, MTU {}{}", facts.up ? "up" : "down", facts.mtu,
                               facts.ethernet ? "" : ", not Ethernet"),
          .needed_for = "capture",
          .mend = fmt::format("ip link set {} up", facts.name)};
}

Probe judge_xdp(const InterfaceReport& report) {
  const XdpFeatures& xdp = report.xdp;
  Probe probe = told("xdp", "XDP", "this kernel does not tell (Linux 6.3 does)");
  if (!xdp.known) return probe;
  if (!xdp.native) {
    probe.ok = false;
    probe.found = "generic only: the driver has none of its own";
    probe.mend = "a card whose driver has XDP; generic XDP copies, and costs more";
    return probe;
  }
  std::vector<std::string> parts{"native"};
  if (xdp.redirect) parts.emplace_back("redirect");
  if (xdp.ndo_xmit) parts.emplace_back("takes redirected frames");
  parts.emplace_back(xdp.zero_copy ? "zero-copy offered" : "no zero-copy");
  parts.emplace_back(xdp.multi_buffer ? "multi-buffer" : "no multi-buffer");
  if (xdp.zero_copy_segments > 1)
    parts.push_back(fmt::format("zero-copy frames of up to {} buffers", xdp.zero_copy_segments));
  probe.found = joined(parts, "");
  return probe;
}

Probe judge_metadata(const InterfaceReport& report) {
  std::vector<std::string> parts;
  if (report.xdp.rx_timestamp) parts.emplace_back("timestamp");
  if (report.xdp.rx_hash) parts.emplace_back("hash");
  if (report.xdp.rx_vlan) parts.emplace_back("VLAN tag");
  return told("xdp_metadata", "XDP metadata", joined(parts, "none"));
}

Probe judge_queues(const InterfaceReport& report) {
  const std::uint32_t used = report.facts.rx_queues;
  const std::uint32_t most = std::max(report.channels.rx_max, used);
  Probe probe = told("queues", "RX queues", fmt::format("{} in use, {} at most", used, most));
  if (report.rss)
    probe.found += fmt::format("; spread by RSS over {}, {}", report.rss->queues,
                               report.rss->symmetric ? "symmetric" : "not known to be symmetric");
  if (used > GRAY_MAX_QUEUES) {
    probe.ok = false;
    probe.mend = fmt::format("ethtool -L {} {} {}, or --queues 0-{}", report.facts.name,
                             report.channels.combined ? "combined" : "rx",
                             static_cast<unsigned>(GRAY_MAX_QUEUES),
                             static_cast<unsigned>(GRAY_MAX_QUEUES) - 1);
  }
  return probe;
}

// Those that hide frames as they were on the wire.
Probe judge_offloads(const InterfaceReport& report) {
  std::vector<std::string> parts;
  for (const Offload& offload : report.offloads)
    parts.push_back(offload.name + (offload.on ? " on" : " off"));
  Probe probe = told("offloads", "offloads", joined(parts, "unknown"));
  std::string command;
  for (const char* name : {"lro", "rx-gro-hw", "rxvlan"})
    for (const Offload& offload : report.offloads)
      if (offload.name == name && offload.on && !offload.fixed)
        command += fmt::format(" {} off", name);
  if (command.empty()) return probe;
  probe.ok = false;
  probe.mend = fmt::format(
      "ethtool -K {}{} before a tap: merged frames and VLAN tags taken off "
      "are not what was on the wire",
      report.facts.name, command);
  return probe;
}

Probe judge_clock(const InterfaceReport& report) {
  const HardwareClock& clock = report.clock;
  if (clock.index < 0) return told("clock", "hardware clock", "none");
  return told("clock", "hardware clock",
              fmt::format("/dev/ptp{}, stamps {}", clock.index,
                          !clock.stamps_rx   ? "nothing received"
                          : clock.stamps_all ? "every frame received"
                                             : "PTP's frames only"));
}

Probe judge_programs(const InterfaceReport& report) {
  std::vector<std::string> parts;
  for (const AttachedProgram& program : report.programs)
    parts.push_back(fmt::format("{} {}{}{}", program.hook, program.id,
                                program.name.empty() ? "" : " ", program.name));
  return told("programs", "BPF programs", joined(parts, "none"));
}

Probe judge_addresses(const InterfaceReport& report) {
  std::vector<std::string> parts;
  for (const IpAddress& address : report.facts.addresses) parts.push_back(address.to_string());
  return told("addresses", "addresses", joined(parts, "none"));
}

ModeReport judge_host(const InterfaceReport& report) {
  ModeReport mode{
      .mode = "host", .usable = true, .how = "", .refusals = {}, .mend = {}, .accuracy = ""};
  mode.how = fmt::format("copies both directions at {}, and lets every frame go on{}",
                         report.kernel_has_tcx ? "tcx" : "clsact",
                         is_on(report, "gro") ? "; received frames may be merged by GRO" : "");
  mode.accuracy = "the kernel's TAI clock at the tc hook, behind the driver and GRO";
  if (!report.facts.ethernet) {
    mode.usable = false;
    mode.refusals.emplace_back("its frames are not Ethernet");
    mode.mend.emplace_back("capture on the interface below it");
  }
  return mode;
}

void refuse(ModeReport& mode, std::string why, std::string mend) {
  mode.usable = false;
  mode.refusals.push_back(std::move(why));
  mode.mend.push_back(std::move(mend));
}

void refuse_what_tap_refuses(const InterfaceReport& report, ModeReport& mode) {
  const InterfaceFacts& facts = report.facts;
  if (!facts.ethernet)
    refuse(mode, "its frames are not Ethernet", "capture on the interface below it");
  if (!facts.up) refuse(mode, "it is down", fmt::format("ip link set {} up", facts.name));
  if (const AttachedProgram* other = attached_xdp(report)) {
    const bool shared = other->name == "xdp_dispatcher";
    refuse(mode, fmt::format("XDP program {} is attached", other->id),
           shared ? "--with-dispatcher"
                  : fmt::format("ip link set dev {} xdp off, or load that program by xdp-loader "
                                "and say --with-dispatcher",
                                facts.name));
  }
  if (!facts.addresses.empty() || !facts.routes.empty())
    refuse(mode, "it has an address or a route: a tap would cut it off",
           "--mode host, or a port of its own (--force if you mean it)");
  if (report.xdp.native && long_frames(report) && !report.xdp.multi_buffer)
    refuse(mode, fmt::format("MTU {} needs multi-buffer XDP, which the driver has not", facts.mtu),
           fmt::format("ip link set {} mtu {} (or --xdp generic)", facts.name, kOneBufferMtu));
}

std::string tap_way(const InterfaceReport& report) {
  const XdpFeatures& xdp = report.xdp;
  if (!xdp.known) return "native XDP if the driver has it, else generic; zero-copy is tried";
  if (!xdp.native) return "generic XDP, copy";
  std::string way = xdp.zero_copy
                        ? "native XDP; zero-copy is offered, and tried by --zero-copy auto"
                        : "native XDP, copy";
  if (long_frames(report))
    way += fmt::format("; frames above {} bytes in several buffers", kOneBufferMtu);
  return way;
}

ModeReport judge_tap(const InterfaceReport& report) {
  ModeReport mode{.mode = "tap",
                  .usable = true,
                  .how = tap_way(report),
                  .refusals = {},
                  .mend = {},
                  .accuracy = ""};
  mode.accuracy = report.xdp.rx_timestamp && report.clock.stamps_rx
                      ? "the card's own stamps where it gives them, else the kernel's TAI clock at "
                        "the XDP hook"
                      : "the kernel's TAI clock at the XDP hook, before the stack";
  refuse_what_tap_refuses(report, mode);
  return mode;
}

ModeReport judge_replay(const InterfaceReport& report) {
  ModeReport mode{
      .mode = "replay", .usable = true, .how = "", .refusals = {}, .mend = {}, .accuracy = ""};
  mode.how = report.xdp.zero_copy && report.xdp.native
                 ? "AF_XDP, zero-copy is offered"
                 : "AF_XDP in copy mode, through the driver's ordinary transmit path";
  mode.accuracy = report.clock.stamps_tx && report.xdp.tx_timestamp
                      ? "departures can be stamped by the card"
                      : "departures are stamped by software";
  if (!report.facts.ethernet) refuse(mode, "its frames are not Ethernet", "the interface below it");
  if (!report.facts.up)
    refuse(mode, "it is down", fmt::format("ip link set {} up", report.facts.name));
  return mode;
}

}  // namespace

std::vector<ModeReport> judge_modes(const InterfaceReport& report) {
  return {judge_host(report), judge_tap(report), judge_replay(report)};
}

std::vector<Probe> judge_interface(const InterfaceReport& report) {
  return {
      told("driver", "driver", report.facts.driver.empty() ? "does not say" : report.facts.driver),
      judge_link(report),
      judge_xdp(report),
      judge_metadata(report),
      judge_queues(report),
      judge_offloads(report),
      judge_clock(report),
      judge_programs(report),
      judge_addresses(report)};
}

}  // namespace gray
