#include "replay/select/rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "replay/protocol/token.h"
#include "replay/select/regex.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

// RFC 9110 section 7.6.1, and the older ones that real clients send.
constexpr std::array<std::string_view, 8> kHopByHop{
    "connection",         "keep-alive", "proxy-connection", "proxy-authorization",
    "proxy-authenticate", "te",         "trailer",          "upgrade"};

// What a Connection header may name without taking it away: the request is not itself without them.
constexpr std::array<std::string_view, 4> kNeverHopByHop{"host", "content-length", "content-type",
                                                         "transfer-encoding"};

struct UrlRule {
  std::unique_ptr<const RE2> regex;
  std::string to;  ///< in RE2's way: \1
};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view other) { return same_name(other, name); });
}

void remove_header(Headers& headers, std::string_view name) {
  std::erase_if(headers, [&](const Header& header) { return same_name(header.name, name); });
}

/// In the place of the first of that name, or at the end.
void set_header(Headers& headers, const Header& wanted) {
  const auto is_named = [&](const Header& header) { return same_name(header.name, wanted.name); };
  const auto first = std::find_if(headers.begin(), headers.end(), is_named);
  if (first == headers.end()) {
    headers.push_back(wanted);
    return;
  }
  *first = wanted;
  headers.erase(std::remove_if(first + 1, headers.end(), is_named), headers.end());
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

Header parse_header(const std::string& text, std::string_view option) {
  const std::size_t colon = text.find(':');
  Header header{text.substr(0, colon), ""};
  if (colon == std::string::npos || !is_token(header.name) || has_control(text))
    throw UsageError(fmt::format("{} '{}': write it like 'X-Canary: 1'", option, text));
  const std::size_t start = text.find_first_not_of(" \t", colon + 1);
  if (start != std::string::npos)
    header.value = text.substr(start, text.find_last_not_of(" \t") + 1 - start);
  return header;
}

/// "$1" and "\1" are groups, "$$" a dollar, "\:" a colon.
std::string to_re2_rewrite(std::string_view text) {
  std::string to;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    const bool digit = next >= '0' && next <= '9';
    if (text[i] == '$' && digit) {
      to += '\\';
    } else if ((text[i] == '$' && next == '$') || (text[i] == '\\' && next == ':')) {
      to += next;
      ++i;
    } else {
      to += text[i];
    }
  }
  return to;
}

UrlRule parse_url_rule(const std::string& text) {
  std::size_t colon = text.rfind(':');
  while (colon != std::string::npos && colon > 0 && text[colon - 1] == '\\')
    colon = text.rfind(':', colon - 1);
  if (colon == std::string::npos || colon == 0)
    throw UsageError(fmt::format("--rewrite-url '{}': write it like '^/v1/(.*):/v2/$1'", text));
  UrlRule rule{compile_regex(text.substr(0, colon), "--rewrite-url"),
               to_re2_rewrite(std::string_view(text).substr(colon + 1))};
  std::string error;
  if (!rule.regex->CheckRewriteString(rule.to, &error))
    throw UsageError(fmt::format("--rewrite-url '{}': {}", text, error));
  if (has_control(rule.to) || rule.to.find(' ') != std::string::npos)
    throw UsageError(fmt::format("--rewrite-url '{}': a URL has no spaces", text));
  return rule;
}

/// "http://host/path" as "/path", and the host as the request's authority (RFC 9112 section 3.2.2:
/// it goes before Host).
void make_origin_form(Request& request) {
  const std::size_t scheme_end = request.target.find("://");
  if (request.target.starts_with('/') || scheme_end == std::string::npos) return;
  const std::size_t start = scheme_end + 3;
  const std::size_t end =
      std::min(request.target.find_first_of("/?#", start), request.target.size());
  std::string authority = request.target.substr(start, end - start);
  if (const std::size_t at = authority.rfind('@'); at != std::string::npos)
    authority.erase(0, at + 1);
  if (!authority.empty()) {
    request.authority = authority;
    set_header(request.headers, {"Host", authority});
  }
  request.target.erase(0, end);
  if (request.target.empty() && request.method == "OPTIONS")
    request.target = "*";
  else if (!request.target.starts_with('/'))
    request.target.insert(0, "/");
}

