#include "replay/scrub/redact.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "replay/content/utf8.h"
#include "replay/scrub/chars.h"
#include "replay/scrub/numbers.h"

namespace gray {
namespace {

constexpr std::size_t kHashBytes = 16;
constexpr int kMaxAttempts = 16;

/// Pseudo-random choices that depend on the key and the secret only: xoshiro256** (Blackman and
/// Vigna, public domain), started with the keyed hash. Long secrets cost one hash, too.
class Choices {
 public:
  Choices(const Hmac& hmac, std::string_view secret) {
    // The first byte keeps tokens apart from hashes.
    const auto digest = hmac.digest("t" + std::string(secret));
    std::memcpy(state_.data(), digest.data(), sizeof state_);
  }

  /// Less than n, which is at most 256.
  unsigned below(unsigned n) {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return static_cast<unsigned>(((result >> 32) * n) >> 32);
  }
  char digit() { return static_cast<char>('0' + below(10)); }
  char letter(char first) { return static_cast<char>(static_cast<unsigned>(first) + below(26)); }

 private:
  std::array<std::uint64_t, 4> state_{};
};

std::string only_digits(std::string_view text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), is_digit);
  return digits;
}

/// Puts `digits`, from the last to the first, in the place of those of `text`.
std::string put_digits(std::string_view text, std::string_view digits) {
  std::string result(text);
  std::size_t left = digits.size();
  for (std::size_t i = result.size(); i > 0 && left > 0; --i)
    if (is_digit(result[i - 1])) result[i - 1] = digits[--left];
  return result;
}

std::string mobile_token(Choices& choices) {
  std::string token = "1";
  token += static_cast<char>('3' + choices.below(7));
  while (token.size() < 11) token += choices.digit();
  return token;
}

/// The country code and what follows it up to two digits stay.
std::string phone_token(Choices& choices, std::string_view digits) {
  std::string token(digits.substr(0, 2));
  while (token.size() < digits.size()) token += choices.digit();
  return token;
}

/// The issuer's first four digits stay, and the check digit is right again.
std::string card_token(Choices& choices, std::string_view digits) {
  std::string token(digits.substr(0, 4));
  while (token.size() + 1 < digits.size()) token += choices.digit();
  return token + luhn_digit(token);
}

void append_two(std::string& text, unsigned value) {
  text += static_cast<char>('0' + value / 10);
  text += static_cast<char>('0' + value % 10);
}

/// Another person of the same province: a date that exists, and the check character right.
std::string identity_token(Choices& choices, std::string_view province, std::size_t size) {
  std::string token(province);
  for (int i = 0; i < 4; ++i) token += choices.digit();
  if (size == 18) token += "19";
  append_two(token, 40 + choices.below(60));
  append_two(token, 1 + choices.below(12));
  append_two(token, 1 + choices.below(28));
  for (int i = 0; i < 3; ++i) token += choices.digit();
  if (size == 18) token += identity_check(token);
  return token;
}

/// Network codes stay.
std::string imsi_token(Choices& choices, std::string_view digits) {
  std::string token(digits.substr(0, 5));
  while (token.size() < digits.size()) token += choices.digit();
  return token;
}

/// Letters, digits and characters outside ASCII become others of their kind and their bytes.
/// Punctuation is form, and stays, unless it is most of what there is.
std::string shape_token(Choices& choices, std::string_view value) {
  constexpr std::string_view kMarks = "-._~";
  const auto plain = std::count_if(value.begin(), value.end(), [](char c) {
    return is_alnum(c) || static_cast<unsigned char>(c) >= 0x80;
  });
  const bool marks_too = 2 * static_cast<std::size_t>(plain) < value.size();
  std::string token;
  token.reserve(value.size());
  for (std::size_t i = 0; i < value.size();) {
    const char c = value[i];
    const std::size_t size = utf8_size(value, i);
    if (is_digit(c))
      token += choices.digit();
    else if (is_lower(c))
      token += choices.letter('a');
    else if (is_upper(c))
      token += choices.letter('A');
    else if (size > 1)
      append_utf8_of_size(token, size, choices.below(256));
    else if (marks_too || static_cast<unsigned char>(c) >= 0x80)
      token += kMarks[choices.below(kMarks.size())];
    else
      token += c;
    i += size;
  }
  return token;
}

