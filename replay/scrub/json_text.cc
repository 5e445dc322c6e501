#include "replay/scrub/json_text.h"

#include <algorithm>
#include <charconv>

#include "replay/content/utf8.h"
#include "replay/scrub/chars.h"

namespace gray {
namespace {

constexpr std::size_t kLongestNumber = 24;  // that any pattern knows

bool is_high_surrogate(int unit) {
  return unit >= 0xd800 && unit <= 0xdbff;
}
bool is_low_surrogate(int unit) {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

}  // namespace

int four_hex(std::string_view text, std::size_t pos) {
  int value = 0;
  for (std::size_t i = pos; i < pos + 4; ++i) {
    const int digit = i < text.size() ? hex_value(text[i]) : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool is_json_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool leading_zero = text.size() > 1 && text[0] == '0' && is_digit(text[1]);
  return !text.empty() && is_digit(text[0]) && !leading_zero &&
         text.find_first_not_of("0123456789.") == std::string_view::npos &&
         std::count(text.begin(), text.end(), '.') <= 1 && is_digit(text.back());
}

std::string plain_digits(std::string_view number) {
  const std::size_t e = number.find_first_of("eE");
  const std::size_t dot = std::min(number.find('.'), e);
  const std::size_t fraction = dot < e ? e - dot - 1 : 0;
  std::string_view text = number.substr(e + 1);
  if (text.starts_with('+')) text.remove_prefix(1);
  std::size_t exponent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (error != std::errc{} || exponent > kLongestNumber || fraction > exponent) return {};
  std::string digits(number.substr(0, e));
  std::erase(digits, '.');
  return digits.append(exponent - fraction, '0');
}

std::string unescape_json(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      text += raw[i];
      continue;
    }
    constexpr std::string_view kEscapes = "bfnrt", kMeanings = "\b\f\n\r\t";
    const char escape = raw[++i];
    if (const std::size_t known = kEscapes.find(escape); known != std::string_view::npos) {
      text += kMeanings[known];
    } else if (escape != 'u') {
      text += escape;
    } else {
      int unit = four_hex(raw, i + 1);
      i += 4;
      if (is_high_surrogate(unit) && raw.substr(std::min(i + 1, raw.size()), 2) == "\\u" &&
          is_low_surrogate(four_hex(raw, i + 3))) {
        unit = 0x10000 + ((unit - 0xd800) << 10) + (four_hex(raw, i + 3) - 0xdc00);
        i += 6;
      } else if (unit < 0 || (unit >= 0xd800 && unit <= 0xdfff)) {
        unit = 0xfffd;
      }
      append_utf8(text, static_cast<std::uint32_t>(unit));
    }
  }
  return text;
}

std::string quote_json(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += "\\u00";
      quoted += kHex[c >> 4];
      quoted += kHex[c & 15];
    } else {
      quoted += c;
    }
  }
  return quoted += '"';
}

}  // namespace gray
