#include "replay/compare/ignore.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/compare/printable.h"
#include "replay/scrub/chars.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

bool is_token(std::string_view name) noexcept {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";  // RFC 9110 section 5.6.2
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_alnum(c) || kMarks.find(c) != kMarks.npos;
  });
}

JsonPath parse_path(std::string_view path, std::string_view ignore) {
  std::string error;
  if (auto parsed = JsonPath::parse(path, error)) return std::move(*parsed);
  throw UsageError(
      fmt::format("ignore '{}': {}; write it like json.$.ts, json.$.items[*].id, json.$..id",
                  printable(ignore), error));
}

}  // namespace

IgnoreSet::IgnoreSet(std::span<const std::string> ignores,
                     std::span<const std::string_view> headers)
    : headers_(headers.begin(), headers.end()) {
  for (const std::string& ignore : ignores) add(ignore);
}

void IgnoreSet::add(std::string_view ignore) {
  constexpr std::string_view kHeader = "header.";
  constexpr std::string_view kJson = "json.";
  if (ignore == "status") {
    status_ = true;
  } else if (ignore == "body") {
    body_ = true;
  } else if (ignore.starts_with(kJson)) {
    json_.push_back(parse_path(ignore.substr(kJson.size()), ignore));
  } else if (ignore.starts_with(kHeader) && is_token(ignore.substr(kHeader.size()))) {
    headers_.insert(lower_case(ignore.substr(kHeader.size())));
  } else {
    throw UsageError(fmt::format(
        "ignore '{}': not a field; give status, body, header.NAME or json.PATH like json.$.ts",
        printable(ignore)));
  }
}

bool IgnoreSet::json(std::span<const JsonStep> place) const noexcept {
  return std::any_of(json_.begin(), json_.end(),
                     [&](const JsonPath& path) { return path.matches(place); });
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = to_lower(c);
  return out;
}

}  // namespace gray
