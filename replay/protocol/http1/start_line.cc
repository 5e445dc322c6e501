#include "replay/protocol/http1/start_line.h"

#include <algorithm>

#include "replay/protocol/token.h"

namespace gray::http1 {
namespace {

constexpr std::size_t kMaxMethod = 64;  // bytes

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_version(std::string_view word) noexcept {
  return word.size() == 8 && word.starts_with("HTTP/") && is_digit(word[5]) && word[6] == '.' &&
         is_digit(word[7]);
}

std::string_view trim(std::string_view text) noexcept {
  return trim_if(text, [](char c) { return is_ows(c) || c == '\r' || c == '\n'; });
}

}  // namespace

std::optional<RequestLine> parse_request_line(std::string_view line) noexcept {
  const std::size_t space = line.find(' ');
  if (space == 0 || space > kMaxMethod) return std::nullopt;
  RequestLine parts{line.substr(0, space), trim(line.substr(space)), {}};
  if (!is_token(parts.method)) return std::nullopt;
  const std::size_t last = parts.target.rfind(' ') + 1;  // 0 when it is one word
  if (is_version(parts.target.substr(last))) {
    parts.version = parts.target.substr(last);
    parts.target = trim(parts.target.substr(0, last));
    return parts;
  }
  if (last != 0 || !parts.target.starts_with('/')) return std::nullopt;
  return parts;
}

std::optional<StatusLine> parse_status_line(std::string_view line) noexcept {
  constexpr std::size_t kVersion = 8;  // bytes of "HTTP/1.1"
  line = trim(line);
  if (line.size() < kVersion || !is_version(line.substr(0, kVersion))) return std::nullopt;
  const std::string_view rest = trim(line.substr(kVersion));
  if (rest.size() < 3 || line[kVersion] != ' ') return std::nullopt;
  if (!std::all_of(rest.begin(), rest.begin() + 3, is_digit) || rest[0] == '0') return std::nullopt;
  if (rest.size() > 3 && rest[3] != ' ' && rest[3] != '\t') return std::nullopt;
  const int status = (rest[0] - '0') * 100 + (rest[1] - '0') * 10 + rest[2] - '0';
  return StatusLine{line.substr(0, kVersion), status, trim(rest.substr(3))};
}

}  // namespace gray::http1
