#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "replay/compare/message_diff.h"
#include "replay/content/decode.h"

namespace gray {
namespace {

constexpr std::size_t kMaxScrubbedBody = 1u << 20;  // larger ones are compared as they are

/// Whether the body's bytes are not the content itself but a coding of it, such as gzip.
bool coded(const Response& response) {
  const std::string* coding = find_header(response.headers, "content-encoding");
  return coding != nullptr && !coding->empty() && lower_case(*coding) != "identity";
}

/// `response`, or what `decoded` holds then: the same with its Content-Encoding undone.
const Response& without_coding(const Response& response, std::optional<Response>& decoded) {
  if (!coded(response)) return response;
  decoded = response;
  return undo_content_encoding(*decoded) ? *decoded : response;
}

// "application/json; charset=utf-8", "text/json", "application/problem+json"
bool says_json(const Response& response) {
  const std::string* type = find_header(response.headers, "content-type");
  if (type == nullptr) return false;
  std::string media = lower_case(std::string_view(*type).substr(0, type->find(';')));
  while (media.ends_with(' ') || media.ends_with('\t')) media.pop_back();
  return media.ends_with("/json") || media.ends_with("+json");
}

bool looks_json(const Response& response) noexcept {
  const std::size_t first = response.body.find_first_not_of(" \t\r\n");
  return first != std::string::npos && (response.body[first] == '{' || response.body[first] == '[');
}

// An object or array that parses is whole; of a bare 12 that was cut that is not known.
bool may_be_json(const Response& response) {
  if (response.truncated || coded(response)) return false;
  return looks_json(response) || (response.complete && says_json(response));
}

bool same_scrubbed(const Response& production, const Response& canary, const Scrubber& scrubber) {
  if (!scrubber.on() || coded(production) || coded(canary)) return false;
  if (std::max(production.body.size(), canary.body.size()) > kMaxScrubbedBody) return false;
  return scrubber.scrub_value("body", production.body) == canary.body ||
         scrubber.scrub_text(production.body) == scrubber.scrub_text(canary.body);
}

std::uint64_t length(const Response& response) noexcept {
  return std::max<std::uint64_t>(response.body_bytes, response.body.size());
}

// The canary's response is whole, or it would not count as answered. Of one of production's that
// was cut on the wire, neither the end nor the length is known.
void compare_bytes(const Response& production, const Response& canary, const Scrubber& scrubber,
                   Comparison& out) {
  const std::string_view left = production.body;
  const std::string_view right = canary.body;
  const std::size_t kept = std::min(left.size(), right.size());
  const auto at = std::mismatch(left.begin(), left.begin() + kept, right.begin()).first;
  const auto offset = static_cast<std::size_t>(at - left.begin());
  const bool open_ended = !production.complete && left.size() <= right.size();
  if (offset == kept && (open_ended || length(production) == length(canary))) return;
  if (same_scrubbed(production, canary, scrubber)) return;
  const auto text = [&](const Response& response, const char* about) {
    return fmt::format("{}{} bytes, differs at {}", about, length(response), offset);
  };
  out.add("body", text(production, production.complete ? "" : "at least "), text(canary, ""));
}

}  // namespace

void compare_bodies(const Response& coded_production, const Response& coded_canary,
                    const IgnoreSet& ignores, const Scrubber& scrubber, Comparison& out) {
  if (ignores.body()) return;
  std::optional<Response> left, right;
  const Response& production = without_coding(coded_production, left);
  const Response& canary = without_coding(coded_canary, right);
  if (production.body == canary.body && length(production) == length(canary)) return;
  if (may_be_json(production) && may_be_json(canary) &&
      compare_json(production.body, canary.body, ignores, scrubber, out))
    return;
  compare_bytes(production, canary, scrubber, out);
}

}  // namespace gray
