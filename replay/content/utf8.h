// UTF-8 (RFC 3629), one character at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gray {

/// Bytes of the character at `pos`; 1 for an ASCII character and for a byte that is no UTF-8.
std::size_t utf8_size(std::string_view text, std::size_t pos) noexcept;
bool is_utf8(std::string_view text) noexcept;
void append_utf8(std::string& text, std::uint32_t code_point);
/// A letter of that many bytes (2 to 4); `choice` is below 256.
void append_utf8_of_size(std::string& text, std::size_t size, unsigned choice);

}  // namespace gray
