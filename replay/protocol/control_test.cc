#include "replay/protocol/control.h"

#include <gtest/gtest.h>

#include <string>

#include "replay/protocol/token.h"

namespace gray {
namespace {

bool by_byte(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  return false;
}

// Each byte at each place of texts of each length around whole words, beside bytes that could carry
// into it or be carried into.
TEST(Control, IsFoundAtEachPlaceAndNothingElseIs) {
  for (std::size_t size = 1; size <= 20; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (int byte = 0; byte < 256; ++byte)
        for (const int beside : {0x20, 0x7e, 0x80, 0xff}) {
          std::string text(size, static_cast<char>(beside));
          text[at] = static_cast<char>(byte);
          ASSERT_EQ(has_control(text), by_byte(text)) << size << ' ' << at << ' ' << byte;
        }
  EXPECT_FALSE(has_control(""));
}

TEST(Control, OnlyLinesEndsAndNulBreakALine) {
  EXPECT_TRUE(breaks_line("a\rb"));
  EXPECT_TRUE(breaks_line("a long line and its end\n"));
  EXPECT_TRUE(breaks_line(std::string_view("a\0b", 3)));
  EXPECT_FALSE(breaks_line("a\tb\x7f\x1b[0m"));
  EXPECT_FALSE(breaks_line(""));
}

TEST(Token, EndsWhereItsCharactersEnd) {
  EXPECT_EQ(token_size("Host: a"), 4u);
  EXPECT_EQ(token_size(": a"), 0u);
  EXPECT_EQ(token_size("x-y_z"), 5u);
  EXPECT_TRUE(is_token("x-y_z"));
  EXPECT_FALSE(is_token("Host "));
  EXPECT_FALSE(is_token(""));
}

}  // namespace
}  // namespace gray
