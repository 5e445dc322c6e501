#include "replay/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "replay/compare/printable.h"
#include "replay/report/findings_json.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

using Json = nlohmann::ordered_json;
using Counts = std::map<std::string, std::uint64_t>;

constexpr std::size_t kMaxFieldsShown = 20;
constexpr std::size_t kMaxFieldWidth = 40;

Json latency_json(const Histogram& histogram) {
  const LatencySummary latency = summarize(histogram);
  return {{"p50", latency.p50},
          {"p90", latency.p90},
          {"p99", latency.p99},
          {"p999", latency.p999},
          {"max", latency.max}};
}

// " (8 method, 2 incomplete)", or nothing.
std::string in_brackets(const Counts& counts) {
  std::string list;
  for (const auto& [name, count] : counts)
    if (count > 0) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", count, name);
  return list.empty() ? list : fmt::format(" ({})", list);
}

std::uint64_t sum(const Counts& counts) {
  std::uint64_t total = 0;
  for (const auto& [name, count] : counts) total += count;
  return total;
}

void print_findings(std::ostream& out, const Tally& tally) {
  std::vector<std::pair<std::string, const FieldFinding*>> rows;
  std::size_t width = 0;
  for (const auto& [field, finding] : tally.findings) {
    rows.emplace_back(field, &finding);
    width = std::max(width, std::min(field.size(), kMaxFieldWidth));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.second->exchanges > b.second->exchanges;
  });
  const auto absent = [](const std::string& text) { return text.empty() ? "(absent)" : text; };
  for (std::size_t i = 0; i < rows.size() && i < kMaxFieldsShown; ++i) {
    const FieldFinding& finding = *rows[i].second;
    out << fmt::format("{:>14}{:<{}} {:>6} ×  {}: {} → {}\n", "", rows[i].first, width,
                       finding.exchanges, finding.request, absent(finding.production),
                       absent(finding.canary));
  }
  if (rows.size() > kMaxFieldsShown)
    out << fmt::format("{:>14}and {} more fields\n", "", rows.size() - kMaxFieldsShown);
}

void print_causes(std::ostream& out, const Tally& tally) {
  Counts causes;
  for (const Cause cause : kAllCauses)
    if (const std::uint64_t count = tally.by_cause[index_of(cause)]; count > 0)
      causes[to_string(cause)] = count;
  if (!causes.empty()) out << fmt::format("{:>12}:{}\n", "causes", in_brackets(causes));
}

void print_latency(std::ostream& out, const Tally& tally) {
  const LatencySummary production = summarize(tally.production);
  const LatencySummary canary = summarize(tally.canary);
  const auto shown = [](const Histogram& histogram, std::uint64_t ns) {
    return histogram.count() > 0 ? format_duration(ns) : "-";
  };
  const auto row = [&](const char* name, std::uint64_t left, std::uint64_t right) {
    out << fmt::format("{:>20} {:>11} {:>11}\n", name, shown(tally.production, left),
                       shown(tally.canary, right));
  };
  out << fmt::format("{:>12}: {:>6} {:>11} {:>11}\n", "latency", "", "production", "canary");
  row("p50", production.p50, canary.p50);
  row("p90", production.p90, canary.p90);
  row("p99", production.p99, canary.p99);
  row("p99.9", production.p999, canary.p999);
  row("max", production.max, canary.max);
}

void print_schedule(std::ostream& out, const RunSummary& summary) {
  out << fmt::format("{:>12}: {:.1f} requests/s over {:.1f}s", "schedule", summary.rps(),
                     summary.seconds);
  if (summary.lateness.count() > 0)
    out << fmt::format(", late by p50 {}, p99 {}, max {}",
                       format_duration(summary.lateness.percentile(0.5)),
                       format_duration(summary.lateness.percentile(0.99)),
                       format_duration(summary.lateness.max()));
  out << '\n';
}

Json changes_json(const std::vector<SchemaStep>& steps) {
  Json list = Json::array();
  for (const SchemaStep& step : steps)
    for (const SchemaChange& change : step.changes)
      list.push_back({{"from", step.from},
                      {"to", step.to},
                      {"breaking", change.breaking},
                      {"place", change.place},
                      {"reason", change.reason}});
  return list;
}

// The breaking ones first: there may be more than are shown.
void print_changes(std::ostream& out, const SchemaStep& step) {
  std::vector<SchemaChange> changes = step.changes;
  std::stable_sort(changes.begin(), changes.end(),
                   [](const auto& a, const auto& b) { return a.breaking > b.breaking; });
  out << fmt::format("{:>12}: {} to {}: {}\n", "schema", step.from, step.to, step.in_short());
  for (std::size_t i = 0; i < changes.size() && i < kMaxFieldsShown; ++i)
    out << fmt::format("{:>14}{}: {}: {}\n", "", changes[i].breaking ? "breaking" : "compatible",
                       changes[i].place, changes[i].reason);
  if (changes.size() > kMaxFieldsShown)
    out << fmt::format("{:>14}and {} more changes\n", "", changes.size() - kMaxFieldsShown);
}

