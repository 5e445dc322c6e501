#include "replay/gate/gate.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/compare/printable.h"
#include "replay/gate/endpoint.h"
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

Example example_of(const Trial& trial) {
  const Exchange& exchange = *trial.exchange;
  const std::uint64_t begin = exchange.request.first_byte_ns;
  return {.id = exchange.id.hex(),
          .request =
              printable(exchange.request.method + ' ' + exchange.request.target, kMaxRequestShown),
          .client = exchange.client.to_string(),
          .server = exchange.server.to_string(),
          .stream = exchange.stream,
          .h2_stream = exchange.h2_stream,
          .from_ns = begin,
          .to_ns = exchange.response ? std::max(begin, exchange.response->last_byte_ns)
                                     : std::max(begin, exchange.request.last_byte_ns)};
}

// None is known of an answer that begins before the end of its request, as in a call that streams.
void record(std::uint64_t latency_ns, Histogram& all, Histogram& endpoint) noexcept {
  if (latency_ns == 0) return;
  all.record(latency_ns);
  endpoint.record(latency_ns);
}

std::string not_enough(std::uint64_t have, std::uint64_t need, const std::string& limit) {
  return fmt::format("not enough evidence: {} exchanges, {} needed to tell {}", have, need, limit);
}

}  // namespace

LatencySummary summarize(const Histogram& histogram) noexcept {
  return {.p50 = histogram.percentile(0.50),
          .p90 = histogram.percentile(0.90),
          .p99 = histogram.percentile(0.99),
          .p999 = histogram.percentile(0.999),
          .max = histogram.max()};
}

std::string Gate::endpoint_name(const Request& request) const {
  std::string name = endpoint_of(request);
  const bool room = tally_.endpoints.size() < Tally::kMaxEndpoints;
  return room || tally_.endpoints.contains(name) ? name : Tally::kOtherFields;
}

void Gate::add(const Trial& trial, const Comparison& comparison) {
  const std::string name = endpoint_name(trial.exchange->request);
  EndpointTally& at = tally_.endpoints[name];
  ++tally_.sent;
  ++at.sent;
  if (trial.outcome == SendOutcome::Answered) {
    ++tally_.answered;
    ++at.answered;
    record(trial.latency_ns, tally_.canary, at.canary);
  } else {
    ++tally_.failed[to_string(trial.outcome)];
    if (trial.outcome != SendOutcome::Aborted) add_transport(trial, at);
  }
  record(trial.exchange->latency_ns(), tally_.production, at.production);
  if (!comparison.compared) {
    tally_.uncompared += trial.outcome == SendOutcome::Answered ? 1 : 0;
    return;
  }
  ++at.compared;
  fields_.add_compared(name);
  for (const Ignored& ignored : comparison.ignored) {
    std::pair key{without_indices(ignored.field), ignored.why};
    if (tally_.ignored.size() < Tally::kMaxFields || tally_.ignored.contains(key))
      ++tally_.ignored[std::move(key)];
  }
  for (const std::string& field : comparison.compatible) {
    std::string key = without_indices(field);
    if (tally_.compatible.size() < Tally::kMaxFields || tally_.compatible.contains(key))
      ++tally_.compatible[std::move(key)];
  }
  if (comparison.differences.empty()) {
    ++tally_.same;
  } else {
    ++differing_;
    fields_.add(name, comparison, example_of(trial));
  }
}

void Gate::add_transport(const Trial& trial, EndpointTally& endpoint) {
  ++tally_.by_cause[index_of(Cause::Transport)];
  CauseAt& cause = endpoint.causes[Cause::Transport];
  if (cause.differences++ > 0) return;
  cause.example = example_of(trial);
  cause.example.field = to_string(trial.outcome);
  if (trial.exchange->response)
    cause.example.production = std::to_string(trial.exchange->response->status);
}

void Gate::add_self(const Request& request, const Comparison& comparison, NoiseSource source) {
  fields_.add_self(endpoint_name(request), comparison, source);
}

void Gate::mark_noise(const Request& request, Comparison& comparison) const {
  if (comparison.differences.empty()) return;
  const std::string name = endpoint_name(request);
  for (Difference& difference : comparison.differences)
    difference.noise |= fields_.is_noise(name, difference);
}

Tally Gate::tally() const {
  Tally tally = tally_;
  fields_.tell(tally);
  return tally;
}

Confidence Gate::confidence(const Tally& tally) const {
  return {.compared = tally.compared(),
          .different = wilson(tally.different, tally.compared()),
          .needed = least_sample(options_.max_diff),
          .needed_for_p99 = options_.max_p99_ns ? least_sample(0.01) : 0,
          .p50 = quantile_ratio(tally.production, tally.canary, 0.50),
          .p90 = quantile_ratio(tally.production, tally.canary, 0.90),
          .p99 = quantile_ratio(tally.production, tally.canary, 0.99),
          .latency = mann_whitney(tally.production, tally.canary)};
}

// Nothing was exceeded; could it have been?
void Gate::add_evidence(const Tally& tally, Verdict& verdict) const {
  const std::uint64_t compared = tally.compared(), needed = least_sample(options_.max_diff);
  if (compared < needed)
    verdict.reasons.push_back(not_enough(
        compared, needed, fmt::format("whether more than {} differ", percent(options_.max_diff))));
  const std::uint64_t answered = tally.canary.count();
  if (options_.max_p99_ns && answered < least_sample(0.01))
    verdict.reasons.push_back(
        not_enough(answered, least_sample(0.01),
                   fmt::format("whether p99 is within {}", format_duration(*options_.max_p99_ns))));
  verdict.inconclusive = !verdict.reasons.empty();
}

Verdict Gate::verdict(const Tally& tally) const {
  Verdict verdict;
  const std::uint64_t compared = tally.compared();
  std::uint64_t failed = 0;
  for (const auto& [name, times] : tally.failed)
    if (name != to_string(SendOutcome::Aborted)) failed += times;

  if (compared == 0) verdict.reasons.emplace_back("nothing was compared");
  const double share =
      compared == 0 ? 0 : static_cast<double>(tally.different) / static_cast<double>(compared);
  if (share > options_.max_diff)
    verdict.reasons.push_back(differences_above(share, options_.max_diff));
  if (failed > 0) verdict.reasons.push_back(requests_failed(tally.failed, failed, tally.sent));
  if (!verdict.reasons.empty()) verdict.exit_code = 4;

  const std::uint64_t p99 = tally.canary.percentile(0.99);
  if (options_.max_p99_ns && p99 > *options_.max_p99_ns) {
    verdict.reasons.push_back(
        fmt::format("p99 {} > {}", format_duration(p99), format_duration(*options_.max_p99_ns)));
    if (verdict.exit_code == 0) verdict.exit_code = 5;
  }
  if (verdict.reasons.empty()) add_evidence(tally, verdict);
  verdict.pass = verdict.reasons.empty();
  return verdict;
}

}  // namespace gray
