#include "replay/content/utf8.h"

namespace gray {

std::size_t utf8_size(std::string_view text, std::size_t pos) noexcept {
  const auto byte = [&](std::size_t i) {
    return pos + i < text.size() ? static_cast<unsigned char>(text[pos + i]) : 0u;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80; };
  const unsigned lead = byte(0);
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 1;
  if ((lead & 0xf0u) == 0xe0) {
    const bool overlong = lead == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = lead == 0xed && byte(1) > 0x9f;
    return !overlong && !surrogate && continues(1) && continues(2) ? 3 : 1;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool out_of_range = (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f);
    return !out_of_range && continues(1) && continues(2) && continues(3) ? 4 : 1;
  }
  return 1;
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = utf8_size(text, i);
    if (size == 1 && static_cast<unsigned char>(text[i]) >= 0x80) return false;
    i += size;
  }
  return true;
}

void append_utf8(std::string& text, std::uint32_t code_point) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3f));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

void append_utf8_of_size(std::string& text, std::size_t size, unsigned choice) {
  // Latin, CJK, and CJK extension B: 15 at least of each are letters in a row.
  const std::uint32_t base = size == 2 ? 0xe0 : size == 3 ? 0x4e00 : 0x20000;
  append_utf8(text, base + (size == 2 ? choice % 22 : choice));
}

}  // namespace gray
