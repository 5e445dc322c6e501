// What looks like a secret in a text, and where: the built-in patterns. Linear time in the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gray {

enum class Kind : std::uint8_t {
  Opaque,  ///< a token, a password: nothing about its form is known
  Mobile,  ///< Chinese mobile number, with or without +86 and separators
  Phone,   ///< E.164 with its plus sign
  IdCard,  ///< Chinese identity card, GB 11643: 18 characters, or the 15 of before 1999
  Imsi,    ///< 15 digits of ITU-T E.212
  Card,    ///< payment card, ISO/IEC 7812, its check digit right
  Email,
};

/// [begin, end) of the text, in bytes.
struct Finding {
  std::size_t begin = 0;
  std::size_t end = 0;
  Kind kind = Kind::Opaque;
};

/// Phone, identity card, card and IMSI numbers.
///
/// At `begin` a run of digits starts. Appends at most one finding that starts there (or one
/// character before, at a plus sign). Gives the offset to go on at, behind the finding or the run.
std::size_t find_number(std::string_view text, std::size_t begin, std::vector<Finding>& findings);

/// Every built-in pattern: numbers, e-mail addresses, JSON web tokens, bearer and basic
/// credentials, keys of well-known makes, URL userinfo, and the values of secret names in
/// name=value, "name":"value" and <name>value</name>. Findings are in order and do not overlap.
void find_secrets(std::string_view text, std::vector<Finding>& findings);

/// The kind of a value that is, as a whole, one finding; else Opaque.
Kind kind_of(std::string_view value);

}  // namespace gray
