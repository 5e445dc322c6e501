#include "replay/compare/printable.h"

#include <fmt/format.h>

namespace gray {
namespace {

constexpr std::string_view kCut = "…";

bool continues(std::string_view text, std::size_t at, unsigned char low,
               unsigned char high) noexcept {
  if (at >= text.size()) return false;
  const auto byte = static_cast<unsigned char>(text[at]);
  return byte >= low && byte <= high;
}

// C0 and C1 control characters, DEL, and the marks that turn the direction of text around.
bool is_control(std::string_view character) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  if (character.size() == 2) return byte(0) == 0xc2 && byte(1) < 0xa0;
  if (character.size() != 3 || byte(0) != 0xe2) return false;
  return (byte(1) == 0x80 && (byte(2) == 0x8e || byte(2) == 0x8f || byte(2) >= 0xa8)) ||
         (byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9);
}

std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

std::size_t utf8_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(text, 1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned char low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned char high = first == 0xed ? 0x9f : 0xbf;
    return continues(text, 1, low, high) && continues(text, 2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first < 0xf0 || first > 0xf4) return 0;
  const unsigned char low = first == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xf4 ? 0x8f : 0xbf;
  return continues(text, 1, low, high) && continues(text, 2, 0x80, 0xbf) &&
                 continues(text, 3, 0x80, 0xbf)
             ? 4
             : 0;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  std::size_t whole = 0;  // of `out`: where "…" still fits behind
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    const std::string_view bytes = text.substr(at, length == 0 ? 1 : length);
    if (length == 0 || is_control(bytes))
      out += escaped(bytes);
    else
      out += bytes;
    at += bytes.size();
    if (out.size() + kCut.size() <= limit) whole = out.size();
    if (out.size() > limit) {
      out.resize(whole);
      return out += kCut;
    }
  }
  return out;
}

}  // namespace gray
