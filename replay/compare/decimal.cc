#include "replay/compare/decimal.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace gray {
namespace {

// The value is 0.DIGITS × 10^exponent; digits have no zero at either end, so the form is unique.
struct Decimal {
  bool negative = false;
  std::string digits;  // empty: zero
  std::int64_t exponent = 0;

  bool operator==(const Decimal&) const = default;
};

// Absent when the exponent has so many digits that its value could overflow below.
std::optional<std::int64_t> exponent_of(std::string_view text) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 60;
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value > kLimit || value < -kLimit) return std::nullopt;
  return value;
}

std::optional<Decimal> decimal_of(std::string_view text) {
  Decimal decimal;
  if (text.starts_with('-')) {
    decimal.negative = true;
    text.remove_prefix(1);
  }
  const std::size_t e = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, e);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  decimal.digits = mantissa.substr(0, point);
  if (point < mantissa.size()) decimal.digits += mantissa.substr(point + 1);

  const std::size_t leading = decimal.digits.find_first_not_of('0');
  if (leading == std::string::npos) return Decimal{};
  decimal.digits.erase(0, leading);
  decimal.digits.erase(decimal.digits.find_last_not_of('0') + 1);
  decimal.exponent = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(leading);
  if (e == std::string_view::npos) return decimal;
  const auto exponent = exponent_of(text.substr(e + 1));
  if (!exponent) return std::nullopt;
  decimal.exponent += *exponent;
  return decimal;
}

}  // namespace

bool same_number(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const auto left = decimal_of(a);
  const auto right = decimal_of(b);
  return left && right && *left == *right;
}

std::string canonical_number(std::string_view number) {
  const auto decimal = decimal_of(number);
  if (!decimal) return std::string(number);
  return (decimal->negative ? "-" : "") + decimal->digits + 'e' + std::to_string(decimal->exponent);
}

}  // namespace gray
