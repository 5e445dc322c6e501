#include "tools/grayxdp/endpoint_stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "replay/gate/endpoint.h"
#include "tools/grayxdp/exchange_json.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

// Sixteen buckets an octave: within 5 % of the true value, and few are used by one endpoint.
constexpr unsigned kSubBits = 4;

std::uint32_t bucket_of(std::uint64_t value) noexcept {
  if (value < 1U << kSubBits) return static_cast<std::uint32_t>(value);
  const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
  return static_cast<std::uint32_t>(((exponent + 1) << kSubBits) +
                                    ((value >> exponent) - (1U << kSubBits)));
}
std::uint64_t middle_of(std::uint32_t bucket) noexcept {
  if (bucket < 1U << kSubBits) return bucket;
  const std::uint32_t exponent = (bucket >> kSubBits) - 1;
  const std::uint64_t low = ((bucket & ((1U << kSubBits) - 1)) + (1ULL << kSubBits)) << exponent;
  return low + ((1ULL << exponent) >> 1);
}

}  // namespace

std::uint64_t EndpointStats::Counts::percentile(double share) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(timed)));
  std::uint64_t seen = 0;
  for (const auto& [bucket, exchanges] : latencies) {
    seen += exchanges;
    if (seen >= wanted) return middle_of(bucket);
  }
  return 0;
}

void EndpointStats::add(const Exchange& exchange) {
  const Request& request = exchange.request;
  const bool asked = !request.method.empty();
  std::string name = asked ? endpoint_of(request) : std::string("(request not seen)");
  auto found = endpoints_.find(name);
  if (found == endpoints_.end()) {
    if (endpoints_.size() >= kMaxEndpoints) name = "(other)";
    found = endpoints_.try_emplace(std::move(name)).first;
  }
  Counts& endpoint = found->second;
  ++endpoint.count;
  endpoint.request_bytes += request.body_bytes;
  const int status = exchange.response ? exchange.response->status / 100 : 0;
  ++endpoint.by_class[status >= 1 && status <= 5 ? static_cast<std::size_t>(status) : 0];
  if (!exchange.response) return;
  endpoint.response_bytes += exchange.response->body_bytes;
  // An answer that came before its request had ended (a refusal, a stream both ways) took no time.
  if (!asked || exchange.answered_early()) return;
  ++endpoint.timed;
  ++endpoint.latencies[bucket_of(exchange.latency_ns())];
}

std::vector<const EndpointStats::Entry*> EndpointStats::sorted() const {
  std::vector<const Entry*> entries;
  for (const Entry& entry : endpoints_) entries.push_back(&entry);
  std::stable_sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) {
    return a->second.count > b->second.count;
  });
  return entries;
}

void EndpointStats::print(std::ostream& out) const {
  if (endpoints_.empty()) return;
  out << "    COUNT      2xx      3xx      4xx      5xx     none       P50      P99    REQUEST "
         "RESPONSE  ENDPOINT\n";
  for (const Entry* entry : sorted()) {
    const Counts& e = entry->second;
    out << fmt::format("{:>9} {:>8} {:>8} {:>8} {:>8} {:>8}  {:>8} {:>8}   {:>8} {:>8}  {}\n",
                       e.count, e.by_class[2], e.by_class[3], e.by_class[4], e.by_class[5],
                       e.by_class[0], e.timed > 0 ? format_duration(e.percentile(0.5)) : "-",
                       e.timed > 0 ? format_duration(e.percentile(0.99)) : "-",
                       format_bytes(e.request_bytes), format_bytes(e.response_bytes), entry->first);
  }
}

void EndpointStats::print_json(std::ostream& out) const {
  for (const Entry* entry : sorted()) {
    const Counts& e = entry->second;
    nlohmann::ordered_json json{{"endpoint", json_text(entry->first)},
                                {"count", e.count},
                                {"status",
                                 {{"1xx", e.by_class[1]},
                                  {"2xx", e.by_class[2]},
                                  {"3xx", e.by_class[3]},
                                  {"4xx", e.by_class[4]},
                                  {"5xx", e.by_class[5]},
                                  {"none", e.by_class[0]}}},
                                {"latency_ns", nullptr},
                                {"request_bytes", e.request_bytes},
                                {"response_bytes", e.response_bytes}};
    if (e.timed > 0) json["latency_ns"] = {{"p50", e.percentile(0.5)}, {"p99", e.percentile(0.99)}};
    out << json.dump() << '\n';
  }
}

}  // namespace gray
