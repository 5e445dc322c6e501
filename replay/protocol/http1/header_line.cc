#include "replay/protocol/http1/header_line.h"

#include <algorithm>
#include <string>

#include "replay/protocol/control.h"
#include "replay/protocol/http1/anomaly.h"
#include "replay/protocol/http1/framing.h"
#include "replay/protocol/token.h"

namespace gray::http1 {
namespace {

constexpr std::size_t kUsualHeaders = 8;

std::string_view trim(std::string_view text) noexcept {
  return trim_if(text, [](char c) { return is_ows(c) || c == '\r'; });
}

bool is_control(char c) noexcept {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

// Most values have nothing odd in them, and stay as they are.
void clean(std::string& text, std::size_t from, Message& message) {
  if (!has_control(std::string_view(text).substr(from))) return;
  for (std::size_t i = from; i < text.size(); ++i) {
    char& c = text[i];
    if (c == '\r') {
      flag(message, anomaly::kBareCr);
      c = ' ';  // section 2.2
    } else if (is_control(c)) {
      flag(message, anomaly::kControl);
    }
  }
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
  const std::size_t before = value.size();
  value += more;
  clean(value, before, message);
  return LineKind::Folded;
}

}  // namespace

LineKind add_line(std::string_view line, Headers& headers, Message& message) {
  if (line.front() == ' ' || line.front() == '\t') return fold(line, headers, message);
  std::size_t colon = token_size(line);
  const bool usual = colon > 0 && colon < line.size() && line[colon] == ':';
  if (!usual) colon = line.find(':', colon);
  std::string_view name = line.substr(0, colon);
  if (!usual && std::any_of(name.begin(), name.end(), is_control)) return LineKind::Garbage;
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
  Header& header = headers.emplace_back();
  header.name = name;
  header.value = trim(line.substr(colon + 1));
  clean(header.value, 0, message);
  return LineKind::Header;
}

}  // namespace gray::http1
