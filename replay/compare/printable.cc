#include "replay/compare/printable.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/content/utf8.h"

namespace gray {
namespace {

constexpr std::string_view kCut = "…";

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

std::string printable(std::string_view text, std::size_t limit) {
  const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (text.size() <= limit && std::all_of(text.begin(), text.end(), is_plain))
    return std::string(text);
  std::string out;
  std::size_t whole = 0;  // of `out`: where "…" still fits behind
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view bytes = text.substr(at, utf8_size(text, at));
    const bool invalid = bytes.size() == 1 && static_cast<unsigned char>(bytes[0]) >= 0x80;
    if (invalid || is_control(bytes))
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
