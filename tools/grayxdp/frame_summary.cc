#include "tools/grayxdp/frame_summary.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>

#include "userspace/base/clock.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

double rounded(double value, double steps) {
  return std::round(value * steps) / steps;
}

// "1", "2-3", "4-7", …, "512+"
std::string burst_class(std::size_t i) {
  const std::uint64_t first = std::uint64_t{1} << i;
  if (i + 1 == FidelityReport::kBurstClasses) return fmt::format("{}+", first);
  return i == 0 ? "1" : fmt::format("{}-{}", first, 2 * first - 1);
}

nlohmann::ordered_json bursts_json(const FidelityReport::Bursts& bursts) {
  auto object = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < bursts.size(); ++i)
    if (bursts[i] > 0) object[burst_class(i)] = bursts[i];
  return object;
}

nlohmann::ordered_json fidelity_json(const std::optional<FidelityReport>& report, bool by_kernel) {
  if (!report) return nullptr;
  return {{"error_ns",
           {{"p50", report->p50_ns},
            {"p99", report->p99_ns},
            {"p999", report->p999_ns},
            {"max", report->max_ns}}},
          {"drift_ppm", rounded(report->drift_ppm, 1000)},
          {"reordered", report->reordered},
          {"late", report->late},
          {"late_over_ns", Fidelity::kLateNs},
          {"bursts",
           {{"within_ns", Fidelity::kBurstNs},
            {"scheduled", bursts_json(report->wanted)},
            {"sent", bursts_json(report->sent)}}},
          {"frames", report->frames},
          {"measured_at", by_kernel ? "tx_timestamp" : "send"}};
}

// Every drop of the ledger by its name.
nlohmann::ordered_json skipped_json(const Ledger& ledger) {
  auto object = nlohmann::ordered_json::object();
  for (const Stage& stage : ledger.stages())
    for (const Drop& drop : stage.drops)
      if (drop.count > 0)
        object[drop.name] = object.value(drop.name, std::uint64_t{0}) + drop.count;
  return object;
}

void print_bursts(std::ostream& out, const FidelityReport& report) {
  out << fmt::format("bursts (frames within {} of each other), scheduled and sent:",
                     format_duration(Fidelity::kBurstNs));
  for (std::size_t i = 0; i < report.sent.size(); ++i)
    if (report.wanted[i] + report.sent[i] > 0)
      out << fmt::format(" {}: {}/{}", burst_class(i), report.wanted[i], report.sent[i]);
  out << '\n';
}

void print_fidelity(std::ostream& out, const FidelityReport& report, bool by_kernel) {
  out << fmt::format(
      "departure error p50 {}, p99 {}, p99.9 {}, max {} ({}); drift {:.3f} ppm; {} reordered, {} "
      "late by more than {}\n",
      format_duration(report.p50_ns), format_duration(report.p99_ns),
      format_duration(report.p999_ns), format_duration(report.max_ns),
      by_kernel ? "TX timestamps" : "measured at the send call", report.drift_ppm, report.reordered,
      report.late, format_duration(Fidelity::kLateNs));
  print_bursts(out, report);
}

}  // namespace

double FrameSummary::pps() const noexcept {
  const double seconds = static_cast<double>(duration_ns) / static_cast<double>(kNsPerSecond);
  return seconds > 0 ? static_cast<double>(sent) / seconds : 0;
}

void FrameSummary::print(std::ostream& out) const {
  out << fmt::format("{} frames sent, {} in {}: {:.0f} pps\n", sent, format_bytes(bytes),
                     format_duration(duration_ns), pps());
  if (fidelity) print_fidelity(out, *fidelity, measured_by_kernel);
  if (feed.cut > 0)
    out << fmt::format("{} frames above the MTU cut into {}\n", feed.cut, feed.pieces);
  if (feed.truncated > 0) out << fmt::format("{} frames cut off at the MTU\n", feed.truncated);
  if (feed.snapped > 0)
    out << fmt::format("{} frames sent as short as they were captured\n", feed.snapped);
  if (backwards > 0) out << fmt::format("{} frames older than the one before\n", backwards);
  if (shortened > 0) out << fmt::format("{} pauses shortened\n", shortened);
  if (interface_dropped > 0)
    out << fmt::format("{} frames dropped by the driver meanwhile\n", interface_dropped);
  gray::print(out, ledger);
}

void FrameSummary::print_json(std::ostream& out) const {
  nlohmann::ordered_json summary{
      {"verb", "replay"},
      {"interface", interfaces.front()},
      {"via", tx.xdp ? "xdp" : "packet"},
      {"zero_copy", tx.zero_copy},
      {"frames", {{"read", feed.read}, {"sent", sent}, {"skipped", skipped_json(ledger)}}},
      {"bytes", {{"sent", bytes}}},
      {"duration_s",
       rounded(static_cast<double>(duration_ns) / static_cast<double>(kNsPerSecond), 1e6)},
      {"pps", rounded(pps(), 10)},
      {"fidelity", fidelity_json(fidelity, measured_by_kernel)},
      {"schedule", {{"backwards", backwards}, {"shortened", shortened}}},
      {"above_mtu", {{"cut", feed.cut}, {"pieces", feed.pieces}, {"truncated", feed.truncated}}},
      {"snapped", feed.snapped},
      {"interface_dropped", interface_dropped},
      {"ledger", to_json(ledger)},
      {"balanced", ledger.balanced()}};
  if (interfaces.size() > 1) summary["second_interface"] = interfaces[1];
  out << summary.dump() << std::endl;
}

}  // namespace gray
