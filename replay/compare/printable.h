// Text from the wire made fit for a terminal, a file or a page. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gray {

inline constexpr std::size_t kMaxShown = 200;

/// Valid UTF-8 of at most `limit` bytes: control characters and invalid bytes stand as \xNN, and
/// what was cut off as "…". Scrub first: a secret cut in two is not found any more.
std::string printable(std::string_view text, std::size_t limit = kMaxShown);

}  // namespace gray
