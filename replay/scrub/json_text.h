// JSON's strings and numbers as text (RFC 8259 sections 6 and 7): out of their notation and back
// into it. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace gray {

/// The value of the four hexadecimal digits at `pos`, -1 when they are not there.
int four_hex(std::string_view text, std::size_t pos);

/// Whether a scrubbed number still reads as one.
bool is_json_number(std::string_view text);

/// 1.381234567E10, as Java prints large numbers, is 13812345670; empty when it is no whole number
/// that any pattern knows.
std::string plain_digits(std::string_view number);

/// The text between the quotes, unescaped. A lone surrogate becomes the replacement character.
std::string unescape_json(std::string_view raw);

/// In quotes, with what must be escaped escaped.
std::string quote_json(std::string_view text);

}  // namespace gray
