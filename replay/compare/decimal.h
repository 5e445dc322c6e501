// Numbers of JSON compared by value, whatever their length: 1, 1.0, 10e-1 are equal, and
// 9007199254740993 is not 9007199254740992, as it would be through a double. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace gray {

/// Whether two numbers, both in the grammar of RFC 8259 section 6, have the same value; -0 is 0.
bool same_number(std::string_view a, std::string_view b);

/// A text that numbers of one value share, and no others; a number whose exponent cannot be counted
/// is its own text.
std::string canonical_number(std::string_view number);

}  // namespace gray
