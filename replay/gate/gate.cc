#include "replay/gate/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "replay/compare/printable.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

constexpr std::size_t kMaxRequestShown = 120;

std::string percent(double share) {
  return fmt::format("{:.3g}%", share * 100);
}

std::string differences_above(double share, double limit) {
  const std::string shown = percent(share);
  const std::string limit_shown = percent(limit);
  if (shown != limit_shown) return fmt::format("differences {} > {}", shown, limit_shown);
  return fmt::format("differences {:.9g}% > {:.9g}%", share * 100, limit * 100);
}

std::string requests_failed(const std::map<std::string, std::uint64_t>& failed, std::uint64_t count,
                            std::uint64_t sent) {
  std::vector<std::pair<std::string, std::uint64_t>> names(failed.begin(), failed.end());
  std::stable_sort(names.begin(), names.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string list;
  for (const auto& [name, times] : names) {
    if (name == to_string(SendOutcome::Aborted)) continue;
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", name, times);
  }
  return fmt::format("{} of {} requests failed ({})", count, sent, list);
}

template <typename Value>
Value& bounded(std::map<std::string, Value>& names, const std::string& name, std::size_t limit) {
  if (const auto found = names.find(name); found != names.end()) return found->second;
  return names[names.size() < limit ? name : Tally::kOtherFields];
}

}  // namespace

LatencySummary summarize(const Histogram& histogram) noexcept {
  return {.p50 = histogram.percentile(0.50),
          .p90 = histogram.percentile(0.90),
          .p99 = histogram.percentile(0.99),
          .p999 = histogram.percentile(0.999),
          .max = histogram.max()};
}

std::string without_indices(const std::string& field) {
  std::string out;
  for (std::size_t at = 0; at < field.size();) {
    const std::size_t digits = at + 1;
    const std::size_t end = std::min(field.find_first_not_of("0123456789", digits), field.size());
    if (field[at] == '[' && end > digits && end < field.size() && field[end] == ']') {
      out += "[*]";
      at = end + 1;
    } else {
      out += field[at++];
    }
  }
  return out;
}

void Gate::add(const Trial& trial, const Comparison& comparison) {
  ++tally_.sent;
  if (trial.outcome == SendOutcome::Answered) {
    ++tally_.answered;
    tally_.canary.record(trial.latency_ns);
  } else {
    ++tally_.failed[to_string(trial.outcome)];
  }
  if (const std::uint64_t latency = trial.exchange.latency_ns(); latency > 0)
    tally_.production.record(latency);
  if (!comparison.compared) {
    tally_.uncompared += trial.outcome == SendOutcome::Answered ? 1 : 0;
  } else if (comparison.differences.empty()) {
    ++tally_.same;
  } else {
    count(trial, comparison);
  }
}

void Gate::count(const Trial& trial, const Comparison& comparison) {
  const auto& differences = comparison.differences;
  const bool noise = std::all_of(differences.begin(), differences.end(),
                                 [](const Difference& difference) { return difference.noise; });
  ++(noise ? tally_.noise : tally_.different);
  std::set<std::string> seen;  // elements of one array are one finding of this exchange
  for (const Difference& difference : differences) {
    if (difference.noise) continue;
    ++bounded(tally_.by_field, difference.field, Tally::kMaxFields);
    const std::string field = without_indices(difference.field);
    if (!seen.insert(field).second) continue;
    FieldFinding& finding = bounded(tally_.findings, field, Tally::kMaxFindings);
    if (finding.exchanges++ > 0) continue;
    finding.request = printable(trial.exchange.request.method + ' ' + trial.exchange.request.target,
                                kMaxRequestShown);
    finding.production = difference.production;
    finding.canary = difference.canary;
  }
}

Verdict Gate::verdict() const {
  Verdict verdict;
  const std::uint64_t compared = tally_.compared();
  std::uint64_t failed = 0;
  for (const auto& [name, times] : tally_.failed)
    if (name != to_string(SendOutcome::Aborted)) failed += times;

  if (compared == 0) verdict.reasons.emplace_back("nothing was compared");
  const double share =
      compared == 0 ? 0 : static_cast<double>(tally_.different) / static_cast<double>(compared);
  if (share > options_.max_diff)
    verdict.reasons.push_back(differences_above(share, options_.max_diff));
  if (failed > 0) verdict.reasons.push_back(requests_failed(tally_.failed, failed, tally_.sent));
  if (!verdict.reasons.empty()) verdict.exit_code = 4;

  const std::uint64_t p99 = tally_.canary.percentile(0.99);
  if (options_.max_p99_ns && p99 > *options_.max_p99_ns) {
    verdict.reasons.push_back(
        fmt::format("p99 {} > {}", format_duration(p99), format_duration(*options_.max_p99_ns)));
    if (verdict.exit_code == 0) verdict.exit_code = 5;
  }
  verdict.pass = verdict.reasons.empty();
  return verdict;
}

}  // namespace gray
