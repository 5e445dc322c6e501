#include "replay/session/handed_out.h"

#include <algorithm>
#include <array>

#include "replay/content/decode.h"
#include "replay/scrub/chars.h"
#include "replay/scrub/json_text.h"
#include "replay/session/json_scalars.h"
#include "replay/session/url_text.h"

namespace gray {
namespace {

using See = std::function<void(const std::string&, std::string_view)>;

// A value under any key that is this long, without white space, is an identifier.
constexpr std::size_t kLongEnough = 16;
constexpr std::size_t kMostBody = 4u << 20;
constexpr std::string_view kDecodedCookie = " decoded";

constexpr std::array<std::string_view, 14> kNames{"id",   "uuid",   "guid",    "token",  "nonce",
                                                  "code", "key",    "csrf",    "cursor", "ticket",
                                                  "sid",  "secret", "session", "handle"};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = to_lower(c);
  return result;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

bool sounds_like_identifier(std::string_view key) {
  const std::string name = lower(key);
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view known) { return name.ends_with(known); });
}

bool fits(std::string_view value) {
  return value.size() >= kShortestValue && value.size() <= kLongestValue;
}

bool has_digit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_digit);
}

bool looks_random(std::string_view text) {
  return text.size() >= kLongEnough && has_digit(text) &&
         std::none_of(text.begin(), text.end(), is_space);
}

/// RFC 6265 section 5.2.
void see_cookie(std::string_view header, const See& see) {
  const std::string_view pair = header.substr(0, header.find(';'));
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return;
  const std::string_view value = trim(pair.substr(equals + 1));
  const std::string place = "cookie." + std::string(trim(pair.substr(0, equals)));
  if (fits(value)) see(place, value);
  if (value.size() > kLongestValue || value.find('%') == std::string_view::npos) return;
  const std::string decoded = percent_decoded(value, false);
  if (fits(decoded) && decoded != value) see(place + std::string(kDecodedCookie), decoded);
}

void see_location(std::string_view url, const See& see) {
  const UrlParts parts = split_url(url);
  std::size_t number = 0;
  each_segment(parts.path, [&](std::string_view raw) {
    const std::string value = percent_decoded(raw, false);
    if (fits(value) && has_digit(value))
      see("location.path[" + std::to_string(number) + "]", value);
    ++number;
  });
  each_pair(parts.query, [&](std::string_view name, std::string_view raw) {
    const std::string value = percent_decoded(raw, true);
    if (fits(value)) see("location.query." + std::string(name), value);
  });
}

void see_json(std::string_view body, const See& see) {
  each_json_scalar(body, [&](const JsonScalar& scalar) {
    const std::string_view raw = body.substr(scalar.begin, scalar.end - scalar.begin);
    if (raw.size() > kLongestValue) return;
    const std::string value = scalar.is_string ? unescape_json(raw) : std::string(raw);
    const bool named = sounds_like_identifier(scalar.key);
    if (fits(value) && (named || (scalar.is_string && looks_random(value))))
      see("json." + std::string(scalar.path), value);
  });
}

/// The value of an attribute in the text of a tag; empty when it has none.
std::string_view attribute(std::string_view tag, std::string_view lowered, std::string_view name) {
  std::size_t at = 0;
  while ((at = lowered.find(name, at)) != std::string_view::npos) {
    const std::size_t after = at + name.size();
    const bool whole = at > 0 && is_space(lowered[at - 1]) && after < tag.size();
    at = after;
    if (!whole || tag[after] != '=' || after + 1 >= tag.size()) continue;
    const char quote = tag[after + 1];
    if (quote != '"' && quote != '\'') {
      const std::string_view rest = tag.substr(after + 1);
      return rest.substr(0, rest.find_first_of(" \t\r\n/>"));
    }
    const std::string_view rest = tag.substr(after + 2);
    return rest.substr(0, rest.find(quote));
  }
  return {};
}

/// <input name="csrf_token" value="…"> and <meta name="csrf-token" content="…">.
void see_html(std::string_view body, const See& see) {
  for (std::size_t at = body.find('<'); at != std::string_view::npos; at = body.find('<', at + 1)) {
    const std::string_view rest = body.substr(at);
    if (!starts_with_ignoring_case(rest, "<input") && !starts_with_ignoring_case(rest, "<meta"))
      continue;
    const std::string_view tag = rest.substr(0, std::min(rest.find('>'), 4 * kLongestValue));
    const std::string lowered = lower(tag);
    const std::string name = lower(attribute(tag, lowered, "name"));
    if (!contains_any(name, {"csrf", "xsrf", "token", "nonce", "authenticity"})) continue;
    const bool input = lowered.starts_with("<input");
    const std::string_view value = attribute(tag, lowered, input ? "value" : "content");
    if (fits(value)) see("html." + name, value);
  }
}

void see_body(const Response& response, const See& see) {
  if (response.body.size() > kMostBody) return;
  const std::string* type = find_header(response.headers, "content-type");
  if (type == nullptr) return;
  const std::string media = lower(type->substr(0, type->find(';')));
  const bool json = media.find("json") != std::string::npos;
  const bool html = media.find("html") != std::string::npos;
  if (!json && !html) return;
  Decoded decoded;
  std::string_view body = response.body;
  if (find_header(response.headers, "content-encoding") != nullptr) {
    decoded = decode_body(response, {.max_bytes = kMostBody});
    body = decoded.bytes;  // of one that is cut its beginning, as of one without a coding
  }
  if (json) see_json(body, see);
  if (html) see_html(body, see);
}

}  // namespace

std::string_view place_instead(std::string_view where) noexcept {
  if (!where.starts_with("cookie.") || !where.ends_with(kDecodedCookie)) return {};
  return where.substr(0, where.size() - kDecodedCookie.size());
}

void each_handed_out(const Response& response, const See& see) {
  for (const Header& header : response.headers) {
    const std::string name = lower(header.name);
    if (name == "set-cookie") {
      see_cookie(header.value, see);
    } else if (name == "location") {
      see_location(header.value, see);
    } else if (contains_any(name, {"csrf", "xsrf", "token", "session"}) && fits(header.value)) {
      see("header." + name, header.value);
    }
  }
  see_body(response, see);
}

}  // namespace gray
