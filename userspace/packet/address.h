// Addresses, endpoints and networks as values. IPv4 is kept as ::ffff:a.b.c.d, so one type holds
// both families; text is always the family's own.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gray {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  ///< network order

  static IpAddress v4(const std::uint8_t* four_bytes) noexcept;
  static IpAddress v6(const std::uint8_t* sixteen_bytes) noexcept;
  /// "10.0.0.1", "2001:db8::1". Throws UsageError.
  static IpAddress parse(std::string_view text);

  bool is_v4() const noexcept;
  bool is_loopback() const noexcept;
  std::string to_string() const;
  auto operator<=>(const IpAddress&) const = default;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;  ///< host order

  /// "10.0.0.1:80", "[2001:db8::1]:80".
  std::string to_string() const;
  auto operator<=>(const Endpoint&) const = default;
};

struct Cidr {
  IpAddress address;      ///< host bits are zero
  unsigned prefix = 128;  ///< of 128 bits: 10.0.0.0/8 has 96 + 8

  /// "10.0.0.0/8", "2001:db8::/32", or an address alone. Throws UsageError.
  static Cidr parse(std::string_view text);
  bool contains(const IpAddress& address) const noexcept;
  std::string to_string() const;
};

}  // namespace gray

template <>
struct std::hash<gray::Endpoint> {
  std::size_t operator()(const gray::Endpoint& endpoint) const noexcept;
};
