#include "replay/protocol/http1/request_line.h"

#include <algorithm>

namespace gray::http1 {
namespace {

constexpr std::size_t kMaxMethod = 64;  // bytes

bool is_token_char(char c) noexcept {  // RFC 9110 section 5.6.2
  if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_version(std::string_view word) noexcept {
  return word.size() == 8 && word.starts_with("HTTP/") && is_digit(word[5]) && word[6] == '.' &&
         is_digit(word[7]);
}

std::string_view trim(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

}  // namespace

std::optional<RequestLine> parse_request_line(std::string_view line) noexcept {
  const std::size_t space = line.find(' ');
  if (space == 0 || space > kMaxMethod) return std::nullopt;
  RequestLine parts{line.substr(0, space), trim(line.substr(space)), {}};
  if (!std::all_of(parts.method.begin(), parts.method.end(), is_token_char)) return std::nullopt;
  const std::size_t last = parts.target.rfind(' ') + 1;  // 0 when it is one word
  if (is_version(parts.target.substr(last))) {
    parts.version = parts.target.substr(last);
    parts.target = trim(parts.target.substr(0, last));
    return parts;
  }
  if (last != 0 || !parts.target.starts_with('/')) return std::nullopt;
  return parts;
}

}  // namespace gray::http1