void remove_hop_by_hop(Headers& headers) {
  std::vector<std::string> named;
  for (const Header& header : headers) {
    if (!same_name(header.name, "connection")) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::string_view item = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), item.size() + 1));
      const std::size_t start = item.find_first_not_of(" \t");
      if (start == std::string_view::npos) continue;
      const std::string_view name = item.substr(start, item.find_last_not_of(" \t") + 1 - start);
      if (!is_one_of(kNeverHopByHop, name)) named.emplace_back(name);
    }
  }
  std::erase_if(headers, [&](const Header& header) {
    return is_one_of(kHopByHop, header.name) ||
           std::any_of(named.begin(), named.end(),
                       [&](const std::string& name) { return same_name(name, header.name); });
  });
}

/// Of one header of that name it is as it was.
bool keep_host(Request& request) {
  Header* host = nullptr;
  for (Header& header : request.headers) {
    if (!same_name(header.name, "host")) continue;
    if (host != nullptr) return false;
    host = &header;
  }
  if (host == nullptr) return false;
  host->name = "Host";
  request.authority = host->value;
  return true;
}

void set_host(Request& request, std::string_view target_authority, bool from_target) {
  if (!from_target && keep_host(request)) return;
  const std::string* kept = find_header(request.headers, "host");
  std::string host = kept ? *kept : request.authority;
  if (from_target || (!kept && host.empty())) host = target_authority;
  request.authority = host;
  set_header(request.headers, {"Host", std::move(host)});
}

}  // namespace

struct RequestRewriter::Rules {
  Header color;
  std::vector<Header> set_headers;
  std::vector<UrlRule> urls;
  bool host_from_target = false;

  void rewrite_url(std::string& target) const;
};

void RequestRewriter::Rules::rewrite_url(std::string& target) const {
  if (urls.empty() || target == "*") return;
  for (const UrlRule& rule : urls) RE2::GlobalReplace(&target, *rule.regex, rule.to);
  if (!target.starts_with('/')) target.insert(0, "/");
}

RequestRewriter::RequestRewriter(const RequestRewriteOptions& options) {
  auto rules = std::make_unique<Rules>();
  rules->color = parse_header(options.color, "--color");
  for (const std::string& text : options.set_headers)
    rules->set_headers.push_back(parse_header(text, "--set-header"));
  for (const std::string& text : options.rewrite_urls) rules->urls.push_back(parse_url_rule(text));
  rules->host_from_target = options.host_from_target;
  rules_ = std::move(rules);
}

RequestRewriter::~RequestRewriter() = default;
RequestRewriter::RequestRewriter(RequestRewriter&&) noexcept = default;
RequestRewriter& RequestRewriter::operator=(RequestRewriter&&) noexcept = default;

void RequestRewriter::rewrite(Request& request, std::string_view target_authority) const {
  make_origin_form(request);
  rules_->rewrite_url(request.target);
  remove_hop_by_hop(request.headers);
  set_host(request, target_authority, rules_->host_from_target);
  for (const Header& header : rules_->set_headers) {
    if (header.value.empty())
      remove_header(request.headers, header.name);
    else
      set_header(request.headers, header);
  }
  set_header(request.headers, rules_->color);
  // A --set-header of Host is obeyed; a request without any would be refused by every server.
  if (const std::string* host = find_header(request.headers, "host"))
    request.authority = *host;
  else
    set_host(request, target_authority, true);
}

const std::string& RequestRewriter::color_name() const noexcept {
  return rules_->color.name;
}

}  // namespace gray
