// Where a value stands in a JSON document, and the rules' way to name such places: a part of
// RFC 9535. $ .name ['name'] [0] [*] .* ..name ..['name'].
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gray {

/// One step of a value's place: a key, or an index.
struct JsonStep {
  std::string_view key;
  std::size_t index = 0;
  bool is_index = false;
};

class JsonPath {
 public:
  /// Null when `text` is none; `error` then says what is wrong.
  static std::optional<JsonPath> parse(std::string_view text, std::string& error);

  bool matches(std::span<const JsonStep> place) const noexcept;
  /// Whether it matches the place or one that this is in.
  bool matches_above(std::span<const JsonStep> place) const noexcept;

 private:
  enum class Match { Key, Index, AnyKey, AnyIndex };
  struct Step {
    Match match = Match::Key;
    bool descend = false;  ///< at any depth below
    std::string key;
    std::size_t index = 0;

    bool fits(const JsonStep& step) const noexcept;
  };
  class Parser;

  bool walk(std::span<const JsonStep> place, bool to_its_end) const noexcept;

  std::vector<Step> steps_;
};

/// A path without wildcards, as differences name places ("$.user.phones[0]"), in steps that view
/// into `text`. Empty when it is none.
std::vector<JsonStep> parse_place(std::string_view text);

}  // namespace gray
