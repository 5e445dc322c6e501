#include "replay/gate/endpoint.h"

#include <algorithm>

#include "replay/compare/printable.h"
#include "replay/scrub/chars.h"

namespace gray {
namespace {

constexpr std::size_t kMaxSegments = 32;
constexpr std::size_t kMaxTemplate = 256;  // bytes
constexpr std::size_t kShortestHex = 8;
constexpr std::size_t kShortestId = 16;

template <typename Is>
bool all(std::string_view text, Is is) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is);
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : hex_value(text[i]) < 0) return false;
  }
  return true;
}

std::string_view kind_of(std::string_view segment) noexcept {
  const bool digit = std::any_of(segment.begin(), segment.end(), is_digit);
  if (!digit) return segment;
  if (all(segment, is_digit)) return "{n}";
  if (is_uuid(segment)) return "{uuid}";
  const bool hex = all(segment, [](char c) { return hex_value(c) >= 0; });
  if (segment.size() >= kShortestHex && hex) return "{hex}";
  const bool letter = std::any_of(segment.begin(), segment.end(), is_letter);
  const bool id = all(segment, [](char c) { return is_alnum(c) || c == '_' || c == '-'; });
  const bool words = std::count(segment.begin(), segment.end(), '-') > 1;
  return segment.size() >= kShortestId && letter && id && !words ? "{id}" : segment;
}

}  // namespace

std::string path_template(std::string_view target) {
  if (!target.starts_with('/')) {
    const std::size_t scheme = target.find("://");
    if (scheme < target.find_first_of("/?")) {
      const std::size_t path = target.find('/', scheme + 3);
      target = path == target.npos ? "/" : target.substr(path);
    }
  }
  target = target.substr(0, std::min(target.find('?'), target.find('#')));
  if (target.empty()) return "/";
  std::string out;
  out.reserve(std::min(target.size(), kMaxTemplate + 1));
  std::size_t segments = 0;
  while (!target.empty()) {
    const std::size_t slash = target.starts_with('/') ? 1 : 0;
    out.append(slash, '/');
    target.remove_prefix(slash);
    const std::size_t end = std::min(target.find('/'), target.size());
    if (++segments > kMaxSegments) return out += "…";
    out += kind_of(target.substr(0, end));
    target.remove_prefix(end);
    if (out.size() > kMaxTemplate) {
      out.resize(kMaxTemplate);
      break;
    }
  }
  return out;
}

std::string endpoint_of(const Request& request) {
  return printable(request.method.substr(0, 32) + ' ' + path_template(request.target));
}

}  // namespace gray
