#include "tools/grayxdp/capture_summary.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>

namespace gray {
namespace {

std::uint64_t selected_away(const Counters& counters) {
  return kernel_stage("", counters).dropped(DropKind::Selection);
}

}  // namespace

double CaptureSummary::loss() const noexcept {
  const std::uint64_t wanted = kernel[GRAY_SEEN] - selected_away(kernel);
  return wanted == 0 ? 0 : static_cast<double>(ledger.lost()) / static_cast<double>(wanted);
}

void CaptureSummary::print(std::ostream& out) const {
  const std::uint64_t wanted = kernel[GRAY_SEEN] - selected_away(kernel);
  out << fmt::format("{} packets captured\n{} packets received by filter\n{} packets dropped\n",
                     delivered, wanted, ledger.lost());
  gray::print(out, ledger);
  if (facts.hardware_clock)
    out << fmt::format("{} of {} frames have a time of the NIC's, the others of the hook\n",
                       hardware_stamped, kernel[GRAY_CAPTURED]);
  if (busy_poll_in_vain)
    out << "--busy-poll has no effect here: the driver of "
        << interface << " tells sockets of no NAPI instance\n";
}

void CaptureSummary::print_json(std::ostream& out) const {
  const std::uint64_t sampled = kernel[GRAY_SAMPLED];
  const std::uint64_t flows_seen = kernel[GRAY_FLOW_NEW];
  nlohmann::ordered_json summary{
      {"verb", "capture"},
      {"interface", interface},
      {"mode", mode},
      {mode == "tap" ? "xdp" : "tc", facts.attached},
      {"dispatcher", facts.dispatcher},
      {"zero_copy", facts.zero_copy},
      {"duration_s", std::round(seconds * 1000) / 1000},
      {"frames",
       {{"seen", kernel[GRAY_SEEN]},
        {"filtered_out", selected_away(kernel) - sampled},
        {"sampled_out", sampled},
        {"captured", kernel[GRAY_CAPTURED]},
        {"written", to_file ? delivered : 0}}},
      {"bytes", {{"captured", kernel[GRAY_CAPTURED_BYTES]}, {"written", written_bytes}}},
      {"flows", {{"seen", flows_seen}, {"evicted", kernel[GRAY_FLOW_EVICTED]}}},
      {"ledger", to_json(ledger)},
      {"balanced", ledger.balanced()},
      {"lost", ledger.lost()}};
  if (mode == "host") summary["xdp_ingress"] = facts.xdp_ingress;
  if (mode == "tap")
    summary["tap"] = {{"queues", facts.queues},
                      {"umem_bytes_per_queue", facts.umem_bytes},
                      {"huge_pages", facts.huge_pages},
                      {"multi_buffer", facts.multi_buffer},
                      {"multi_buffer_frames", joined},
                      {"clock", facts.hardware_clock ? "hardware" : "hook"},
                      {"hardware_stamped_frames", hardware_stamped}};
  out << summary.dump() << std::endl;
}

}  // namespace gray
