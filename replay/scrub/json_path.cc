#include "replay/scrub/json_path.h"

#include <charconv>

#include "replay/scrub/chars.h"

namespace gray {
namespace {

constexpr std::size_t kMaxSteps = 64;
constexpr std::size_t kMaxDescends = 4;  // more is nothing that people write

}  // namespace

class JsonPath::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  const char* parse(std::vector<Step>& steps) {
    if (!take("$")) return "a JSON path begins with $";
    std::size_t descends = 0;
    while (!text_.empty()) {
      Step step;
      step.descend = take("..");
      if (step.descend && ++descends > kMaxDescends) return "too many .. in a JSON path";
      if (const char* error = parse_step(step)) return error;
      steps.push_back(std::move(step));
      if (steps.size() > kMaxSteps) return "the JSON path is too long";
    }
    return steps.empty() ? "the JSON path names no value" : nullptr;
  }

 private:
  bool take(std::string_view prefix) {
    if (!text_.starts_with(prefix)) return false;
    text_.remove_prefix(prefix.size());
    return true;
  }

  const char* parse_step(Step& step) {
    if (take("[")) return parse_bracket(step);
    if (!step.descend && !take(".")) return "want . or [ in the JSON path";
    if (take("*")) {
      step.match = Match::AnyKey;
      return nullptr;
    }
    const std::size_t end = std::min(text_.find_first_of(".[]"), text_.size());
    if (end == 0) return "the JSON path lacks a name";
    step.key = text_.substr(0, end);
    text_.remove_prefix(end);
    return nullptr;
  }

  const char* parse_bracket(Step& step) {
    if (take("*]")) {
      step.match = Match::AnyIndex;
      return nullptr;
    }
    if (text_.starts_with('\'') || text_.starts_with('"')) {
      const char quote = text_.front();
      const std::size_t end = text_.find(quote, 1);
      if (end == std::string_view::npos) return "the JSON path lacks a closing quote";
      step.key = text_.substr(1, end - 1);
      text_.remove_prefix(end + 1);
    } else {
      const auto [end, error] =
          std::from_chars(text_.data(), text_.data() + text_.size(), step.index);
      if (error != std::errc{}) return "want a number, * or a quoted name in [] of the JSON path";
      step.match = Match::Index;
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    }
    return take("]") ? nullptr : "the JSON path lacks a ]";
  }

  std::string_view text_;
};

std::optional<JsonPath> JsonPath::parse(std::string_view text, std::string& error) {
  JsonPath path;
  if (const char* what = Parser(text).parse(path.steps_)) {
    error = what;
    return std::nullopt;
  }
  return path;
}

bool JsonPath::Step::fits(const JsonStep& step) const noexcept {
  switch (match) {
    case Match::Key:
      return !step.is_index && step.key == key;
    case Match::Index:
      return step.is_index && step.index == index;
    case Match::AnyKey:
      return !step.is_index;
    case Match::AnyIndex:
      return step.is_index;
  }
  return false;
}

// The last step rules out nearly every value at once.
bool JsonPath::matches(std::span<const JsonStep> place) const noexcept {
  if (place.empty() || steps_.empty()) return place.empty() && steps_.empty();
  return steps_.back().fits(place.back()) && walk(place, true);
}

bool JsonPath::matches_above(std::span<const JsonStep> place) const noexcept {
  return walk(place, false);
}

// As file names match a pattern with stars: what stands before a step of any depth need not be
// tried in another way once it fitted, so the time is that of the place times the steps, whatever
// names the wire makes up.
bool JsonPath::walk(std::span<const JsonStep> place, bool to_its_end) const noexcept {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t step = 0, at = 0, again_step = kNone, again_at = 0;
  while (true) {
    if (step == steps_.size() && (at == place.size() || !to_its_end)) return true;
    if (at == place.size()) return false;
    if (step < steps_.size() && steps_[step].descend) {
      again_step = step;
      again_at = at;
    }
    if (step < steps_.size() && steps_[step].fits(place[at])) {
      ++step;
      ++at;
    } else if (again_step != kNone) {
      step = again_step;
      at = ++again_at;
    } else {
      return false;
    }
  }
}

std::vector<JsonStep> parse_place(std::string_view text) {
  std::vector<JsonStep> place;
  if (!text.starts_with('$')) return place;
  text.remove_prefix(1);
  while (!text.empty()) {
    JsonStep step;
    if (text.front() == '[') {
      const auto [end, error] =
          std::from_chars(text.data() + 1, text.data() + text.size(), step.index);
      step.is_index = error == std::errc{};
      const std::size_t close = text.find(']');
      if (close == std::string_view::npos) return {};
      if (!step.is_index) {
        step.key = text.substr(1, close - 1);
        if (step.key.size() >= 2) step.key = step.key.substr(1, step.key.size() - 2);
      }
      text.remove_prefix(close + 1);
    } else if (text.front() == '.') {
      const std::size_t end = std::min(text.find_first_of(".[", 1), text.size());
      step.key = text.substr(1, end - 1);
      text.remove_prefix(end);
    } else {
      return {};
    }
    place.push_back(step);
  }
  return place;
}

}  // namespace gray
