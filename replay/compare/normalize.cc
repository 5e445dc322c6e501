#include "replay/compare/normalize.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "replay/compare/timestamp.h"
#include "replay/scrub/chars.h"

namespace gray {
namespace {

std::string one_space(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!is_space(c))
      out += c;
    else if (out.empty() || out.back() != ' ')
      out += ' ';
  }
  return out;
}

std::string sorted_list(std::string_view text) {
  std::vector<std::string_view> items;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    items.push_back(trim(text.substr(0, comma)));
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
  }
  std::sort(items.begin(), items.end());
  return fmt::format("{}", fmt::join(items, ", "));
}

std::string rounded(std::string text, double step) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return text;
  return fmt::format("{:.17g}", std::round(value / step) * step + 0.0);
}

std::string truncated(std::string text, std::uint64_t step_ns) {
  const auto time = parse_time(text);
  if (!time || *time < 0) return text;
  const auto ns = static_cast<std::uint64_t>(*time);
  return fmt::format("{}", ns - ns % step_ns);
}

std::string apply(const Normalizer& normalizer, std::string text) {
  switch (normalizer.kind) {
    case Normalizer::Kind::Lower:
      for (char& c : text) c = to_lower(c);
      return text;
    case Normalizer::Kind::Trim:
      return std::string(trim(text));
    case Normalizer::Kind::Spaces:
      return one_space(text);
    case Normalizer::Kind::Sort:
      return sorted_list(text);
    case Normalizer::Kind::Replace:
      RE2::GlobalReplace(&text, *normalizer.regex, normalizer.with);
      return text;
    case Normalizer::Kind::Round:
      return rounded(std::move(text), normalizer.step);
    case Normalizer::Kind::Truncate:
      return truncated(std::move(text), normalizer.step_ns);
  }
  return text;
}

}  // namespace

std::string normalize(const std::vector<Normalizer>& normalizers, std::string_view text) {
  std::string out(text);
  for (const Normalizer& normalizer : normalizers) out = apply(normalizer, std::move(out));
  return out;
}

}  // namespace gray
