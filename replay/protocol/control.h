// Finds control characters, which few texts have, eight bytes at a time. For any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace gray {

namespace detail {

/// Whether one of eight bytes is below 0x20 or 0x7f: Mycroft's test for a byte below n, and for
/// zero. Exact, whatever the other bytes are.
constexpr bool word_has_control(std::uint64_t word) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  const std::uint64_t del = word ^ (kOnes * 0x7f);
  return ((((word - kOnes * 0x20) & ~word) | ((del - kOnes) & ~del)) & kHigh) != 0;
}

}  // namespace detail

/// Whether a byte of `text` is a control character of ASCII: C0, with tab, CR, LF and NUL, or DEL.
inline bool has_control(std::string_view text) noexcept {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const auto word_at = [&](std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, kWord);
    return word;
  };
  if (text.size() >= kWord) {
    for (std::size_t at = 0; at + kWord < text.size(); at += kWord)
      if (detail::word_has_control(word_at(at))) return true;
    return detail::word_has_control(word_at(text.size() - kWord));
  }
  std::uint64_t word = 0x2020202020202020;
  for (const char c : text) word = word << 8 | static_cast<unsigned char>(c);
  return detail::word_has_control(word);
}

/// Whether `text` cannot stand in one line of a message: it has a CR, LF or NUL.
inline bool breaks_line(std::string_view text) noexcept {
  constexpr std::string_view kBreaks("\r\n\0", 3);
  return has_control(text) && text.find_first_of(kBreaks) != std::string_view::npos;
}

}  // namespace gray
