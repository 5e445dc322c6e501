#include "replay/scrub/policy.h"

#include <algorithm>

#include "replay/scrub/chars.h"
#include "replay/scrub/encoded.h"
#include "replay/scrub/names.h"

namespace gray {
namespace {

constexpr Treatment kBuiltin{Action::Tokenize};

using NameRules = std::unordered_map<std::string, Treatment>;

std::optional<Treatment> look_up(const NameRules& rules, std::string_view name) {
  if (rules.empty()) return std::nullopt;
  const auto rule = rules.find(std::string(name));
  return rule == rules.end() ? std::nullopt : std::optional(rule->second);
}

std::optional<Treatment> builtin_if(bool secret) {
  return secret ? std::optional(kBuiltin) : std::nullopt;
}

std::string key_of(const Rules& rules) {
  return rules.key.empty() ? random_key() : rules.key;
}

}  // namespace

bool Policy::starts_before(const Treated& a, const Treated& b) noexcept {
  return a.where.begin < b.where.begin;
}

Policy::Policy(Rules rules) : rules_(std::move(rules)), redactor_(key_of(rules_)) {
  std::fill(rules_.key.begin(), rules_.key.end(), '\0');
}

std::optional<Treatment> Policy::header(std::string_view name) const {
  if (!rules_.headers.empty()) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(), to_lower);
    if (const auto rule = look_up(rules_.headers, lower)) return rule;
  }
  return builtin_if(rules_.builtin && is_secret_header(name));
}

std::optional<Treatment> Policy::cookie(std::string_view name) const {
  if (const auto rule = look_up(rules_.cookies, name)) return rule;
  return builtin_if(rules_.builtin);
}

std::optional<Treatment> Policy::query(std::string_view name, std::string_view value) const {
  if (const auto rule = look_up(rules_.queries, name)) return rule;
  return builtin_if(rules_.builtin && is_secret_parameter(name, value));
}

std::optional<Treatment> Policy::form(std::string_view name, std::string_view value) const {
  if (const auto rule = look_up(rules_.forms, name)) return rule;
  return builtin_if(rules_.builtin && is_secret_parameter(name, value));
}

std::optional<Treatment> Policy::json(std::span<const JsonStep> place,
                                      const std::optional<Treatment>& inherited) const {
  for (const JsonRule& rule : rules_.json)
    if (rule.path.matches(place)) return rule.treatment;
  if (inherited) return inherited;
  const bool named = !place.empty() && !place.back().is_index;
  return builtin_if(rules_.builtin && named && is_secret_name(place.back().key));
}

std::optional<Treatment> Policy::proto(std::span<const std::string> places, std::string_view name,
                                       const std::optional<Treatment>& inherited) const {
  if (!rules_.protos.empty())
    for (const std::string& place : places)
      if (const auto rule = look_up(rules_.protos, place + '.' + std::string(name))) return rule;
  if (inherited) return inherited;
  return builtin_if(rules_.builtin && is_secret_name(name));
}

std::vector<std::string> Policy::proto_rules() const {
  std::vector<std::string> fields;
  for (const auto& [field, treatment] : rules_.protos) fields.push_back(field);
  std::sort(fields.begin(), fields.end());
  return fields;
}

void Policy::find_by_rules(Part part, std::string_view text, std::vector<Treated>& found) const {
  for (const PatternRule& rule : rules_.patterns) {
    if (!rule.in[static_cast<std::size_t>(part)]) continue;
    const re2::StringPiece whole(text.data(), text.size());
    re2::StringPiece match;
    std::size_t from = 0;
    while (from < text.size() &&
           rule.regex->Match(whole, from, text.size(), RE2::UNANCHORED, &match, 1)) {
      const auto begin = static_cast<std::size_t>(match.data() - text.data());
      const std::size_t end = begin + match.size();
      if (end > begin) found.push_back({{begin, end, Kind::Opaque}, rule.treatment});
      from = std::max(end, from + 1);
    }
  }
  // Of findings that overlap the first counts.
  std::stable_sort(found.begin(), found.end(), starts_before);
  std::size_t end = 0;
  std::erase_if(found, [&](const Treated& hit) {
    if (hit.where.begin < end) return true;
    end = hit.where.end;
    return false;
  });
}

void Policy::find_builtin(std::string_view text, std::vector<Treated>& found) const {
  thread_local std::vector<Finding> builtin;
  builtin.clear();
  find_secrets(text, builtin);
  if (builtin.empty()) return;
  const std::size_t by_rules = found.size();
  std::size_t rule = 0;
  for (Finding finding : builtin) {
    // What a rule has spoken about is the rule's; the rest of the secret is still a secret.
    while (rule < by_rules && found[rule].where.end <= finding.begin) ++rule;
    for (std::size_t i = rule; i < by_rules && found[i].where.begin < finding.end; ++i) {
      const Finding ruled = found[i].where;
      if (ruled.begin > finding.begin)
        found.push_back({{finding.begin, ruled.begin, Kind::Opaque}, kBuiltin});
      finding = {std::min(ruled.end, finding.end), finding.end, Kind::Opaque};
    }
    if (finding.begin < finding.end) found.push_back({finding, kBuiltin});
  }
  std::sort(found.begin(), found.end(), starts_before);
}

std::string Policy::redact(const Treated& hit, std::string_view secret) const {
  if (hit.where.kind != Kind::Opaque)
    return redactor_.redact(hit.treatment, secret, hit.where.kind);
  if (secret.find('%') == std::string_view::npos) return redactor_.redact(hit.treatment, secret);
  const std::string decoded = percent_decode(secret);
  const std::string redacted = redactor_.redact(hit.treatment, decoded);
  return decoded == secret ? redacted : percent_encode(redacted);
}

bool Policy::scrub_text(Part part, std::string& text) const {
  thread_local std::vector<Treated> found;
  found.clear();
  if (!rules_.patterns.empty()) find_by_rules(part, text, found);
  if (rules_.builtin) find_builtin(text, found);
  if (found.empty()) return false;
  std::string result;
  std::size_t copied = 0;
  for (const Treated& hit : found) {
    const auto [begin, end, kind] = hit.where;
    result.append(text, copied, begin - copied);
    result += redact(hit, std::string_view(text).substr(begin, end - begin));
    copied = end;
  }
  result.append(text, copied);
  const bool changed = result != text;
  text = std::move(result);
  return changed;
}

}  // namespace gray
