#include "replay/scrub/url.h"

#include <algorithm>

#include "replay/protocol/control.h"
#include "replay/scrub/chars.h"
#include "replay/scrub/encoded.h"

namespace gray {
namespace {

enum class Fields { Query, Form };

/// "name=value". Empty when it is to be dropped.
std::string scrub_parameter(const Policy& policy, Part part, Fields fields, std::string_view raw) {
  const std::size_t equals = std::min(raw.find('='), raw.size());
  std::string result_name(raw.substr(0, equals));
  const std::string plain_name = form_decode(result_name);
  scrub_value(policy, part, result_name);
  if (equals == raw.size()) return result_name;
  const std::string before = form_decode(raw.substr(equals + 1));
  const auto treatment =
      fields == Fields::Query ? policy.query(plain_name, before) : policy.form(plain_name, before);
  std::string value = before;
  if (treatment) {
    if (treatment->action == Action::Keep) return std::string(raw);
    if (treatment->action == Action::Drop) return {};
    value = policy.redactor().redact(*treatment, value);
  } else {
    scrub_value(policy, part, value);
  }
  result_name += '=';
  if (value != before) {
    std::string encoded = form_encode(value);
    const bool plus_as_written = raw.substr(equals + 1).starts_with('+');
    if (plus_as_written && encoded.starts_with("%2B")) encoded.replace(0, 3, "+");
    return result_name + encoded;
  }
  // What the decoder took for an escape may have been none: "100%13812345678".
  std::string as_written(raw.substr(equals + 1));
  if (!treatment && as_written != before) policy.scrub_text(part, as_written);
  result_name += as_written;
  return result_name;
}

void scrub_parameters(const Policy& policy, Part part, Fields fields, std::string_view raw,
                      std::string& result) {
  bool first = true;
  while (true) {
    const std::size_t end = std::min(raw.find('&'), raw.size());
    const std::string_view parameter = raw.substr(0, end);
    const std::string scrubbed = scrub_parameter(policy, part, fields, parameter);
    if (!scrubbed.empty() || parameter.empty()) {
      if (!first) result += '&';
      result += scrubbed;
      first = false;
    }
    if (end == raw.size()) return;
    raw.remove_prefix(end + 1);
  }
}

/// A segment and its parameters: "orders;jsessionid=1A2B".
void scrub_segment(const Policy& policy, Part part, std::string_view raw, std::string& result) {
  const std::size_t parameters = std::min(raw.find(';'), raw.size());
  std::string segment(raw.substr(0, parameters));
  scrub_value(policy, part, segment);
  result += segment;
  while (raw.size() > parameters) {
    raw.remove_prefix(raw.find(';') + 1);
    const std::string_view parameter = raw.substr(0, raw.find(';'));
    result += ';';
    result += scrub_parameter(policy, part, Fields::Query, parameter);
    if (raw.find(';') == std::string_view::npos) break;
  }
}

void scrub_path(const Policy& policy, Part part, std::string_view raw, std::string& result) {
  // Numbers that are written over several segments are no one's habit, so each one is on its own.
  while (true) {
    const std::size_t end = std::min(raw.find('/'), raw.size());
    if (end > 0) scrub_segment(policy, part, raw.substr(0, end), result);
    if (end == raw.size()) return;
    result += '/';
    raw.remove_prefix(end + 1);
  }
}

/// RFC 3986 section 3.2: "user:password@host:port".
std::string scrub_authority(const Policy& policy, Part part, std::string_view raw) {
  const std::size_t at = raw.rfind('@');
  std::string host(at == std::string_view::npos ? raw : raw.substr(at + 1));
  scrub_value(policy, part, host);
  if (at == std::string_view::npos) return host;
  const auto token = [&](std::string_view text) {
    return percent_encode(policy.redactor().redact({}, percent_decode(text)));
  };
  const std::string_view user_info = raw.substr(0, at);
  const std::size_t colon = std::min(user_info.find(':'), user_info.size());
  std::string result = token(user_info.substr(0, colon));
  if (colon < user_info.size()) result += ':' + token(user_info.substr(colon + 1));
  return result + '@' + host;
}

}  // namespace

bool scrub_url(const Policy& policy, Part part, std::string& url) {
  if (has_control(url) || url.find(' ') != std::string::npos) return false;
  std::string_view rest = url;
  std::string result;
  result.reserve(url.size());
  const std::size_t scheme = rest.starts_with('/') ? rest.npos : rest.find("://");
  const bool absolute =
      scheme != std::string_view::npos && scheme > 0 &&
      std::all_of(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(scheme),
                  [](char c) { return is_alnum(c) || c == '+' || c == '.'; });
  if (absolute || rest.starts_with("//")) {
    const std::size_t start = absolute ? scheme + 3 : 2;
    const std::size_t end = std::min(rest.find_first_of("/?#", start), rest.size());
    result = rest.substr(0, start);
    result += scrub_authority(policy, part, rest.substr(start, end - start));
    rest.remove_prefix(end);
  }
  const std::size_t path_end = std::min(rest.find('?'), rest.find('#'));
  scrub_path(policy, part, rest.substr(0, path_end), result);
  rest.remove_prefix(std::min(path_end, rest.size()));
  // A fragment is no part of a request, but stands in Location and Referer, with tokens in it.
  while (!rest.empty()) {
    const char mark = rest.front();
    const std::size_t end = mark == '?' ? std::min(rest.find('#'), rest.size()) : rest.size();
    result += mark;
    scrub_parameters(policy, part, Fields::Query, rest.substr(1, end - 1), result);
    rest.remove_prefix(end);
  }
  url = std::move(result);
  return true;
}

bool scrub_form(const Policy& policy, std::string& body) {
  // A line's end behind the form is a habit of hand-written clients.
  const std::size_t end = body.find_last_not_of("\r\n") + 1;
  const std::string_view form = std::string_view(body).substr(0, end);
  if (has_control(form)) return false;
  std::string result;
  scrub_parameters(policy, Part::Body, Fields::Form, form, result);
  body = result.append(body, end);
  return true;
}

}  // namespace gray