/// The top-level domain stays.
std::string email_token(Choices& choices, std::string_view value) {
  const std::size_t dot = value.rfind('.');
  return shape_token(choices, value.substr(0, dot)) + std::string(value.substr(dot));
}

/// What two ways to write one secret have in common.
std::string canonical(std::string_view value, Kind kind) {
  std::string text;
  switch (kind) {
    case Kind::Mobile: {
      text = only_digits(value);
      return text.substr(text.size() - 11);
    }
    case Kind::Phone:
    case Kind::Imsi:
    case Kind::Card:
      return only_digits(value);
    case Kind::IdCard:
      text = only_digits(value);
      if (!is_digit(value.back())) text += 'X';
      return text;
    case Kind::Email:
      text = value;
      std::transform(text.begin(), text.end(), text.begin(), to_lower);
      return text;
    case Kind::Opaque:
      break;
  }
  return std::string(value);
}

std::string mask(std::string_view value, const Treatment& treatment) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < value.size(); i += utf8_size(value, i)) starts.push_back(i);
  const std::size_t count = starts.size();
  const bool too_short = treatment.keep_first + treatment.keep_last >= count;
  const std::size_t first = too_short ? 0 : treatment.keep_first;
  const std::size_t last = too_short ? 0 : treatment.keep_last;
  starts.push_back(value.size());
  std::string masked(value.substr(0, starts[first]));
  masked.append(count - first - last, '*');
  return masked.append(value.substr(starts[count - last]));
}

}  // namespace

std::string Redactor::hash(std::string_view value) const {
  const auto digest = hmac_.digest("h" + std::string(value));
  return to_hex(digest.data(), kHashBytes);
}

std::string Redactor::tokenize(std::string_view value, Kind kind) const {
  std::string secret = canonical(value, kind);
  const std::string digits = kind == Kind::IdCard ? secret : only_digits(secret);
  std::string token;
  // A short value can be its own token by chance: then the next one is taken.
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt, secret += '\0') {
    Choices choices(hmac_, secret);
    switch (kind) {
      case Kind::Mobile:
        token = put_digits(value, mobile_token(choices));
        break;
      case Kind::Phone:
        token = put_digits(value, phone_token(choices, digits));
        break;
      case Kind::Card:
        token = put_digits(value, card_token(choices, digits));
        break;
      case Kind::Imsi:
        token = put_digits(value, imsi_token(choices, digits));
        break;
      case Kind::Email:
        token = email_token(choices, value);
        break;
      case Kind::Opaque:
        token = shape_token(choices, value);
        break;
      case Kind::IdCard: {
        // Written over digit by digit, since the last one may be an X before or after.
        const std::string fresh =
            identity_token(choices, std::string_view(digits).substr(0, 2), digits.size());
        token = put_digits(value.substr(0, value.size() - 1),
                           std::string_view(fresh).substr(0, fresh.size() - 1)) +
                fresh.back();
        break;
      }
    }
    if (token != value) break;
  }
  return token;
}

std::string Redactor::redact(const Treatment& treatment, std::string_view value, Kind kind) const {
  if (value.empty()) return {};
  switch (treatment.action) {
    case Action::Keep:
      return std::string(value);
    case Action::Drop:
      return {};
    case Action::Mask:
      return mask(value, treatment);
    case Action::Hash:
      return hash(value);
    case Action::Tokenize:
      return tokenize(value, kind);
  }
  return {};
}

std::string Redactor::redact(const Treatment& treatment, std::string_view value) const {
  const Kind kind = treatment.action == Action::Tokenize ? kind_of(value) : Kind::Opaque;
  return redact(treatment, value, kind);
}

std::string Redactor::redact_number(const Treatment& treatment, std::string_view number) const {
  if (treatment.action == Action::Drop) return "null";
  if (treatment.action == Action::Keep) return std::string(number);
  if (treatment.action == Action::Hash) return '"' + hash(number) + '"';
  const std::size_t end = std::min(number.find_first_of("eE"), number.size());
  std::string result = redact(treatment, number.substr(0, end));
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (!is_digit(number[i]))
      result[i] = number[i];
    else if (!is_digit(result[i]))
      result[i] = '9';  // of a mask, or for an X
  }
  const std::size_t first = result.starts_with('-') ? 1 : 0;
  if (result.size() > first + 1 && result[first] == '0' && is_digit(result[first + 1]))
    result[first] = static_cast<char>('1' + hmac_.digest(result)[0] % 9);
  return result.append(number.substr(end));
}

}  // namespace gray
