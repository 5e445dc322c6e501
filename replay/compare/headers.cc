#include <algorithm>
#include <map>

#include "replay/compare/message_diff.h"
#include "replay/compare/printable.h"

namespace gray {
namespace {

using Values = std::vector<std::string_view>;
using ByName = std::map<std::string, Values>;

ByName by_name(const Headers& headers, const IgnoreSet& ignores) {
  ByName names;
  for (const Header& header : headers) {
    std::string name = lower_case(header.name);
    if (!ignores.header(name)) names[std::move(name)].push_back(header.value);
  }
  return names;
}

// "session=secret; Path=/" is "session".
void keep_cookie_names(ByName& headers) {
  const auto found = headers.find("set-cookie");
  if (found == headers.end()) return;
  for (std::string_view& value : found->second) value = value.substr(0, value.find_first_of("=;"));
  std::sort(found->second.begin(), found->second.end());
}

std::string joined(const Values& values) {
  std::string list;
  for (const std::string_view value : values) {
    if (!list.empty()) list += ", ";
    list += value;
  }
  return list;
}

std::string joined_scrubbed(const Values& values, const std::string& field,
                            const Scrubber& scrubber) {
  std::string list;
  for (const std::string_view value : values) {
    if (!list.empty()) list += ", ";
    list += scrubber.scrub_value(field, value);
  }
  return list;
}

void compare_values(const std::string& name, const Values& production, const Values& canary,
                    const Scrubber& scrubber, Comparison& out) {
  const std::string raw = joined(canary);
  if (production.empty() == canary.empty() && joined(production) == raw) return;
  const std::string field = "header." + name;
  const std::string production_text = joined_scrubbed(production, field, scrubber);
  const std::string canary_text = joined_scrubbed(canary, field, scrubber);
  const bool both = !production.empty() && !canary.empty();
  if (both && (production_text == raw || production_text == canary_text)) return;
  const auto shown = [](const Values& values, const std::string& text) {
    return !values.empty() && text.empty() ? "(empty)" : printable(text);
  };
  out.add(printable(scrubber.scrub_text(field)), shown(production, production_text),
          shown(canary, canary_text));
}

}  // namespace

void compare_headers(const Headers& production, const Headers& canary, const IgnoreSet& ignores,
                     CookieValues cookies, const Scrubber& scrubber, Comparison& out) {
  ByName left = by_name(production, ignores);
  ByName right = by_name(canary, ignores);
  if (cookies == CookieValues::Ignored) {
    keep_cookie_names(left);
    keep_cookie_names(right);
  }
  for (const auto& [name, values] : left) {
    const auto found = right.find(name);
    compare_values(name, values, found == right.end() ? Values{} : found->second, scrubber, out);
  }
  for (const auto& [name, values] : right)
    if (!left.contains(name)) compare_values(name, {}, values, scrubber, out);
}

}  // namespace gray
