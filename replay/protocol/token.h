// What HTTP makes names of, tokens (RFC 9110 section 5.6.2), and the space between. For any thread.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace gray {

namespace detail {

constexpr std::array<bool, 256> token_chars() noexcept {
  std::array<bool, 256> is{};
  for (unsigned c = 0; c < 26; ++c) is['a' + c] = is['A' + c] = true;
  for (unsigned c = 0; c < 10; ++c) is['0' + c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) is[static_cast<unsigned char>(c)] = true;
  return is;
}

inline constexpr std::array<bool, 256> kTokenChars = token_chars();

}  // namespace detail

/// Optional white space (RFC 9110 section 5.6.3).
constexpr bool is_ows(char c) noexcept {
  return c == ' ' || c == '\t';
}

/// `text` without the characters that `is_space` knows at its ends.
template <class IsSpace>
constexpr std::string_view trim_if(std::string_view text, IsSpace is_space) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

constexpr std::string_view trim_ows(std::string_view text) noexcept {
  return trim_if(text, is_ows);
}

constexpr bool is_token_char(char c) noexcept {
  return detail::kTokenChars[static_cast<unsigned char>(c)];
}

/// Of the token that `text` begins with, in bytes; 0 when it begins with none.
constexpr std::size_t token_size(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && is_token_char(text[size])) ++size;
  return size;
}

constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && token_size(text) == text.size();
}

}  // namespace gray
