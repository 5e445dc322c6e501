#include "replay/protocol/http1/recognise.h"

#include <llhttp.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "replay/protocol/http1/start_line.h"

namespace gray::http1 {
namespace {

constexpr std::size_t kMaxMethod = 32;   // bytes
constexpr std::size_t kMaxLine = 16000;  // bytes in which the request line has to end

#define GRAY_METHOD(number, id, text) std::string_view(#text),
constexpr std::array kMethods{HTTP_METHOD_MAP(GRAY_METHOD)};
#undef GRAY_METHOD

std::string_view text(std::span<const std::uint8_t> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view without_empty_lines(std::string_view line) noexcept {
  return line.substr(std::min(line.find_first_not_of("\r\n"), line.size()));
}

bool is_method(std::string_view word) noexcept {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

Match whole_line(std::string_view bytes, bool known_method) noexcept {
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) return bytes.size() > kMaxLine ? Match::No : Match::More;
  const auto line = parse_request_line(bytes.substr(0, end));
  return line && (known_method || (!line->version.empty() && !line->target.empty())) ? Match::Yes
                                                                                     : Match::No;
}

}  // namespace

Match recognise_request(std::span<const std::uint8_t> bytes) noexcept {
  const std::string_view line = without_empty_lines(text(bytes));
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view method = line.substr(0, space);
  if (line.empty()) return Match::More;
  if (space > kMaxMethod || !is_method(method)) return Match::No;
  if (space == line.size()) return Match::More;
  if (method == "PRI") return Match::No;
  const bool known = std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
  return whole_line(line, known);
}

Match recognise_response(std::span<const std::uint8_t> bytes) noexcept {
  static constexpr std::string_view kPattern = "HTTP/#.# ";
  const std::string_view line = without_empty_lines(text(bytes));
  const std::size_t length = std::min(line.size(), kPattern.size());
  for (std::size_t i = 0; i < length; ++i)
    if (kPattern[i] == '#' ? !is_digit(line[i]) : line[i] != kPattern[i]) return Match::No;
  return length == kPattern.size() ? Match::Yes : Match::More;
}

Match recognise(std::span<const std::uint8_t> bytes) noexcept {
  return std::max(recognise_request(bytes), recognise_response(bytes));
}

}  // namespace gray::http1
