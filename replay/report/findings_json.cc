#include "replay/report/findings_json.h"

#include <nlohmann/json.hpp>

#include "userspace/base/clock.h"

namespace gray {
namespace {

using Json = nlohmann::ordered_json;

Json interval_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return Json::array({interval->low, interval->high});
}

Json example_json(const Example& example) {
  Json json{{"id", example.id},         {"request", example.request},
            {"field", example.field},   {"production", example.production},
            {"canary", example.canary}, {"client", example.client},
            {"server", example.server}, {"stream", example.stream}};
  if (example.h2_stream != 0) json["h2_stream"] = example.h2_stream;
  json["from"] = iso8601(example.from_ns);
  json["to"] = iso8601(example.to_ns);
  return json;
}

Json ratio_json(const QuantileRatio& ratio) {
  if (ratio.ratio == 0) return nullptr;
  return {{"ratio", ratio.ratio}, {"interval", interval_json(ratio.interval)}};
}

Json quantiles_json(const Histogram& histogram) {
  const LatencySummary latency = summarize(histogram);
  return {{"p50", latency.p50}, {"p99", latency.p99}, {"max", latency.max}};
}

}  // namespace

Json by_cause_json(const Tally& tally) {
  Json causes = Json::object();
  for (const Cause cause : kAllCauses) {
    const std::uint64_t count = tally.by_cause[index_of(cause)];
    if (count == 0) continue;
    Json endpoints = Json::array();
    for (const auto& [name, endpoint] : tally.endpoints) {
      const auto found = endpoint.causes.find(cause);
      if (found == endpoint.causes.end()) continue;
      endpoints.push_back({{"endpoint", name},
                           {"differences", found->second.differences},
                           {"example", example_json(found->second.example)}});
    }
    causes[to_string(cause)] = {{"differences", count}, {"endpoints", std::move(endpoints)}};
  }
  return causes;
}

Json by_endpoint_json(const Tally& tally) {
  Json endpoints = Json::object();
  for (const auto& [name, endpoint] : tally.endpoints) {
    Json causes = Json::object();
    for (const auto& [cause, at] : endpoint.causes) causes[to_string(cause)] = at.differences;
    endpoints[name] = {
        {"sent", endpoint.sent},
        {"answered", endpoint.answered},
        {"compared", endpoint.compared},
        {"different", endpoint.different},
        {"share_different", endpoint.compared == 0
                                ? Json()
                                : interval_json(wilson(endpoint.different, endpoint.compared))},
        {"latency_ns",
         {{"production", quantiles_json(endpoint.production)},
          {"canary", quantiles_json(endpoint.canary)}}},
        {"causes", std::move(causes)}};
  }
  return endpoints;
}

Json noise_json(const Tally& tally) {
  Json fields = Json::array(), ignored = Json::array();
  for (const NoisyField& field : tally.noisy)
    fields.push_back({{"endpoint", field.endpoint},
                      {"field", field.field},
                      {"schema", field.schema},
                      {"raw", field.raw},
                      {"compared", field.compared},
                      {"self", field.self},
                      {"self_compared", field.self_compared},
                      {"noise", field.noise}});
  for (const auto& [what, count] : tally.ignored)
    ignored.push_back({{"field", what.first}, {"why", what.second}, {"differences", count}});
  return {{"source", to_string(tally.noise_source)},
          {"self_compared", tally.self_compared},
          {"fields", std::move(fields)},
          {"ignored", std::move(ignored)}};
}

Json confidence_json(const Confidence& confidence) {
  return {{"level", 0.95},
          {"compared", confidence.compared},
          {"different", interval_json(confidence.different)},
          {"needed", confidence.needed},
          {"needed_for_p99", confidence.needed_for_p99},
          {"latency_ratio",
           {{"p50", ratio_json(confidence.p50)},
            {"p90", ratio_json(confidence.p90)},
            {"p99", ratio_json(confidence.p99)}}},
          {"mann_whitney",
           {{"known", confidence.latency.known},
            {"slower", confidence.latency.slower},
            {"z", confidence.latency.z},
            {"p", confidence.latency.p}}}};
}

}  // namespace gray
