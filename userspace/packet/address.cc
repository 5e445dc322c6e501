#include "userspace/packet/address.h"

#include <arpa/inet.h>
#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "bpf/tag.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::array<std::uint8_t, 12> kV4Prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kV4PrefixBits = 96;

/// The bits of byte `index` that a prefix of `bits` bits covers.
std::uint8_t mask_of(unsigned index, unsigned bits) noexcept {
  const unsigned before = index * 8;
  if (bits >= before + 8) return 0xff;
  if (bits <= before) return 0;
  return static_cast<std::uint8_t>(0xff << (8 - (bits - before)));
}

bool parse_address(std::string_view text, IpAddress& address) {
  const std::string terminated(text);
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
    address = IpAddress::v4(bytes.data());
    return true;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) != 1) return false;
  address = IpAddress::v6(bytes.data());
  return true;
}

}  // namespace

IpAddress IpAddress::v4(const std::uint8_t* four_bytes) noexcept {
  IpAddress address;
  std::copy(kV4Prefix.begin(), kV4Prefix.end(), address.bytes.begin());
  std::memcpy(address.bytes.data() + kV4Prefix.size(), four_bytes, 4);
  return address;
}

IpAddress IpAddress::v6(const std::uint8_t* sixteen_bytes) noexcept {
  IpAddress address;
  std::memcpy(address.bytes.data(), sixteen_bytes, 16);
  return address;
}

IpAddress IpAddress::parse(std::string_view text) {
  IpAddress address;
  if (text.find('\0') == std::string_view::npos && parse_address(text, address)) return address;
  throw UsageError(fmt::format("'{}' is not an IP address (10.0.0.1, 2001:db8::1)", text));
}

bool IpAddress::is_v4() const noexcept {
  return std::equal(kV4Prefix.begin(), kV4Prefix.end(), bytes.begin());
}

bool IpAddress::is_loopback() const noexcept {
  if (is_v4()) return bytes[12] == 127;
  return bytes[15] == 1 &&
         std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; });
}

std::string IpAddress::to_string() const {
  if (is_v4())
    return fmt::format(FMT_COMPILE("{}.{}.{}.{}"), bytes[12], bytes[13], bytes[14], bytes[15]);
  char text[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::string Endpoint::to_string() const {
  if (address.is_v4()) return fmt::format(FMT_COMPILE("{}:{}"), address.to_string(), port);
  return fmt::format("[{}]:{}", address.to_string(), port);
}

Cidr Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  Cidr cidr;
  cidr.address = IpAddress::parse(text.substr(0, slash));
  if (slash == std::string_view::npos) return cidr;

  const unsigned widest = cidr.address.is_v4() ? 32 : 128;
  const std::string_view digits = text.substr(slash + 1);
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (error != std::errc{} || end != digits.data() + digits.size() || prefix > widest)
    throw UsageError(
        fmt::format("'{}': the prefix after / is a number from 0 to {}", text, widest));
  cidr.prefix = prefix + (128 - widest);
  for (unsigned i = 0; i < cidr.address.bytes.size(); ++i)
    cidr.address.bytes[i] &= mask_of(i, cidr.prefix);
  return cidr;
}

bool Cidr::contains(const IpAddress& other) const noexcept {
  for (unsigned i = 0; i < other.bytes.size(); ++i)
    if ((other.bytes[i] & mask_of(i, prefix)) != address.bytes[i]) return false;
  return true;
}

std::string Cidr::to_string() const {
  const bool v4 = address.is_v4() && prefix >= kV4PrefixBits;
  const unsigned bits = v4 ? prefix - kV4PrefixBits : prefix;
  return fmt::format("{}/{}", address.to_string(), bits);
}

}  // namespace gray

std::size_t std::hash<gray::Endpoint>::operator()(const gray::Endpoint& endpoint) const noexcept {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, endpoint.address.bytes.data(), sizeof high);
  std::memcpy(&low, endpoint.address.bytes.data() + sizeof high, sizeof low);
  return gray_mix(gray_mix(high + endpoint.port) ^ low);
}
