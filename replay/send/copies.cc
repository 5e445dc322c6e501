#include "replay/send/copies.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace gray {
namespace {

// The finaliser of splitmix64: a bijection, so that two copies of one exchange never share an id.
std::uint64_t mixed(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

constexpr std::array<std::string_view, 3> kKeys{"idempotency-key", "x-idempotency-key",
                                                "x-request-id"};
constexpr std::array<std::string_view, 4> kSafe{"GET", "HEAD", "OPTIONS", "TRACE"};

/// Letters up to f by themselves: they may be hexadecimal digits.
constexpr std::array<std::string_view, 5> kKinds{"0123456789", "abcdef", "ghijklmnopqrstuvwxyz",
                                                 "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ"};

/// Adds `number` to the text, read as digits of their kinds, from behind: two numbers never give
/// the same text, as long as it has digits enough.
void add(std::string& text, std::uint64_t number) {
  for (auto place = text.rbegin(); place != text.rend() && number > 0; ++place)
    for (const std::string_view kind : kKinds) {
      const std::size_t digit = kind.find(*place);
      if (digit == kind.npos) continue;
      number += digit;
      *place = kind[number % kind.size()];
      number /= kind.size();
      break;
    }
}

void shift(Message& message, std::uint64_t by_ns) noexcept {
  message.first_byte_ns += by_ns;
  message.last_byte_ns += by_ns;
  for (BodyPiece& piece : message.pieces) piece.time_ns += by_ns;
}

}  // namespace

ExchangeId id_of_copy(const ExchangeId& id, std::uint64_t copy) noexcept {
  ExchangeId other = id;
  std::uint64_t half = 0;
  std::memcpy(&half, other.bytes.data(), sizeof(half));
  half ^= mixed(copy);
  std::memcpy(other.bytes.data(), &half, sizeof(half));
  return other;
}

void give_own_keys(Request& request, std::uint64_t copy) {
  const auto safe = std::find(kSafe.begin(), kSafe.end(), request.method) != kSafe.end();
  if (copy == 0 || safe) return;
  // Spread out, so that a client that counts does not meet the copies of its own next request.
  const std::uint64_t number = mixed(copy) >> 8;
  for (Header& header : request.headers)
    for (const std::string_view key : kKeys)
      if (same_name(header.name, key)) add(header.value, number);
}

void shift_times(Exchange& exchange, std::uint64_t by_ns) noexcept {
  shift(exchange.request, by_ns);
  if (exchange.response) shift(*exchange.response, by_ns);
}

}  // namespace gray
