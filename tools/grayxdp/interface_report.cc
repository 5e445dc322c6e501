#include "tools/grayxdp/interface_report.h"

namespace gray {

InterfaceReport read_report(const std::string& interface) {
  InterfaceReport report;
  report.facts = read_interface(interface);
  report.channels = read_channels(interface);
  report.rss = read_rss(interface);
  report.offloads = read_offloads(interface);
  report.clock = read_clock(interface);
  report.xdp = read_xdp_features(report.facts.index);
  report.programs = attached_programs(report.facts.index);
  report.kernel_has_tcx = kernel_has_tcx();
  return report;
}

}  // namespace gray
