#include "replay/send/copies.h"

#include <cstring>

namespace gray {
namespace {

// The finaliser of splitmix64: a bijection, so that two copies of one exchange never share an id.
std::uint64_t mixed(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
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

void shift_times(Exchange& exchange, std::uint64_t by_ns) noexcept {
  shift(exchange.request, by_ns);
  if (exchange.response) shift(*exchange.response, by_ns);
}

}  // namespace gray
