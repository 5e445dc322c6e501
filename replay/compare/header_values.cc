#include "replay/compare/header_values.h"

#include <algorithm>

#include "replay/compare/compare.h"
#include "replay/compare/printable.h"

namespace gray {
namespace {

constexpr std::string_view kSetCookie = "set-cookie";
constexpr std::string_view kComma = ", ";

// Standard names are nobody's secret: nothing in them is looked for.
bool is_standard(std::string_view name) noexcept {
  return std::ranges::binary_search(Comparator::default_ignored_headers(), name);
}

}  // namespace

HeadersByName headers_by_name(const Headers& headers) {
  HeadersByName names;
  for (const Header& header : headers) names[lower_case(header.name)].push_back(header.value);
  return names;
}

HeaderValues keep_cookie_names(HeadersByName& names) {
  const auto found = names.find(std::string(kSetCookie));
  if (found == names.end()) return {};
  HeaderValues& values = found->second;
  std::sort(values.begin(), values.end());
  HeaderValues before = values;
  for (std::string_view& value : values) value = value.substr(0, value.find_first_of("=;"));
  std::sort(values.begin(), values.end());
  return before;
}

std::string joined(std::span<const std::string_view> values) {
  std::string list;
  for (const std::string_view value : values) {
    if (!list.empty()) list += kComma;
    list += value;
  }
  return list;
}

bool same_list(std::span<const std::string_view> a, std::span<const std::string_view> b) {
  return a.size() == 1 && b.size() == 1 ? a[0] == b[0] : joined(a) == joined(b);
}

std::string header_field(std::string_view part, std::string_view name, const Scrubber& scrubber) {
  std::string field(part);
  field += '.';
  field += is_standard(name) ? std::string(name) : printable(scrubber.scrub_text(name));
  return field;
}

std::string scrubbed_header(std::string_view name, std::span<const std::string_view> values,
                            bool cookie_names, const Scrubber& scrubber) {
  const bool names_only = cookie_names && name == kSetCookie;
  std::string list;
  for (const std::string_view value : values) {
    if (!list.empty()) list += kComma;
    list += names_only ? scrubber.scrub_text(value)
                       : scrubber.scrub_value("header." + std::string(name), value);
  }
  return list;
}

std::string shown_header(std::span<const std::string_view> values, const std::string& scrubbed) {
  if (values.empty() || !scrubbed.empty()) return printable(scrubbed);
  return joined(values).empty() ? "(empty)" : "(scrubbed)";
}

}  // namespace gray
