#include "replay/protocol/http1/header_line.h"

#include <array>
#include <string>

#include "replay/protocol/http1/anomaly.h"
#include "replay/protocol/http1/framing.h"
#include "replay/protocol/token.h"

namespace gray::http1 {
namespace {

constexpr std::size_t kUsualHeaders = 8;

std::string_view trim(std::string_view text) noexcept {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_control(char c) noexcept {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

bool has_control(std::string_view text) noexcept {
  for (const char c : text)
    if (is_control(c)) return true;
  return false;
}

// Most values have nothing odd in them: looked at once, and only then written anew.
std::string clean(std::string_view value, Message& message) {
  std::string text(value);
  if (!has_control(value)) return text;
  for (char& c : text) {
    if (c == '\r') {
      flag(message, anomaly::kBareCr);
      c = ' ';  // section 2.2
    } else if (is_control(c)) {
      flag(message, anomaly::kControl);
    }
  }
  return text;
}

LineKind fold(std::string_view line, Headers& headers, Message& message) {
  if (headers.empty()) {
    flag(message, anomaly::kSpaceFirst);
    return LineKind::Ignored;
  }
  flag(message, anomaly::kFolded);
  const std::string_view more = trim(line);
  std::string& value = headers.back().value;
  if (!value.empty() && !more.empty()) value += ' ';
  value += clean(more, message);
  return LineKind::Folded;
}

}  // namespace

LineKind add_line(std::string_view line, Headers& headers, Message& message) {
  if (line.front() == ' ' || line.front() == '\t') return fold(line, headers, message);
  const std::size_t colon = line.find(':');
  std::string_view name = line.substr(0, colon);
  const bool usual = is_token(name);
  if (!usual && has_control(name)) return LineKind::Garbage;
  if (colon == std::string_view::npos) {
    flag(message, anomaly::kNoColon);
    return LineKind::Ignored;
  }
  if (name.ends_with(' ') || name.ends_with('\t')) {
    flag(message, anomaly::kSpaceBeforeColon);
    name = trim(name);
  }
  if (!usual && !is_token(name)) flag(message, anomaly::kBadName);
  if (headers.empty()) headers.reserve(kUsualHeaders);
  headers.push_back({std::string(name), clean(trim(line.substr(colon + 1)), message)});
  return LineKind::Header;
}

}  // namespace gray::http1
