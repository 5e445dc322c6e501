#include "replay/compare/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "replay/compare/decimal.h"
#include "replay/compare/printable.h"
#include "replay/compare/rules_reader.h"
#include "replay/compare/timestamp.h"
#include "replay/protocol/token.h"
#include "replay/scrub/chars.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

JsonPath parse_path(const std::string& path, std::string_view field) {
  std::string error;
  if (auto parsed = JsonPath::parse(path, error)) return std::move(*parsed);
  throw UsageError(fmt::format("'{}': {}; write it like json.$.ts, json.$.items[*].id, json.$..id",
                               printable(field), error));
}

// One step by its name, whatever is in it.
std::string path_of_name(std::string_view name) {
  const char quote = name.find('\'') == name.npos ? '\'' : '"';
  return name == "*" ? "$.*" : fmt::format("$[{}{}{}]", quote, name, quote);
}

std::optional<double> number_of(std::string_view text) noexcept {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

bool within(const CompareRule& rule, std::string_view a, std::string_view b) noexcept {
  if (rule.absolute || rule.relative) {
    const auto left = number_of(a), right = number_of(b);
    if (left && right) {
      const double distance = std::fabs(*left - *right);
      // What was written in decimal is a little off in binary.
      const double slack = 1e-12 * std::max(std::fabs(*left), std::fabs(*right));
      if (rule.absolute && distance <= *rule.absolute + slack) return true;
      if (rule.relative &&
          distance <= *rule.relative * std::max(std::fabs(*left), std::fabs(*right)) + slack)
        return true;
    }
  }
  if (!rule.within_ns) return false;
  const auto left = parse_time(a), right = parse_time(b);
  std::int64_t distance = 0;
  return left && right && !__builtin_sub_overflow(*left, *right, &distance) &&
         distance >= -*rule.within_ns && distance <= *rule.within_ns;
}

}  // namespace

FieldPattern FieldPattern::parse(std::string_view field) {
  const std::size_t end = std::min(field.find_first_of(".["), field.size());
  FieldPattern pattern{std::string(field.substr(0, end)), {}};
  const std::string_view rest = field.substr(end);
  const std::string_view name = rest.substr(std::min<std::size_t>(1, rest.size()));
  if (field == "status" || field == "body") return pattern;
  if (pattern.part == "json" || pattern.part == "proto") {
    if (rest.starts_with('.')) {
      pattern.path = parse_path(std::string(name), field);
      return pattern;
    }
  } else if ((pattern.part == "header" || pattern.part == "trailer") && rest.starts_with('.') &&
             is_token(name)) {
    pattern.path = parse_path(path_of_name(lower_case(name)), field);
    return pattern;
  } else if (pattern.part == "form" && rest.starts_with('.') && !name.empty()) {
    pattern.path = parse_path(path_of_name(name), field);
    return pattern;
  } else if (pattern.part == "text") {
    if (rest.starts_with('[')) pattern.path = parse_path("$" + std::string(rest), field);
    if (pattern.path || rest.empty()) return pattern;
  }
  throw UsageError(
      fmt::format("'{}': not a field; give status, body, header.NAME, trailer.NAME, "
                  "form.NAME, text[N], json.PATH like json.$.ts or proto.PATH",
                  printable(field)));
}

bool FieldPattern::matches(std::string_view part_of_place,
                           std::span<const JsonStep> place) const noexcept {
  return part == part_of_place && (!path || path->matches(place));
}

CompareRules::CompareRules(const CompareOptions& options,
                           std::span<const std::string_view> default_headers)
    : default_ignores_(options.default_ignores) {
  if (!options.rules.empty()) CompareRulesReader(options.rules, *this).read();
  for (const std::string& ignore : options.ignores) {
    CompareRule rule;
    try {
      rule.field = FieldPattern::parse(ignore);
    } catch (const UsageError& error) {
      throw UsageError(std::string("ignore ") + error.what());
    }
    rule.ignore = true;
    rule.why = "--ignore " + printable(ignore);
    rules_.push_back(std::move(rule));
  }
  if (default_ignores_) default_headers_.insert(default_headers.begin(), default_headers.end());
  default_rule_.why = "default";
  default_rule_.ignore = true;
  index();
}

void CompareRules::index() {
  for (const CompareRule& rule : rules_) {
    if (rule.ignore && rule.field.part == "status") status_ = &rule;
    if (rule.ignore && rule.field.part == "body") body_ = &rule;
    arrays_ |= rule.set || !rule.key.empty();
    values_ |= rule.ignore || rule.absolute || rule.relative || rule.within_ns ||
               !rule.normalizers.empty();
  }
}

const CompareRule* CompareRules::ignoring(std::string_view part,
                                          std::span<const JsonStep> place) const noexcept {
  if ((part == "header" || part == "trailer") && !place.empty() &&
      default_headers_.contains(place.front().key))
    return &default_rule_;
  for (const CompareRule& rule : rules_) {
    if (!rule.ignore || rule.field.part != part) continue;
    if (!rule.field.path || rule.field.path->matches_above(place)) return &rule;
  }
  return nullptr;
}

std::string CompareRules::normalized(std::string_view part, std::span<const JsonStep> place,
                                     std::string_view text) const {
  std::string out(text);
  for (const CompareRule& rule : rules_)
    if (!rule.normalizers.empty() && rule.field.matches(part, place))
      out = normalize(rule.normalizers, out);
  return out;
}

const CompareRule* CompareRules::allowing(std::string_view part, std::span<const JsonStep> place,
                                          const TreeNode& production,
                                          const TreeNode& canary) const {
  if (!values_ || production.container() || canary.container()) return nullptr;
  const std::string left = normalized(part, place, production.text);
  const std::string right = normalized(part, place, canary.text);
  const bool alike = production.kind == canary.kind && left == right;
  const auto allows = [&](const CompareRule& rule) {
    return rule.field.matches(part, place) &&
           (alike ? !rule.normalizers.empty() : within(rule, left, right));
  };
  const auto found = std::find_if(rules_.begin(), rules_.end(), allows);
  return found == rules_.end() ? nullptr : &*found;
}

const CompareRule* CompareRules::array_rule(std::string_view part,
                                            std::span<const JsonStep> place) const noexcept {
  for (const CompareRule& rule : rules_)
    if ((rule.set || !rule.key.empty()) && rule.field.matches(part, place)) return &rule;
  return nullptr;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = to_lower(c);
  return out;
}

}  // namespace gray
