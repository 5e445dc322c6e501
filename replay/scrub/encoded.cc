#include "replay/scrub/encoded.h"

#include "replay/content/utf8.h"
#include "replay/scrub/chars.h"
#include "replay/scrub/json.h"

namespace gray {
namespace {

constexpr unsigned kMaxDepth = 3;  // encodings within encodings

bool is_unreserved(char c) {
  return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/// What a percent-encoded word is made of; everything else parts words.
bool is_word_char(char c) {
  return is_unreserved(c) || c == '%' || c == '+' || c == '@';
}

/// The value of `count` hex digits at `pos`, or -1.
int hex_at(std::string_view text, std::size_t pos, std::size_t count) {
  if (pos + count > text.size()) return -1;
  int value = 0;
  for (std::size_t i = pos; i < pos + count; ++i) {
    const int digit = hex_value(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

std::string decode(std::string_view text, bool plus_is_space) {
  if (text.find('%') == text.npos && (!plus_is_space || text.find('+') == text.npos))
    return std::string(text);
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '+' && plus_is_space && i > 0) {
      decoded += ' ';
    } else if (c == '%' && hex_at(text, i + 1, 2) >= 0) {
      decoded += static_cast<char>(hex_at(text, i + 1, 2));
      i += 2;
    } else if (c == '%' && i + 1 < text.size() && to_lower(text[i + 1]) == 'u' &&
               hex_at(text, i + 2, 4) >= 0) {
      append_utf8(decoded, static_cast<std::uint32_t>(hex_at(text, i + 2, 4)));
      i += 5;
    } else {
      decoded += c;
    }
  }
  return decoded;
}

template <class Stays>
std::string encode(std::string_view text, Stays&& stays) {
  std::string encoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (stays(text[i], i)) {
      encoded += text[i];
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(text[i]);
    constexpr char kHex[] = "0123456789ABCDEF";
    encoded += '%';
    encoded += kHex[byte >> 4];
    encoded += kHex[byte & 15];
  }
  return encoded;
}

bool scrub_encoded_words(const Policy& policy, Part part, std::string& text, unsigned depth) {
  if (depth > kMaxDepth || text.find('%') == std::string::npos) return false;
  bool changed = false;
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    bool encoded = false;
    while (end < text.size() && is_word_char(text[end])) encoded |= text[end++] == '%';
    std::string word = text.substr(i, end - i);
    if (encoded) {
      std::string decoded = percent_decode(word);
      if (decoded != word && scrub_value(policy, part, decoded, depth + 1)) {
        word = encode(decoded, [](char c, std::size_t) { return is_unreserved(c) || c == '@'; });
        changed = true;
      }
    }
    result += word;
    if (end < text.size()) result += text[end];
    i = end + 1;
  }
  if (changed) text = std::move(result);
  return changed;
}

}  // namespace

std::string percent_decode(std::string_view text) {
  return decode(text, false);
}
std::string form_decode(std::string_view text) {
  return decode(text, true);
}

std::string percent_encode(std::string_view text) {
  return encode(text, [](char c, std::size_t) { return is_unreserved(c); });
}

std::string form_encode(std::string_view text) {
  std::string encoded =
      encode(text, [](char c, std::size_t) { return is_unreserved(c) || c == '*' || c == ' '; });
  for (char& c : encoded)
    if (c == ' ') c = '+';
  return encoded;
}

bool scrub_value(const Policy& policy, Part part, std::string& value, unsigned depth) {
  if (value.empty()) return false;
  if (depth <= kMaxDepth && looks_like_json(value)) {
    const JsonResult result = scrub_json(policy, value, {.part = part, .depth = depth + 1});
    if (result != JsonResult::Bad) return result == JsonResult::Changed;
  }
  const bool changed = policy.scrub_text(part, value);
  return scrub_encoded_words(policy, part, value, depth) || changed;
}

}  // namespace gray
