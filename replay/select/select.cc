#include "replay/select/select.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "bpf/tag.h"
#include "replay/protocol/token.h"
#include "replay/select/regex.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

constexpr std::array<std::string_view, 4> kSafeMethods{"GET", "HEAD", "OPTIONS", "TRACE"};
constexpr int kSwitchingProtocols = 101;

struct HeaderRule {
  std::string name;
  std::unique_ptr<const RE2> regex;
};

enum class SampleKey { Flow, Header, Cookie };

bool any_match(const std::vector<std::unique_ptr<const RE2>>& regexes, std::string_view text) {
  return std::any_of(regexes.begin(), regexes.end(),
                     [&](const auto& regex) { return found(*regex, text); });
}

std::vector<std::unique_ptr<const RE2>> compile_all(const std::vector<std::string>& sources,
                                                    std::string_view option) {
  std::vector<std::unique_ptr<const RE2>> regexes;
  for (const std::string& source : sources) regexes.push_back(compile_regex(source, option));
  return regexes;
}

HeaderRule parse_header_rule(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  if (colon == std::string::npos || !is_token(name))
    throw UsageError(
        fmt::format("--allow-header '{}': write it like 'Content-Type:application/json'", text));
  const std::size_t start = text.find_first_not_of(' ', colon + 1);
  return {name, compile_regex(start == std::string::npos ? "" : text.substr(start),
                              "--allow-header " + name)};
}

std::vector<std::string> parse_methods(const std::vector<std::string>& methods) {
  if (methods.empty()) return {kSafeMethods.begin(), kSafeMethods.end()};
  for (const std::string& method : methods) {
    if (!is_token(method))
      throw UsageError(fmt::format("--allow-method '{}' is not a method", method));
    if (method == "all" || method == "ALL" || method == "any")
      throw UsageError("--allow-method: name the methods one by one, like GET,HEAD,POST");
  }
  return methods;
}

/// FNV-1a, then the flow tag's finaliser: spreads well, and is the same on every machine.
std::uint64_t hash_key(std::string_view key, std::uint64_t seed) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325 ^ gray_mix(seed);
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return gray_mix(hash);
}

/// A cookie of the request, RFC 6265 section 5.4: "a=1; b=2".
std::optional<std::string_view> find_cookie(const Headers& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (!same_name(header.name, "cookie")) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::string_view pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
      const std::size_t start = std::min(pair.find_first_not_of(" \t"), pair.size());
      const std::size_t equals = pair.find('=', start);
      if (equals != std::string_view::npos && pair.substr(start, equals - start) == name)
        return pair.substr(equals + 1);
    }
  }
  return std::nullopt;
}

bool is_upgrade(const Exchange& exchange) noexcept {
  if (exchange.request.method == "CONNECT") return true;
  if (exchange.response) return exchange.response->status == kSwitchingProtocols;
  return find_header(exchange.request.headers, "upgrade") != nullptr;
}

}  // namespace

struct Selector::Rules {
  std::vector<std::string> methods;
  std::vector<std::unique_ptr<const RE2>> allow_urls;
  std::vector<std::unique_ptr<const RE2>> disallow_urls;
  std::vector<HeaderRule> allow_headers;
  SampleKey sample_key = SampleKey::Flow;
  std::string sample_name;
  bool sample_all = true;
  std::uint64_t threshold = 0;
  std::uint64_t seed = 0;
  std::string color_name;

  void set_sample(const SelectOptions& options);
  bool method_allowed(const std::string& method) const;
  bool url_allowed(const std::string& target) const;
  bool headers_allowed(const Headers& headers) const;
  bool sampled(const Exchange& exchange) const;
};

void Selector::Rules::set_sample(const SelectOptions& options) {
  if (!(options.share > 0 && options.share <= 1))
    throw UsageError("--sample must be above 0% and at most 100%");
  sample_all = options.share >= 1;
  threshold = share_threshold(options.share);
  seed = options.seed;
  const std::string& by = options.sample_by;
  if (by == "flow") return;
  const std::size_t colon = by.find(':');
  const std::string kind = by.substr(0, colon);
  if (colon != std::string::npos) sample_name = by.substr(colon + 1);
  if ((kind != "header" && kind != "cookie") || !is_token(sample_name))
    throw UsageError(fmt::format("--sample-by '{}': want flow, header:NAME or cookie:NAME", by));
  sample_key = kind == "header" ? SampleKey::Header : SampleKey::Cookie;
}

bool Selector::Rules::method_allowed(const std::string& method) const {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

bool Selector::Rules::url_allowed(const std::string& target) const {
  if (!allow_urls.empty() && !any_match(allow_urls, target)) return false;
  return !any_match(disallow_urls, target);
}

bool Selector::Rules::headers_allowed(const Headers& headers) const {
  return std::all_of(allow_headers.begin(), allow_headers.end(), [&](const HeaderRule& rule) {
    return std::any_of(headers.begin(), headers.end(), [&](const Header& header) {
      return same_name(header.name, rule.name) && found(*rule.regex, header.value);
    });
  });
}

bool Selector::Rules::sampled(const Exchange& exchange) const {
  if (sample_all) return true;
  if (sample_key == SampleKey::Header) {
    if (const std::string* value = find_header(exchange.request.headers, sample_name))
      return hash_key(*value, seed) <= threshold;
  } else if (sample_key == SampleKey::Cookie) {
    if (const auto value = find_cookie(exchange.request.headers, sample_name))
      return hash_key(*value, seed) <= threshold;
  }
  const std::uint64_t tag = exchange.flow_tag;
  return (seed == 0 ? tag : gray_mix(tag ^ gray_mix(seed))) <= threshold;
}

Selector::Selector(const SelectOptions& options) {
  auto rules = std::make_unique<Rules>();
  rules->methods = parse_methods(options.methods);
  rules->allow_urls = compile_all(options.allow_urls, "--allow-url");
  rules->disallow_urls = compile_all(options.disallow_urls, "--disallow-url");
  for (const std::string& text : options.allow_headers)
    rules->allow_headers.push_back(parse_header_rule(text));
  rules->set_sample(options);
  rules->color_name = options.color_name;
  rules_ = std::move(rules);
}

Selector::~Selector() = default;
Selector::Selector(Selector&&) noexcept = default;
Selector& Selector::operator=(Selector&&) noexcept = default;

const char* Selector::refuse(const Exchange& exchange) const noexcept {
  const Request& request = exchange.request;
  if (find_header(request.headers, rules_->color_name)) return "own";
  if (request.method.empty() || request.target.empty()) return "no_request";
  if (!request.complete) return "incomplete";
  if (request.truncated) return "truncated";
  if (request.unknown_headers > 0) return "unknown_headers";
  if (is_upgrade(exchange)) return "upgrade";
  if (!rules_->method_allowed(request.method)) return "method";
  if (!rules_->url_allowed(request.target)) return "url";
  if (!rules_->headers_allowed(request.headers)) return "header";
  if (!rules_->sampled(exchange)) return "sampled";
  return nullptr;
}

}  // namespace gray
