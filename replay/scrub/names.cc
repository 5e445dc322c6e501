#include "replay/scrub/names.h"

#include <algorithm>
#include <array>

#include "replay/scrub/chars.h"

namespace gray {
namespace {

constexpr std::size_t kMaxName = 64;  // longer ones are judged by their end
constexpr std::size_t kOauthCodeMin = 16;

constexpr std::array<std::string_view, 45> kNames{
    "apikey",        "accesskey",     "auth",         "authcode",
    "authorization", "bearer",        "cookie",       "credential",
    "credentials",   "cvc",           "cvc2",         "cvv",
    "cvv2",          "encryptionkey", "imsi",         "jsessionid",
    "jwt",           "mfacode",       "otp",          "pass",
    "passcode",      "passphrase",    "passwd",       "password",
    "passwords",     "phpsessid",     "pin",          "pincode",
    "privatekey",    "pwd",           "secret",       "secretaccesskey",
    "secretkey",     "secrets",       "securitycode", "sessid",
    "session",       "sessionid",     "sessionkey",   "sid",
    "sig",           "sign",          "signature",    "token",
    "totp"};

constexpr std::array<std::string_view, 11> kEndings{
    "token",     "password",   "passwd",    "passcode",  "secret",   "apikey",
    "secretkey", "privatekey", "accesskey", "signature", "sessionid"};

constexpr std::array<std::string_view, 5> kListTokens{"pagetoken", "nexttoken", "prevtoken",
                                                      "continuationtoken", "continuetoken"};

constexpr std::array<std::string_view, 12> kHeaderParts{
    "access-key", "api-key",     "apikey", "credential", "jwt",       "passwd",
    "password",   "private-key", "secret", "session",    "signature", "token"};

constexpr std::array<bool, 256> first_letters() noexcept {
  std::array<bool, 256> is{};
  for (const std::string_view part : kHeaderParts) is[static_cast<unsigned char>(part[0])] = true;
  return is;
}
constexpr std::array<bool, 256> kBeginsHeaderPart = first_letters();

bool begins_with_part(std::string_view lower) noexcept {
  return std::any_of(kHeaderParts.begin(), kHeaderParts.end(), [&](std::string_view part) {
    return part[0] == lower[0] && lower.starts_with(part);
  });
}

template <std::size_t N>
bool ends_in(std::string_view text, const std::array<std::string_view, N>& endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return text.ends_with(ending); });
}

/// "user[newPassword]" as "newpassword".
std::string_view normalise(std::string_view name, std::array<char, kMaxName>& buffer) noexcept {
  if (name.ends_with(']')) {
    name.remove_suffix(1);
    const std::size_t open = name.rfind('[');
    if (open != std::string_view::npos) name.remove_prefix(open + 1);
  }
  if (name.size() > kMaxName) name.remove_prefix(name.size() - kMaxName);
  std::size_t size = 0;
  for (const char c : name)
    if (c != '-' && c != '_' && c != '.' && c != ' ') buffer[size++] = to_lower(c);
  return {buffer.data(), size};
}

}  // namespace

bool is_secret_name(std::string_view name) noexcept {
  if (name.size() < 3) return false;
  std::array<char, kMaxName> buffer;
  const std::string_view plain = normalise(name, buffer);
  if (plain.size() < 3) return false;
  // Most names are no secrets, and their last letter tells.
  constexpr std::string_view kLast = "ydhenlscv2iptrkg";
  if (kLast.find(plain.back()) == std::string_view::npos) return false;
  if (std::find(kNames.begin(), kNames.end(), plain) != kNames.end()) return true;
  return ends_in(plain, kEndings) && !ends_in(plain, kListTokens);
}

bool is_secret_parameter(std::string_view name, std::string_view value) noexcept {
  if (name == "code") return value.size() >= kOauthCodeMin;
  return is_secret_name(name);
}

bool is_secret_header(std::string_view name) noexcept {
  std::array<char, kMaxName> buffer;
  const std::size_t size = std::min(name.size(), buffer.size());
  std::transform(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(size), buffer.begin(),
                 to_lower);
  const std::string_view lower(buffer.data(), size);
  if (lower == "authorization" || lower == "proxy-authorization") return true;
  // Most places of a name are passed over at one look.
  for (std::size_t at = 0; at < lower.size(); ++at)
    if (kBeginsHeaderPart[static_cast<unsigned char>(lower[at])] &&
        begins_with_part(lower.substr(at)))
      return true;
  return false;
}

}  // namespace gray
