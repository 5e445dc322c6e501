#include <algorithm>

#include "replay/compare/answer_diff.h"
#include "replay/compare/header_values.h"
#include "replay/protocol/grpc/call.h"

namespace gray {
namespace {

constexpr std::string_view kSetCookie = "set-cookie";

std::vector<std::string> sorted_elements(std::string_view list) {
  std::vector<std::string> elements;
  while (true) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view element = list.substr(0, comma);
    while (element.starts_with(' ')) element.remove_prefix(1);
    elements.emplace_back(element);
    if (comma == list.size()) break;
    list.remove_prefix(comma + 1);
  }
  std::sort(elements.begin(), elements.end());
  return elements;
}

/// "5 NOT_FOUND"
std::string status_text(int status) {
  const std::string_view name = grpc::status_name(status);
  return std::to_string(status) + (name.empty() ? "" : " ") + std::string(name);
}

// The same names in the same order, each once, as of two versions of one program. Names that are
// compared in another way than by their value are left to who sorts them.
bool same_names(const Headers& a, const Headers& b) noexcept {
  constexpr std::size_t kMost = 24;  // each is compared with all
  if (a.size() != b.size() || a.size() > kMost) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name || same_name(a[i].name, kSetCookie)) return false;
    for (std::size_t other = 0; other < i; ++other)
      if (same_name(a[i].name, a[other].name)) return false;
  }
  return true;
}

bool same_headers(const Headers& a, const Headers& b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Header& left, const Header& right) {
                      return left.name == right.name && left.value == right.value;
                    });
}

}  // namespace

bool AnswerDiff::grpc_status(const AnswerHeaders& production, const AnswerHeaders& canary) {
  if (!production.status || !canary.status || production.status == canary.status) return false;
  const JsonStep place[] = {{"grpc-status", 0, false}};
  if (rules_.ignoring("trailer", place) != nullptr) return false;
  const bool one_is_ok = *production.status == 0 || *canary.status == 0;
  out_.add("trailer.grpc-status", status_text(*production.status), status_text(*canary.status),
           one_is_ok ? Cause::StatusClass : Cause::Value);
  const auto message = [](const AnswerHeaders& answer) {
    const std::string* value = find_header(*answer.trailers, "grpc-message");
    return value ? HeaderValues{*value} : HeaderValues{};
  };
  const HeaderValues left = message(production), right = message(canary);
  if (!left.empty() || !right.empty()) header("trailer", "grpc-message", left, right);
  return true;
}

void AnswerDiff::headers(std::string_view part, const Headers& production, const Headers& canary) {
  if (same_headers(production, canary)) return;
  if (same_names(production, canary)) {
    std::vector<std::pair<std::string, std::size_t>> differ;
    for (std::size_t i = 0; i < canary.size(); ++i)
      if (production[i].value != canary[i].value)
        differ.emplace_back(lower_case(canary[i].name), i);
    std::sort(differ.begin(), differ.end());
    for (const auto& [name, at] : differ) {
      const std::string_view before = production[at].value, after = canary[at].value;
      header(part, name, {&before, 1}, {&after, 1});
    }
    return;
  }
  HeadersByName left = headers_by_name(production), right = headers_by_name(canary);
  if (rules_.default_ignores()) {
    const bool values_differ = keep_cookie_names(left) != keep_cookie_names(right);
    if (values_differ && left[std::string(kSetCookie)] == right[std::string(kSetCookie)])
      note(std::string(part) + ".set-cookie", rules_.by_default());
  }
  for (const auto& [name, values] : left) {
    const auto found = right.find(name);
    header(part, name, values, found == right.end() ? HeaderValues{} : found->second);
  }
  for (const auto& [name, values] : right)
    if (!left.contains(name)) header(part, name, {}, values);
}

void AnswerDiff::header(std::string_view part, const std::string& name,
                        std::span<const std::string_view> production,
                        std::span<const std::string_view> canary) {
  const bool both = !production.empty() && !canary.empty();
  if (both && same_list(production, canary)) return;
  const JsonStep place[] = {{name, 0, false}};
  std::string field = header_field(part, name, scrubber_);
  if (const CompareRule* rule = rules_.ignoring(part, place)) return note(std::move(field), *rule);
  const std::string raw_production = joined(production), raw_canary = joined(canary);
  TreeNode before, after;
  before.kind = after.kind = TreeKind::String;
  before.text = raw_production;
  after.text = raw_canary;
  if (both && name == "content-type" && same_media(raw_production, raw_canary)) return;
  if (const CompareRule* rule = both ? rules_.allowing(part, place, before, after) : nullptr)
    return note(field, *rule);
  const bool cookie_names = rules_.default_ignores();
  const std::string left = scrubbed_header(name, production, cookie_names, scrubber_);
  const std::string right = scrubbed_header(name, canary, cookie_names, scrubber_);
  if (both && left == raw_canary) return;
  if (both && left == right) return note_scrubbed(field);
  const bool list = both && sorted_elements(raw_production) == sorted_elements(raw_canary);
  const Cause cause = !both || name == "content-type" ? Cause::Schema
                      : list                          ? Cause::Ordering
                             : cause_of_leaves(before, after, name, context_);
  out_.add(field, shown_header(production, left), shown_header(canary, right), cause);
}

}  // namespace gray
