#include "replay/compare/ignore.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "replay/compare/printable.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::size_t kMaxSteps = 60;  // the matcher keeps a bit for each

bool is_token(std::string_view name) noexcept {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";  // RFC 9110 section 5.6.2
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || kMarks.find(c) != kMarks.npos;
  });
}

}  // namespace

JsonPattern::JsonPattern(std::string_view path, std::string_view whole) {
  const auto refuse = [&] {
    throw UsageError(
        fmt::format("ignore '{}': not a JSON path; write it like json.$.user.id, "
                    "json.$.items[*].id, json.$..id",
                    printable(whole)));
  };
  if (!path.starts_with('$')) refuse();
  path.remove_prefix(1);
  while (!path.empty()) {
    Step step;
    if (path.starts_with("..")) {
      step.descend = true;
      path.remove_prefix(path.starts_with("..[") ? 2 : 1);
    }
    if (!(path.starts_with('[') ? parse_bracket(path, step) : parse_name(path, step))) refuse();
    steps_.push_back(std::move(step));
  }
  if (steps_.size() > kMaxSteps) refuse();
}

bool JsonPattern::parse_bracket(std::string_view& rest, Step& step) {
  if (rest.starts_with("['")) {
    const std::size_t end = rest.find("']", 2);
    if (end == rest.npos) return false;
    step.match = Match::Key;
    step.key = rest.substr(2, end - 2);
    rest.remove_prefix(end + 2);
    return true;
  }
  const std::size_t end = rest.find(']');
  if (end == rest.npos) return false;
  const std::string_view inside = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  if (inside == "*") return true;
  step.match = Match::Index;
  const char* const last = inside.data() + inside.size();
  const auto [stop, error] = std::from_chars(inside.data(), last, step.index);
  return error == std::errc{} && stop == last;
}

bool JsonPattern::parse_name(std::string_view& rest, Step& step) {
  if (!rest.starts_with('.')) return false;
  rest.remove_prefix(1);
  const std::string_view name = rest.substr(0, rest.find_first_of(".["));
  rest.remove_prefix(name.size());
  if (name == "*") return true;
  step.match = Match::Key;
  step.key = name;
  return !name.empty();
}

bool JsonPattern::matches(const Step& step, const JsonStep& at) noexcept {
  switch (step.match) {
    case Match::Key:
      return !at.element && at.key == step.key;
    case Match::Index:
      return at.element && at.index == step.index;
    case Match::Any:
      return true;
  }
  return false;
}

// All ways through the pattern at once: bit i is set when the first i steps have matched.
bool JsonPattern::covers(std::span<const JsonStep> path) const noexcept {
  const std::uint64_t whole = std::uint64_t{1} << steps_.size();
  std::uint64_t states = 1;
  for (const JsonStep& at : path) {
    if ((states & whole) != 0) return true;
    std::uint64_t next = 0;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const std::uint64_t bit = std::uint64_t{1} << i;
      if ((states & bit) == 0) continue;
      if (steps_[i].descend) next |= bit;
      if (matches(steps_[i], at)) next |= bit << 1;
    }
    if (next == 0) return false;
    states = next;
  }
  return (states & whole) != 0;
}

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
    json_.emplace_back(ignore.substr(kJson.size()), ignore);
  } else {
    std::string name = ignore.starts_with(kHeader) ? lower_case(ignore.substr(kHeader.size())) : "";
    if (!is_token(name))
      throw UsageError(fmt::format(
          "ignore '{}': not a field; give status, body, header.NAME or json.PATH like json.$.ts",
          printable(ignore)));
    headers_.insert(std::move(name));
  }
}

bool IgnoreSet::json(std::span<const JsonStep> path) const noexcept {
  return std::any_of(json_.begin(), json_.end(),
                     [&](const JsonPattern& pattern) { return pattern.covers(path); });
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace gray
