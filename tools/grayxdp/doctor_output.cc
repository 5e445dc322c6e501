#include "tools/grayxdp/doctor_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>

namespace gray {
namespace {

using Json = nlohmann::ordered_json;

bool in_the_way(const Probe& probe) {
  return !probe.ok && !probe.needed_for.empty();
}

void print(std::ostream& out, const Probe& probe) {
  const char* mark = probe.ok ? "ok" : probe.needed_for.empty() ? "--" : "NO";
  out << fmt::format("{} {:<17} {}", mark, probe.label, probe.found);
  if (in_the_way(probe)) out << fmt::format(" (needed for {})", probe.needed_for);
  out << '\n';
  if (!probe.ok && !probe.mend.empty()) out << fmt::format("{:>22} {}\n", "→", probe.mend);
}

void print(std::ostream& out, const std::vector<Probe>& probes) {
  for (const Probe& probe : probes) print(out, probe);
}

void print(std::ostream& out, const ModeReport& mode) {
  out << fmt::format("{} {:<17} {}\n", mode.usable ? "ok" : "--", mode.mode + " mode",
                     mode.usable ? mode.how : mode.refusals.front());
  for (std::size_t i = 0; i < mode.refusals.size(); ++i) {
    if (i > 0) out << fmt::format("{:<20} {}\n", "", mode.refusals[i]);
    out << fmt::format("{:>22} {}\n", "→", mode.mend[i]);
  }
  if (mode.usable) out << fmt::format("{:<20} times: {}\n", "", mode.accuracy);
}

std::string short_xdp(const XdpFeatures& xdp) {
  return !xdp.known ? "unknown" : !xdp.native ? "generic" : "native";
}

// A line for each, when none was asked for by name.
void print_table(std::ostream& out, const std::vector<InterfaceReport>& interfaces) {
  out << fmt::format("\n{:<16} {:<12} {:<5} {:>6} {:>6}  {:<8} {:<9} {:<6} {:<8} {}\n", "interface",
                     "driver", "link", "MTU", "queues", "XDP", "zero-copy", "clock", "programs",
                     "tap");
  for (const InterfaceReport& each : interfaces) {
    const ModeReport tap = judge_modes(each).at(1);
    out << fmt::format("{:<16} {:<12} {:<5} {:>6} {:>6}  {:<8} {:<9} {:<6} {:<8} {}\n",
                       each.facts.name, each.facts.driver.empty() ? "-" : each.facts.driver,
                       each.facts.up ? "up" : "down", each.facts.mtu, each.facts.rx_queues,
                       short_xdp(each.xdp),
                       !each.xdp.known      ? "unknown"
                       : each.xdp.zero_copy ? "offered"
                                            : "no",
                       each.clock.index < 0 ? "-" : fmt::format("ptp{}", each.clock.index),
                       each.programs.size(), tap.usable ? "can be used" : tap.refusals.front());
  }
  out << "In depth: grayxdp doctor -i INTERFACE\n";
}

Json as_json(const Probe& probe) {
  Json entry{{"name", probe.name}, {"ok", probe.ok}, {"found", probe.found}};
  if (!probe.needed_for.empty()) entry["needed_for"] = probe.needed_for;
  if (!probe.ok) entry["mend"] = probe.mend;
  return entry;
}

Json as_json(const ModeReport& mode) {
  return {{"mode", mode.mode},         {"usable", mode.usable}, {"how", mode.how},
          {"refusals", mode.refusals}, {"mend", mode.mend},     {"accuracy", mode.accuracy}};
}

Json as_json(const AttachedProgram& program) {
  return {{"hook", program.hook}, {"id", program.id}, {"name", program.name}};
}

Json as_json(const InterfaceReport& report);

template <class T>
Json list(const std::vector<T>& all) {
  Json entries = Json::array();
  std::transform(all.begin(), all.end(), std::back_inserter(entries),
                 [](const T& each) { return as_json(each); });
  return entries;
}

Json xdp_json(const XdpFeatures& xdp) {
  if (!xdp.known) return nullptr;
  return {{"native", xdp.native},
          {"redirect", xdp.redirect},
          {"ndo_xmit", xdp.ndo_xmit},
          {"zero_copy", xdp.zero_copy},
          {"zero_copy_segments", xdp.zero_copy_segments},
          {"multi_buffer", xdp.multi_buffer},
          {"rx_timestamp", xdp.rx_timestamp},
          {"rx_hash", xdp.rx_hash},
          {"rx_vlan", xdp.rx_vlan},
          {"tx_timestamp", xdp.tx_timestamp}};
}

Json rss_json(const std::optional<Rss>& rss) {
  if (!rss) return nullptr;
  return {{"entries", rss->entries}, {"queues", rss->queues}, {"symmetric", rss->symmetric}};
}

Json clock_json(const HardwareClock& clock) {
  if (clock.index < 0) return nullptr;
  return {{"index", clock.index},
          {"stamps_rx", clock.stamps_rx},
          {"stamps_all", clock.stamps_all},
          {"stamps_tx", clock.stamps_tx}};
}

Json as_json(const InterfaceReport& report) {
  Json offloads = Json::object();
  for (const Offload& offload : report.offloads) offloads[offload.name] = offload.on;
  std::vector<std::string> addresses;
  for (const IpAddress& address : report.facts.addresses) addresses.push_back(address.to_string());
  return {{"name", report.facts.name},
          {"index", report.facts.index},
          {"driver", report.facts.driver},
          {"up", report.facts.up},
          {"mtu", report.facts.mtu},
          {"queues",
           {{"rx", report.facts.rx_queues},
            {"rx_max", std::max(report.channels.rx_max, report.facts.rx_queues)}}},
          {"rss", rss_json(report.rss)},
          {"xdp", xdp_json(report.xdp)},
          {"offloads", offloads},
          {"clock", clock_json(report.clock)},
          {"programs", list(report.programs)},
          {"addresses", addresses},
          {"routes", report.facts.routes},
          {"probes", list(judge_interface(report))},
          {"modes", list(judge_modes(report))}};
}

}  // namespace

bool DoctorReport::fine() const {
  const auto none_in_the_way = [](const std::vector<Probe>& probes) {
    return std::none_of(probes.begin(), probes.end(), in_the_way);
  };
  bool link = true;
  if (in_depth)
    for (const InterfaceReport& each : interfaces)
      link = link && none_in_the_way(judge_interface(each));
  return link && none_in_the_way(kernel) && none_in_the_way(capabilities);
}

void print(std::ostream& out, const DoctorReport& report) {
  print(out, report.kernel);
  print(out, report.capabilities);
  print(out, report.confinement);
  out << fmt::format("   {:<17} libbpf {}, libxdp {}, libpcap {}\n", "libraries",
                     report.libraries.libbpf, report.libraries.libxdp, report.libraries.libpcap);
  if (!report.in_depth) {
    print_table(out, report.interfaces);
    return;
  }
  for (const InterfaceReport& each : report.interfaces) {
    out << '\n' << each.facts.name << '\n';
    print(out, judge_interface(each));
    for (const ModeReport& mode : judge_modes(each)) print(out, mode);
  }
}

void print_json(std::ostream& out, const DoctorReport& report) {
  const Json all{{"verb", "doctor"},
                 {"ok", report.fine()},
                 {"kernel", list(report.kernel)},
                 {"capabilities", list(report.capabilities)},
                 {"confinement", list(report.confinement)},
                 {"libraries",
                  {{"libbpf", report.libraries.libbpf},
                   {"libxdp", report.libraries.libxdp},
                   {"libpcap", report.libraries.libpcap}}},
                 {"interfaces", list(report.interfaces)}};
  out << all.dump() << '\n';
}

}  // namespace gray
