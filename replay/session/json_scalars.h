// Where the strings and numbers of a JSON text stand, and under which path. Pure; reads once from
// front to back, never recurses, and keeps no more than the path.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace gray {

struct JsonScalar {
  std::string_view path;  ///< "$.items[3].id"
  std::string_view key;   ///< the innermost name, "id"; empty in a bare array
  std::size_t begin = 0;  ///< of a string: what stands between the quotes
  std::size_t end = 0;
  bool is_string = false;
};

/// Calls `see` for each string and number that is a value, in order. False when the text is no
/// JSON, is cut, or is nested deeper than 64 levels: what was seen up to there was seen.
bool each_json_scalar(std::string_view text, const std::function<void(const JsonScalar&)>& see);

}  // namespace gray