void print_compatible(std::ostream& out, const Tally& tally) {
  if (tally.compatible.empty()) return;
  out << fmt::format("{:>12}: fields that the canary added:{}\n", "compatible",
                     in_brackets(tally.compatible));
}

Json sessions_json(const SessionSummary& sessions) {
  Json places = Json::object();
  for (const auto& [place, counts] : sessions.places)
    places[place] = {{"substituted", counts.substituted},
                     {"same", counts.same},
                     {"as_recorded", counts.as_recorded}};
  return {{"requests", sessions.requests}, {"forgotten", sessions.forgotten}, {"places", places}};
}

void print_sessions(std::ostream& out, const char* whose, const SessionSummary& sessions) {
  SessionCounts all;
  for (const auto& [place, counts] : sessions.places) {
    all.substituted += counts.substituted;
    all.as_recorded += counts.as_recorded;
  }
  out << fmt::format(
      "{:>12}: {} requests gave back what was handed out: {} values {} own, {} as recorded\n",
      "sessions", sessions.requests, all.substituted, whose, all.as_recorded);
  for (const auto& [place, counts] : sessions.places)
    out << fmt::format("{:>14}{}: {} own ({} the same as production's), {} as recorded\n", "",
                       printable(place, kMaxFieldWidth), counts.substituted, counts.same,
                       counts.as_recorded);
}

}  // namespace

std::string SchemaStep::in_short() const {
  const auto breaking =
      std::count_if(changes.begin(), changes.end(), [](const auto& one) { return one.breaking; });
  return fmt::format("{} breaking changes, {} compatible ones", breaking,
                     static_cast<std::ptrdiff_t>(changes.size()) - breaking);
}

Json to_json(const RunSummary& summary, std::string_view verb) {
  const Tally& tally = summary.tally;
  Json json{
      {"verb", verb},
      {"exchanges",
       {{"read", summary.read},
        {"selected", summary.selected},
        {"skipped", Json(summary.skipped)},
        {"sent", summary.sent},
        {"answered", summary.answered},
        {"failed", Json(summary.failed)}}},
      {"compare",
       {{"same", tally.same},
        {"different", tally.different},
        {"noise", tally.noise},
        {"uncompared", tally.uncompared},
        {"by_field", Json(tally.by_field)}}},
      {"latency_ns",
       {{"production", latency_json(tally.production)}, {"canary", latency_json(tally.canary)}}},
      {"schedule",
       {{"lateness_ns",
         {{"p50", summary.lateness.percentile(0.5)},
          {"p99", summary.lateness.percentile(0.99)},
          {"max", summary.lateness.max()}}},
        {"rps", summary.rps()}}},
      {"ledger", to_json(summary.ledger)},
      {"balanced", summary.ledger.balanced()},
      {"verdict", summary.verdict.name()},
      {"reasons", Json(summary.verdict.reasons)},
      {"by_cause", by_cause_json(tally)},
      {"by_endpoint", by_endpoint_json(tally)},
      {"noise", noise_json(tally)},
      {"confidence", confidence_json(summary.confidence)}};
  if (!tally.compatible.empty()) json["compare"]["compatible"] = Json(tally.compatible);
  if (summary.schema_changes) json["schema_changes"] = changes_json(*summary.schema_changes);
  if (summary.sessions) json["sessions"] = sessions_json(*summary.sessions);
  if (summary.baseline_sessions)
    json["baseline_sessions"] = sessions_json(*summary.baseline_sessions);
  return json;
}

std::string exchange_counts(const RunSummary& summary) {
  return fmt::format("{} read, {} selected{}, {} sent, {} answered, {} failed{}", summary.read,
                     summary.selected, in_brackets(summary.skipped), summary.sent, summary.answered,
                     sum(summary.failed), in_brackets(summary.failed));
}

void print(std::ostream& out, const RunSummary& summary) {
  const Tally& tally = summary.tally;
  for (const std::string& target : summary.targets)
    out << fmt::format("{:>12}: {}\n", "canary", target);
  out << fmt::format("{:>12}: {}\n", "exchanges", exchange_counts(summary));
  out << fmt::format("{:>12}: {} same, {} different", "compare", tally.same, tally.different);
  if (tally.noise > 0) out << fmt::format(", {} noise", tally.noise);
  if (tally.uncompared > 0)
    out << fmt::format(", {} without production's response", tally.uncompared);
  out << '\n';
  print_compatible(out, tally);
  print_causes(out, tally);
  print_findings(out, tally);
  print_latency(out, tally);
  print_schedule(out, summary);
  if (summary.schema_changes)
    for (const SchemaStep& step : *summary.schema_changes) print_changes(out, step);
  if (summary.sessions) print_sessions(out, "the canary's", *summary.sessions);
  if (summary.baseline_sessions) print_sessions(out, "the baseline's", *summary.baseline_sessions);
  print(out, summary.ledger);
  out << fmt::format("{:>12}: {}", "verdict", summary.verdict.name());
  const char* before = ": ";
  for (const std::string& reason : summary.verdict.reasons) {
    out << before << reason;
    before = "; ";
  }
  out << '\n';
}

}  // namespace gray
