#include "replay/compare/compare.h"

#include <array>

#include "replay/compare/message_diff.h"

namespace gray {
namespace {

// What differs between two runs of one program, or is said again by something that is compared:
// the time, the host, the connection, the coding of the body, and ids and clocks of a request.
constexpr std::array<std::string_view, 23> kDefaultIgnored{
    "age",           "alt-svc",          "connection",   "content-length",    "date",
    "etag",          "expires",          "keep-alive",   "last-modified",     "server",
    "server-timing", "traceparent",      "tracestate",   "transfer-encoding", "via",
    "x-cache",       "x-correlation-id", "x-powered-by", "x-request-id",      "x-response-time",
    "x-runtime",     "x-served-by",      "x-trace-id",
};

std::span<const std::string_view> ignored_headers(bool defaults) {
  return defaults ? std::span<const std::string_view>(kDefaultIgnored)
                  : std::span<const std::string_view>();
}

}  // namespace

void Comparison::add(std::string field, std::string production, std::string canary) {
  if (differences.size() < kMaxDifferences)
    differences.push_back({std::move(field), std::move(production), std::move(canary)});
  else
    ++more;
}

std::span<const std::string_view> Comparator::default_ignored_headers() {
  return kDefaultIgnored;
}

Comparator::Comparator(const CompareOptions& options, const Scrubber& scrubber)
    : ignores_(options.ignores, ignored_headers(options.default_ignores)),
      cookie_values_(!options.default_ignores),
      scrubber_(&scrubber) {}

Comparison Comparator::compare(const Trial& trial) const {
  Comparison comparison;
  if (trial.outcome != SendOutcome::Answered || !trial.canary || !trial.exchange.response)
    return comparison;
  const Response& production = *trial.exchange.response;
  const Response& canary = *trial.canary;
  comparison.compared = true;
  if (production.status != canary.status && !ignores_.status()) {
    comparison.add("status", std::to_string(production.status), std::to_string(canary.status));
    return comparison;
  }
  compare_headers(production.headers, canary.headers, ignores_,
                  cookie_values_ ? CookieValues::Compared : CookieValues::Ignored, *scrubber_,
                  comparison);
  compare_bodies(production, canary, ignores_, *scrubber_, comparison);
  return comparison;
}

}  // namespace gray
