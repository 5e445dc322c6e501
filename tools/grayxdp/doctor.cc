// The verb `doctor`: what this machine and its interfaces can do for grayxdp, what is missing, and
// how to get it. Exit code 1 when something that a verb needs is missing.

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "tools/grayxdp/doctor_output.h"
#include "tools/grayxdp/verbs.h"

namespace gray {
namespace {

struct DoctorVerb {
  std::vector<std::string> interfaces;
  bool json = false;
};

int doctor(const DoctorVerb& verb) {
  DoctorReport report{.kernel = probe_kernel(),
                      .capabilities = probe_capabilities(),
                      .confinement = probe_confinement(),
                      .libraries = library_versions(),
                      .interfaces = {},
                      .in_depth = !verb.interfaces.empty()};
  const auto names = report.in_depth ? verb.interfaces : interface_names();
  for (const std::string& name : names) report.interfaces.push_back(read_report(name));
  verb.json ? print_json(std::cout, report) : print(std::cout, report);
  return report.fine() ? kExitFine : kExitFailed;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
  auto verb = std::make_shared<DoctorVerb>();
  CLI::App* sub = app.add_subcommand("doctor", "what this machine and its interfaces can do");
  sub->add_option("-i,--interface", verb->interfaces,
                  "look at this interface in depth (default: a line for each)")
      ->type_name("IFACE");
  sub->add_flag("--json", verb->json, "as one JSON object");
  sub->footer(
      "Examples:\n"
      "  grayxdp doctor\n"
      "  grayxdp doctor -i eth1\n"
      "  grayxdp doctor -i eth1 --json | jq '.interfaces[0].modes'");
  sub->callback([verb, &action] { action = [verb] { return doctor(*verb); }; });
}

}  // namespace gray
