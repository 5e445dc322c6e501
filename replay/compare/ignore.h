// What the user, or the default, does not want compared. Read-only once made.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gray {

/// One step down a JSON tree: to the member `key` of an object, or to the element `index`.
struct JsonStep {
  std::string_view key;
  std::uint32_t index = 0;
  bool element = false;
};

/// A JSON path of the small language that rules use: "$", then ".name", "['any name']", "[3]", ".*"
/// or "[*]" (any child), each also as "..name" (at any depth).
class JsonPattern {
 public:
  /// Throws UsageError with `whole`, what the user wrote, when `path` is none.
  JsonPattern(std::string_view path, std::string_view whole);

  /// Whether it names the value at `path` or one above it.
  bool covers(std::span<const JsonStep> path) const noexcept;

 private:
  enum class Match : std::uint8_t { Key, Index, Any };
  struct Step {
    Match match = Match::Any;
    bool descend = false;  // any number of steps may stand before this one
    std::string key;
    std::uint32_t index = 0;
  };
  static bool matches(const Step& step, const JsonStep& at) noexcept;
  static bool parse_bracket(std::string_view& rest, Step& step);
  static bool parse_name(std::string_view& rest, Step& step);

  std::vector<Step> steps_;
};

class IgnoreSet {
 public:
  /// Throws UsageError for an ignore that is none, naming it.
  IgnoreSet(std::span<const std::string> ignores, std::span<const std::string_view> headers);

  bool status() const noexcept { return status_; }
  bool body() const noexcept { return body_; }
  bool header(const std::string& lower_case_name) const {
    return headers_.contains(lower_case_name);
  }
  bool json(std::span<const JsonStep> path) const noexcept;

 private:
  void add(std::string_view ignore);

  bool status_ = false;
  bool body_ = false;
  std::set<std::string> headers_;
  std::vector<JsonPattern> json_;
};

/// ASCII letters in lower case, the rest as it is.
std::string lower_case(std::string_view text);

}  // namespace gray
