#include "replay/scrub/numbers.h"

#include <algorithm>
#include <array>

namespace gray {
namespace {

unsigned value_of(std::string_view digits) noexcept {
  unsigned value = 0;
  for (const char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

// GB/T 2260, the first two digits.
bool is_province(std::string_view digits) noexcept {
  constexpr std::array<unsigned, 35> kProvinces{11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34,
                                                35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
                                                53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83};
  return std::find(kProvinces.begin(), kProvinces.end(), value_of(digits)) != kProvinces.end();
}

bool is_month_and_day(std::string_view mmdd) noexcept {
  const unsigned month = value_of(mmdd.substr(0, 2));
  const unsigned day = value_of(mmdd.substr(2, 2));
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

// An issuer's range of leading digits, and the lengths that it uses.
struct Issuer {
  unsigned first, last;
  std::size_t digits;  ///< of first and last
  std::size_t min, max;
};
constexpr std::array kIssuers{
    Issuer{4, 4, 1, 13, 19},        // Visa; lengths are checked below
    Issuer{51, 55, 2, 16, 16},      // Mastercard
    Issuer{2221, 2720, 4, 16, 16},  // Mastercard
    Issuer{34, 34, 2, 15, 15},      // American Express
    Issuer{37, 37, 2, 15, 15},      // American Express
    Issuer{62, 62, 2, 16, 19},      // UnionPay
    Issuer{81, 81, 2, 16, 19},      // UnionPay
    Issuer{6011, 6011, 4, 16, 19},  // Discover
    Issuer{644, 649, 3, 16, 19},    // Discover
    Issuer{65, 65, 2, 16, 19},      // Discover, RuPay
    Issuer{60, 60, 2, 16, 16},      // RuPay
    Issuer{3528, 3589, 4, 16, 19},  // JCB
    Issuer{300, 305, 3, 14, 19},    // Diners Club
    Issuer{36, 36, 2, 14, 19},      // Diners Club
    Issuer{38, 39, 2, 14, 19},      // Diners Club
    Issuer{2200, 2204, 4, 16, 19},  // Mir
    Issuer{50, 50, 2, 16, 19},      // Maestro
    Issuer{56, 58, 2, 16, 19},      // Maestro
    Issuer{63, 63, 2, 16, 19},      // Maestro
    Issuer{67, 67, 2, 16, 19},      // Maestro
    Issuer{9792, 9792, 4, 16, 16},  // Troy
};

bool has_issuer(std::string_view digits) noexcept {
  if (digits.front() == '4')
    return digits.size() == 13 || digits.size() == 16 || digits.size() == 19;
  return std::any_of(kIssuers.begin(), kIssuers.end(), [&](const Issuer& issuer) {
    const unsigned prefix = value_of(digits.substr(0, issuer.digits));
    return prefix >= issuer.first && prefix <= issuer.last && digits.size() >= issuer.min &&
           digits.size() <= issuer.max;
  });
}

}  // namespace

bool is_mobile(std::string_view digits) noexcept {
  return digits.size() == 11 && digits[0] == '1' && digits[1] >= '3';
}

bool is_identity_card(std::string_view digits, bool check_is_x) noexcept {
  if (digits.size() != (check_is_x ? 17u : 18u) || !is_province(digits.substr(0, 2))) return false;
  const unsigned year = value_of(digits.substr(6, 4));
  if (year < 1880 || year > 2100 || !is_month_and_day(digits.substr(10, 4))) return false;
  return identity_check(digits.substr(0, 17)) == (check_is_x ? 'X' : digits[17]);
}

bool is_old_identity_card(std::string_view digits) noexcept {
  return digits.size() == 15 && is_province(digits.substr(0, 2)) &&
         is_month_and_day(digits.substr(8, 4));
}

bool is_payment_card(std::string_view digits) noexcept {
  return digits.size() >= 13 && digits.size() <= 19 && has_issuer(digits) &&
         luhn_digit(digits.substr(0, digits.size() - 1)) == digits.back();
}

bool is_chinese_imsi(std::string_view digits) noexcept {
  if (digits.size() != 15 || !digits.starts_with("460")) return false;
  const unsigned network = value_of(digits.substr(3, 2));
  return network <= 13 || network == 15 || network == 20;
}

char luhn_digit(std::string_view digits) noexcept {
  unsigned sum = 0;
  bool doubled = true;
  for (auto it = digits.rbegin(); it != digits.rend(); ++it, doubled = !doubled) {
    const unsigned digit = static_cast<unsigned>(*it - '0') * (doubled ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

char identity_check(std::string_view seventeen_digits) noexcept {
  constexpr std::array<unsigned, 17> kWeights{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  unsigned sum = 0;
  for (std::size_t i = 0; i < kWeights.size(); ++i)
    sum += kWeights[i] * static_cast<unsigned>(seventeen_digits[i] - '0');
  return "10X98765432"[sum % 11];
}

}  // namespace gray
