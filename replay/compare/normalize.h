// Two values that are written differently and mean the same, by rule: spelled alike before they are
// compared. Read-only once made; any thread may use one.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gray {

struct Normalizer {
  enum class Kind : std::uint8_t {
    Lower,     ///< ASCII letters in lower case
    Trim,      ///< no white space at the ends
    Spaces,    ///< runs of white space are one space
    Sort,      ///< what commas part, in order
    Replace,   ///< each match of a regular expression
    Round,     ///< a number to the nearest multiple of a step
    Truncate,  ///< a time (see parse_time) to the step before it
  };
  Kind kind = Kind::Lower;
  std::shared_ptr<const RE2> regex;  ///< Replace
  std::string with;                  ///< Replace; \1 is the first group
  double step = 0;                   ///< Round
  std::uint64_t step_ns = 0;         ///< Truncate
};

/// Applies them in order. What a normalizer does not understand it leaves as it is.
std::string normalize(const std::vector<Normalizer>& normalizers, std::string_view text);

}  // namespace gray
