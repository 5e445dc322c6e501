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
}

void CaptureSummary::print_json(std::ostream& out) const {
  const std::uint64_t sampled = kernel[GRAY_SAMPLED];
  const std::uint64_t flows_seen = kernel[GRAY_FLOW_NEW];
  nlohmann::ordered_json summary{
      {"verb", "capture"},
      {"interface", interface},
      {"mode", mode},
      {mode == "tap" ? "xdp" : "tc", facts.attached},
      {"zero_copy", facts.zero_copy},
      {"duration_s", std::round(seconds * 1000) / 1000},
      {"frames",
       {{"seen", kernel[GRAY_SEEN]},
        {"filtered_out", selected_away(kernel) - sampled},
        {"sampled_out", sampled},
        {"captured", kernel[GRAY_CAPTURED]},
        {"written", to_file ? delivered : 0}}},
      {"bytes", {{"captured", kernel[GRAY_CAPTURED_BYTES]}, {"written", written_bytes}}},
      {"flows",
       {{"seen", flows_seen}, {"evicted", flows_seen > flows_held ? flows_seen - flows_held : 0}}},
      {"ledger", to_json(ledger)},
      {"balanced", ledger.balanced()},
      {"lost", ledger.lost()}};
  out << summary.dump() << std::endl;
}

}  // namespace gray
