#include "replay/scrub/body.h"

#include <algorithm>
#include <array>

#include "replay/content/decode.h"
#include "replay/content/encode.h"
#include "replay/content/utf8.h"
#include "replay/scrub/chars.h"
#include "replay/scrub/encoded.h"
#include "replay/scrub/json.h"
#include "replay/scrub/url.h"

namespace gray {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), to_lower);
  return result;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && !is_space(c)) || c == 0x7f;
  });
}

/// Charsets in which no byte of another character reads as an ASCII digit.
bool keeps_digits(std::string_view charset) {
  constexpr std::array<std::string_view, 10> kKnown{"utf-8",    "utf8",  "us-ascii", "ascii",
                                                    "iso-8859", "latin", "windows-", "gbk",
                                                    "gb2312",   "euc-"};
  return charset.empty() || std::any_of(kKnown.begin(), kKnown.end(), [&](std::string_view known) {
           return charset.starts_with(known);
         });
}

bool is_json_type(std::string_view type) {
  return type == "application/json" || type == "text/json" || type.ends_with("+json") ||
         type.ends_with("-json") || type == "application/jsonl" || type == "application/csp-report";
}

bool looks_like_form(std::string_view body) {
  const std::size_t equals = body.find('=');
  return equals != std::string_view::npos && equals > 0 &&
         std::all_of(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(equals),
                     [](char c) {
                       return is_alnum(c) ||
                              std::string_view("%+-._~[]").find(c) != std::string_view::npos;
                     }) &&
         !std::any_of(body.begin(), body.end(), is_space);
}

const char* scrub_document(const Policy& policy, std::string& body) {
  const JsonResult result = scrub_json(policy, body, {.many = true});
  return result == JsonResult::Bad ? "bad_json" : nullptr;
}

}  // namespace

std::string header_parameter(std::string_view value, std::string_view name) {
  std::size_t pos = value.find(';');
  while (pos < value.size()) {
    ++pos;
    while (pos < value.size() && is_space(value[pos])) ++pos;
    const std::size_t equals = value.find('=', pos);
    if (equals == std::string_view::npos) return {};
    const bool wanted = same_name(trim(value.substr(pos, equals - pos)), name);
    std::string text;
    pos = equals + 1;
    const bool quoted = pos < value.size() && value[pos] == '"';
    if (quoted) ++pos;
    while (pos < value.size() && (quoted ? value[pos] != '"' : value[pos] != ';')) {
      if (quoted && value[pos] == '\\' && pos + 1 < value.size()) ++pos;
      text += value[pos++];
    }
    if (wanted) return quoted ? text : std::string(trim(text));
    pos = value.find(';', pos);
  }
  return {};
}

const char* scrub_untyped(const Policy& policy, std::string& body) {
  if (looks_like_json(body) && scrub_document(policy, body) == nullptr) return nullptr;
  if (has_control(body) || !is_utf8(body)) return "opaque_body";
  if (looks_like_form(body) && scrub_form(policy, body)) return nullptr;
  scrub_value(policy, Part::Body, body);
  return nullptr;
}

namespace {

const char* scrub_content(const Policy& policy, const Headers& headers, std::string& body) {
  const std::string* content_type = find_header(headers, "content-type");
  if (!content_type) return scrub_untyped(policy, body);
  const std::string type =
      lower(trim(std::string_view(*content_type)
                     .substr(0, std::min(content_type->find(';'), content_type->size()))));
  const std::string charset = lower(header_parameter(*content_type, "charset"));
  if (!keeps_digits(charset)) return "bad_encoding";
  if (is_json_type(type)) return scrub_document(policy, body);
  if (type == "application/x-www-form-urlencoded") {
    // curl -d and many scripts send JSON under this name.
    if (looks_like_json(body) && scrub_document(policy, body) == nullptr) return nullptr;
    return scrub_form(policy, body) ? nullptr : "bad_form";
  }
  if (type.starts_with("multipart/")) return scrub_multipart(policy, *content_type, body);
  if (type.find("grpc") != std::string::npos) return "opaque_body";  // base64 in grpc-web-text
  if (!charset.empty() && !charset.starts_with("utf") && !has_control(body)) {
    scrub_value(policy, Part::Body, body);
    return nullptr;
  }
  return scrub_untyped(policy, body);
}

}  // namespace

// Encoded again even when nothing was touched: a coding has room for what no client reads (a file's
// name, bytes behind the end), and that room is not looked into.
const char* scrub_body(const Policy& policy, const Headers& headers, std::string& body) {
  if (body.empty()) return nullptr;
  const auto codings = content_codings(headers);
  if (!codings) return kUnknownEncoding;
  if (codings->empty()) return scrub_content(policy, headers, body);
  Decoded decoded = decode(*codings, body);
  if (decoded.problem) return decoded.problem;
  if (const char* refused = scrub_content(policy, headers, decoded.bytes)) return refused;
  auto coded = encode(*codings, decoded.bytes);
  if (!coded) return kBadEncoding;
  body = std::move(*coded);
  return nullptr;
}

}  // namespace gray
