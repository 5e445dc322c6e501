#include "replay/compare/compare.h"

#include <array>

#include "replay/compare/answer_diff.h"
#include "replay/compare/proto_body.h"
#include "replay/content/decode.h"

namespace gray {
namespace {

// What differs between two runs of one program, or is said again by something that is compared:
// the time, the host, the connection, the coding of the body, and ids and clocks of a request.
constexpr std::array<std::string_view, 25> kDefaultIgnored{
    "age",
    "alt-svc",
    "connection",
    "content-length",
    "date",
    "etag",
    "expires",
    "grpc-accept-encoding",
    "grpc-encoding",
    "keep-alive",
    "last-modified",
    "server",
    "server-timing",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "via",
    "x-cache",
    "x-correlation-id",
    "x-powered-by",
    "x-request-id",
    "x-response-time",
    "x-runtime",
    "x-served-by",
    "x-trace-id",
};

std::uint64_t length(const Response& response) noexcept {
  return std::max<std::uint64_t>(response.body_bytes, response.body.size());
}

}  // namespace

void Comparison::add(std::string field, std::string production, std::string canary, Cause cause) {
  if (differences.size() < kMaxDifferences)
    differences.push_back(
        {std::move(field), std::move(production), std::move(canary), false, cause});
  else
    ++more;
}

void Comparison::note(std::string field, std::string why) {
  if (notes_more()) ignored.push_back({std::move(field), std::move(why)});
}

void Comparison::add_compatible(std::string field) {
  if (compatible.size() < kMaxCompatible) compatible.push_back(std::move(field));
}

std::span<const std::string_view> Comparator::default_ignored_headers() {
  return kDefaultIgnored;
}

Comparator::Comparator(const CompareOptions& options, const Scrubber& scrubber)
    : rules_(options, kDefaultIgnored), makers_(options.makers), scrubber_(&scrubber) {
  makers_.push_back(grpc_maker(options.schemas, scrubber));
  makers_.push_back(proto_maker(options.schemas, scrubber));
  makers_.push_back(json_maker());
  makers_.push_back(json_sequence_maker(scrubber));
  makers_.push_back(form_maker());
}

std::optional<std::int64_t> Comparator::offset_of(const Trial& trial) noexcept {
  if (trial.sent_ns == 0 || !trial.exchange->response) return std::nullopt;
  return static_cast<std::int64_t>(trial.sent_ns + trial.latency_ns -
                                   trial.exchange->response->first_byte_ns);
}

Comparison Comparator::compare(const Trial& trial, bool repeated) const {
  if (trial.outcome != SendOutcome::Answered || !trial.canary || !trial.exchange->response)
    return {};
  return compare({.exchange = *trial.exchange,
                  .production = *trial.exchange->response,
                  .other = *trial.canary,
                  .offset_ns = offset_of(trial),
                  .repeated = repeated});
}

Comparison Comparator::compare(const Answers& answers) const {
  Comparison comparison;
  comparison.compared = true;
  const int before = answers.production.status, after = answers.other.status;
  const CauseContext context{.request = &answers.exchange.request,
                             .offset_ns = answers.offset_ns,
                             .tolerance_ns = rules_.timing_tolerance_ns()};
  if (before != after && rules_.ignores_status() == nullptr) {
    comparison.add("status", std::to_string(before), std::to_string(after),
                   before / 100 == after / 100 ? Cause::Value : Cause::StatusClass);
  } else {
    if (before != after) comparison.note("status", rules_.ignores_status()->why);
    AnswerDiff diff(rules_, makers_, *scrubber_, context, comparison);
    const AnswerHeaders left = answer_headers(answers.exchange.request, answers.production);
    const AnswerHeaders right = answer_headers(answers.exchange.request, answers.other);
    if (!diff.grpc_status(left, right)) {
      diff.headers("header", *left.headers, *right.headers);
      compare_bodies(answers, diff);
      if (answers.production.complete && answers.other.complete)
        diff.headers("trailer", *left.trailers, *right.trailers);
    }
  }
  if (answers.repeated)
    for (Difference& difference : comparison.differences)
      if (difference.cause != Cause::Truncated) difference.cause = Cause::Repeated;
  return comparison;
}

BodySource Comparator::body_of(const Exchange& exchange, const Response& response,
                               std::string& decoded) const {
  BodySource source{&exchange, &response, response.body};
  if (!coded(source)) return source;
  Decoded plain = decode_body(response);
  if (plain.problem != nullptr) return source;
  decoded = std::move(plain.bytes);
  source.body = decoded;
  return source;
}

void Comparator::compare_bodies(const Answers& answers, AnswerDiff& diff) const {
  const Response &production = answers.production, &other = answers.other;
  if (production.body == other.body && length(production) == length(other)) return;
  std::string decoded_production, decoded_other;
  const BodySource left = body_of(answers.exchange, production, decoded_production);
  const BodySource right = body_of(answers.exchange, other, decoded_other);
  diff.bodies(left, right);
}

}  // namespace gray
