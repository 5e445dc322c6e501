#include <algorithm>
#include <map>

#include "replay/compare/message_diff.h"
#include "replay/compare/printable.h"

namespace gray {
namespace {

constexpr std::string_view kSetCookie = "set-cookie";
constexpr std::string_view kComma = ", ";

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
Values cookie_names(Values values) {
  for (std::string_view& value : values) value = value.substr(0, value.find_first_of("=;"));
  std::sort(values.begin(), values.end());
  return values;
}

std::string joined(const Values& values) {
  std::string list;
  for (const std::string_view value : values) {
    if (!list.empty()) list += kComma;
    list += value;
  }
  return list;
}

class HeaderDiff {
 public:
  HeaderDiff(CookieValues cookies, const Scrubber& scrubber, Comparison& out)
      : cookies_(cookies), scrubber_(scrubber), out_(out) {}

  void compare(const std::string& name, const Values& production, const Values& canary) {
    const bool names_only = cookies_ == CookieValues::Ignored && name == kSetCookie;
    if (names_only)
      compare_values(name, cookie_names(production), cookie_names(canary));
    else
      compare_values(name, production, canary);
  }

 private:
  void compare_values(const std::string& name, const Values& production, const Values& canary) {
    const bool both = !production.empty() && !canary.empty();
    const std::string raw = joined(canary);
    if (both && joined(production) == raw) return;
    const std::string left = scrubbed(name, production);
    const std::string right = scrubbed(name, canary);
    if (both && (left == raw || left == right)) return;
    out_.add("header." + printable(scrubber_.scrub_text(name)), shown(production, left),
             shown(canary, right));
  }

  std::string scrubbed(const std::string& name, const Values& values) const {
    const bool names_only = cookies_ == CookieValues::Ignored && name == kSetCookie;
    std::string list;
    for (const std::string_view value : values) {
      if (!list.empty()) list += kComma;
      list +=
          names_only ? scrubber_.scrub_text(value) : scrubber_.scrub_value("header." + name, value);
    }
    return list;
  }

  static std::string shown(const Values& values, const std::string& text) {
    if (values.empty() || !text.empty()) return printable(text);
    return joined(values).empty() ? "(empty)" : "(scrubbed)";
  }

  CookieValues cookies_;
  const Scrubber& scrubber_;
  Comparison& out_;
};

}  // namespace

void compare_headers(const Headers& production, const Headers& canary, const IgnoreSet& ignores,
                     CookieValues cookies, const Scrubber& scrubber, Comparison& out) {
  const ByName left = by_name(production, ignores);
  const ByName right = by_name(canary, ignores);
  HeaderDiff diff(cookies, scrubber, out);
  for (const auto& [name, values] : left) {
    const auto found = right.find(name);
    diff.compare(name, values, found == right.end() ? Values{} : found->second);
  }
  for (const auto& [name, values] : right)
    if (!left.contains(name)) diff.compare(name, {}, values);
}

}  // namespace gray
