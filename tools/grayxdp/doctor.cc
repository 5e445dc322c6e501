// The verb `doctor`: what this machine, and an interface of it, can do for grayxdp; what is
// missing, and how to get it. Exit code 1 when something that a verb needs is missing.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "bpf/shared.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/kernel/interface.h"
#include "userspace/kernel/probe.h"

namespace gray {
namespace {

struct DoctorVerb {
  std::string interface;
  bool json = false;
};

nlohmann::ordered_json as_json(const std::vector<Probe>& probes) {
  auto list = nlohmann::ordered_json::array();
  for (const Probe& probe : probes) {
    nlohmann::ordered_json entry{{"name", probe.name}, {"ok", probe.ok}, {"found", probe.found}};
    if (!probe.needed_for.empty()) entry["needed_for"] = probe.needed_for;
    if (!probe.ok) entry["mend"] = probe.mend;
    list.push_back(std::move(entry));
  }
  return list;
}

void print(const std::vector<Probe>& probes) {
  for (const Probe& probe : probes) {
    const char* mark = probe.ok ? "ok" : probe.needed_for.empty() ? "--" : "NO";
    std::cout << fmt::format("{} {:<17} {}\n", mark, probe.name, probe.found);
    if (!probe.ok && !probe.needed_for.empty())
      std::cout << fmt::format("   {:<17} needed for {}\n", "", probe.needed_for);
    if (!probe.ok) std::cout << fmt::format("   {:<17} → {}\n", "", probe.mend);
  }
}

std::string joined(const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const IpAddress& address : addresses)
    text += (text.empty() ? "" : " ") + address.to_string();
  return text.empty() ? "none" : text;
}

// What `tap` would say to this interface, before it is asked.
Probe tap_probe(const InterfaceFacts& facts) {
  Probe probe{.name = "tap mode", .ok = true, .found = "can be used", .needed_for = "", .mend = ""};
  if (facts.xdp_program != 0) {
    probe.ok = false;
    probe.found = fmt::format("XDP program {} is attached", facts.xdp_program);
    probe.mend = fmt::format("ip link set dev {} xdp off", facts.name);
  } else if (!facts.addresses.empty() || !facts.routes.empty()) {
    probe.ok = false;
    probe.found = "it would take the frames of an interface that has an address or a route";
    probe.mend = "use --mode host, or a port of its own (--force if you mean it)";
  }
  return probe;
}

// Something that is only told.
Probe told(const char* name, const std::string& found) {
  return {.name = name, .ok = true, .found = found, .needed_for = "", .mend = ""};
}

std::vector<Probe> interface_probes(const InterfaceFacts& facts) {
  // What is left of a UMEM frame after XDP's headroom and the link header.
  constexpr std::uint32_t kTapMtu = GRAY_TAP_FRAME_SIZE - 512;
  return {told("driver", facts.driver.empty() ? "unknown" : facts.driver),
          {.name = "link",
           .ok = facts.up,
           .found = facts.up ? "up" : "down",
           .needed_for = "capture",
           .mend = fmt::format("ip link set {} up", facts.name)},
          told("RX queues", std::to_string(facts.rx_queues)),
          {.name = "MTU",
           .ok = facts.mtu <= kTapMtu,
           .found = std::to_string(facts.mtu),
           .needed_for = "",
           .mend = "frames above a page are dropped in tap mode, counted as too_long"},
          told("addresses", joined(facts.addresses)),
          told("host mode", "can be used: copies, and lets everything go on"),
          tap_probe(facts)};
}

int doctor(const DoctorVerb& verb) {
  const std::vector<Probe> kernel = probe_kernel();
  std::vector<Probe> interface;
  if (!verb.interface.empty()) interface = interface_probes(read_interface(verb.interface));
  bool fine = true;
  for (const std::vector<Probe>* probes : {&kernel, &std::as_const(interface)})
    for (const Probe& probe : *probes) fine = fine && (probe.ok || probe.needed_for.empty());
  if (verb.json) {
    nlohmann::ordered_json all{{"verb", "doctor"}, {"ok", fine}, {"kernel", as_json(kernel)}};
    if (!verb.interface.empty())
      all["interface"] = {{"name", verb.interface}, {"probes", as_json(interface)}};
    std::cout << all.dump() << '\n';
  } else {
    print(kernel);
    if (!verb.interface.empty()) std::cout << '\n' << verb.interface << '\n';
    print(interface);
  }
  return fine ? kExitFine : kExitFailed;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
  auto verb = std::make_shared<DoctorVerb>();
  CLI::App* sub = app.add_subcommand("doctor", "what this machine and interface can do");
  sub->add_option("-i,--interface", verb->interface, "look at this interface, too")
      ->type_name("IFACE");
  sub->add_flag("--json", verb->json, "as one JSON object");
  sub->footer(
      "Examples:\n"
      "  grayxdp doctor\n"
      "  grayxdp doctor -i eth1\n"
      "  grayxdp doctor -i eth1 --json | jq .ok");
  sub->callback([verb, &action] { action = [verb] { return doctor(*verb); }; });
}

}  // namespace gray
