#include "replay/protocol/exchange.h"

namespace gray {

std::string ExchangeId::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

bool Exchange::answered_early() const noexcept {
  return response && response->first_byte_ns < request.last_byte_ns;
}

std::uint64_t Exchange::latency_ns() const noexcept {
  if (!response || request.last_byte_ns == 0) return 0;
  const std::uint64_t asked = request.last_byte_ns;
  const std::uint64_t answered = response->first_byte_ns;
  return answered > asked ? answered - asked : 0;
}

}  // namespace gray
