#include "replay/scrub/headers.h"

#include <algorithm>
#include <array>

#include "replay/content/base64.h"
#include "replay/protocol/control.h"
#include "replay/protocol/token.h"
#include "replay/schema/proto_json.h"
#include "replay/scrub/chars.h"
#include "replay/scrub/encoded.h"
#include "replay/scrub/proto.h"
#include "replay/scrub/url.h"

namespace gray {
namespace {

constexpr std::array<std::string_view, 6> kUrlHeaders{
    "referer", "location", "content-location", "origin", "x-original-url", "x-rewrite-url"};

bool is_sound(const Header& header) {
  return is_token(header.name) && !breaks_line(header.value);
}

bool is_credentials(std::string_view name) {
  return same_name(name, "authorization") || same_name(name, "proxy-authorization");
}

/// "name=value" of Cookie and of Set-Cookie; false when it is to be dropped.
bool scrub_cookie_pair(const Policy& policy, std::string_view pair, std::string& result) {
  const std::size_t equals = pair.find('=');
  const std::string_view name = trim(pair.substr(0, equals));
  const auto treatment = policy.cookie(name);
  result = pair;
  if (treatment && treatment->action == Action::Keep) return true;
  if (treatment && treatment->action == Action::Drop) return false;
  if (equals == std::string_view::npos) {  // a name alone, or a value alone: who knows
    if (treatment) result = policy.redactor().redact(*treatment, pair);
    return true;
  }
  std::string_view raw = trim(pair.substr(equals + 1));
  const bool quoted = raw.size() >= 2 && raw.front() == '"' && raw.back() == '"';
  if (quoted) raw = raw.substr(1, raw.size() - 2);
  std::string value(raw);
  if (treatment) {
    const bool encoded = raw.find('%') != std::string_view::npos;
    value = policy.redactor().redact(*treatment, encoded ? percent_decode(raw) : value);
    if (encoded) value = percent_encode(value);
  } else {
    scrub_value(policy, Part::HeaderField, value);
  }
  const std::string quote = quoted ? "\"" : "";
  result = std::string(pair.substr(0, equals + 1)) + quote + value + quote;
  return true;
}

/// RFC 6265 section 4.2.1.
bool scrub_cookies(const Policy& policy, std::string& value) {
  std::string result;
  std::string_view rest = value;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view pair = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    std::string scrubbed;
    if (pair.empty() || !scrub_cookie_pair(policy, pair, scrubbed)) continue;
    if (!result.empty()) result += "; ";
    result += scrubbed;
  }
  value = std::move(result);
  return !value.empty();
}

/// RFC 6265 section 4.1.1: the first pair is the cookie.
bool scrub_set_cookie(const Policy& policy, std::string& value) {
  const std::size_t end = std::min(value.find(';'), value.size());
  std::string pair;
  if (!scrub_cookie_pair(policy, std::string_view(value).substr(0, end), pair)) return false;
  std::string attributes = value.substr(end);
  policy.scrub_text(Part::HeaderField, attributes);
  value = pair + attributes;
  return true;
}

/// RFC 7617: user and password each on their own, so that both join with what stands elsewhere.
std::string redact_basic(const Policy& policy, const Treatment& treatment, std::string_view raw) {
  const auto decoded = base64_decode(raw);
  if (!decoded) return policy.redactor().redact(treatment, raw);
  const std::size_t colon = std::min(decoded->find(':'), decoded->size());
  std::string plain = policy.redactor().redact(treatment, decoded->substr(0, colon));
  if (colon < decoded->size())
    plain += ':' + policy.redactor().redact(treatment, decoded->substr(colon + 1));
  return base64_encode(plain);
}

/// RFC 7616 and its likes: the values of name=value, name="value".
std::string redact_parameters(const Policy& policy, const Treatment& treatment,
                              std::string_view rest) {
  std::string result;
  while (true) {
    std::size_t end = 0;
    for (bool quoted = false; end < rest.size() && (quoted || rest[end] != ','); ++end)
      if (rest[end] == '"') quoted = !quoted;
    const std::string_view item = rest.substr(0, end);
    std::size_t begin = item.find('=');
    begin = begin == std::string_view::npos ? 0 : begin + 1;
    std::string_view raw = item.substr(begin);
    const bool quoted = raw.size() >= 2 && raw.front() == '"' && raw.back() == '"';
    if (quoted) raw = raw.substr(1, raw.size() - 2);
    const std::string quote = quoted ? "\"" : "";
    result += std::string(item.substr(0, begin)) + quote +
              policy.redactor().redact(treatment, raw) + quote;
    if (end == rest.size()) return result;
    result += ',';
    rest.remove_prefix(end + 1);
  }
}

/// RFC 9110 section 11.4: the scheme stays.
std::string redact_credentials(const Policy& policy, const Treatment& treatment,
                               std::string_view value) {
  const std::size_t space = value.find(' ');
  if (space == std::string_view::npos) return policy.redactor().redact(treatment, value);
  const std::string_view scheme = value.substr(0, space);
  const std::string_view rest = trim(value.substr(space));
  const std::string start = std::string(scheme) + ' ';
  if (same_name(scheme, "basic")) return start + redact_basic(policy, treatment, rest);
  if (rest.find("=\"") != std::string_view::npos || rest.find(',') != std::string_view::npos)
    return start + redact_parameters(policy, treatment, rest);
  return start + policy.redactor().redact(treatment, rest);
}

/// Binary metadata of gRPC ("gRPC over HTTP2", Custom-Metadata): base64 of text or of a message; of
/// anything else nobody knows what it says. False when it is to be dropped.
bool scrub_binary_metadata(const Policy& policy, std::string& value) {
  auto bytes = base64_decode(value);
  if (!bytes) return false;
  if (is_proto_text(*bytes))
    scrub_value(policy, Part::HeaderField, *bytes);
  else if (scrub_proto(policy, nullptr, nullptr, *bytes))
    return false;
  value = base64_encode(*bytes);
  while (value.ends_with('=')) value.pop_back();
  return true;
}

void scrub_by_patterns(const Policy& policy, std::string_view name, std::string& value) {
  // The boundary stands in the body, too.
  if (same_name(name, "content-type") && starts_with_ignoring_case(trim(value), "multipart/"))
    return;
  const bool url = std::any_of(kUrlHeaders.begin(), kUrlHeaders.end(),
                               [&](std::string_view other) { return same_name(name, other); });
  if (!url || !scrub_url(policy, Part::HeaderField, value))
    scrub_value(policy, Part::HeaderField, value);
}

}  // namespace

bool scrub_header_value(const Policy& policy, std::string_view name, std::string& value) {
  const auto treatment = policy.header(name);
  if (treatment) {
    if (treatment->action == Action::Keep) return true;
    if (treatment->action == Action::Drop) return false;
    value = is_credentials(name) && treatment->action == Action::Tokenize
                ? redact_credentials(policy, *treatment, value)
                : policy.redactor().redact(*treatment, value);
    return true;
  }
  if (same_name(name, "cookie")) return scrub_cookies(policy, value);
  if (same_name(name, "set-cookie")) return scrub_set_cookie(policy, value);
  if (name.size() > 4 && same_name(name.substr(name.size() - 4), "-bin"))
    return scrub_binary_metadata(policy, value);
  scrub_by_patterns(policy, name, value);
  return true;
}

bool scrub_headers(const Policy& policy, Headers& headers) {
  if (!std::all_of(headers.begin(), headers.end(), is_sound)) return false;
  std::erase_if(headers, [&](Header& header) {
    return !scrub_header_value(policy, header.name, header.value);
  });
  return true;
}

}  // namespace gray
