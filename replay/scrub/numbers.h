// Whether digits are a number of some kind: lengths, prefixes, dates and check digits. All take
// digits only.
#pragma once

#include <string_view>

namespace gray {

/// 11 digits, 1[3-9]…
bool is_mobile(std::string_view digits) noexcept;
/// GB 11643-1999: 18 digits, or the 17 in front of an X; province, date and check digit right.
bool is_identity_card(std::string_view digits, bool check_is_x) noexcept;
/// The 15 digits of before 1999: province and date plausible; they have no check digit.
bool is_old_identity_card(std::string_view digits) noexcept;
/// 13 to 19 digits, an issuer's prefix with a length that the issuer uses, and Luhn's check digit.
bool is_payment_card(std::string_view digits) noexcept;
/// 15 digits, 460 and a network code in use.
bool is_chinese_imsi(std::string_view digits) noexcept;

/// ISO/IEC 7812-1 annex B: the digit that makes `digits` and itself check out.
char luhn_digit(std::string_view digits) noexcept;
/// GB 11643 (ISO 7064 MOD 11-2): the check character of 17 digits, '0' to '9' or 'X'.
char identity_check(std::string_view seventeen_digits) noexcept;

}  // namespace gray
