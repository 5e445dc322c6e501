#include "replay/protocol/exchange.h"

#include <algorithm>

namespace gray {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

const std::string* find_header(const Headers& headers, std::string_view name) noexcept {
  for (const Header& header : headers)
    if (same_name(header.name, name)) return &header.value;
  return nullptr;
}

std::string ExchangeId::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::uint64_t Exchange::latency_ns() const noexcept {
  if (!response || request.last_byte_ns == 0) return 0;
  const std::uint64_t asked = request.last_byte_ns;
  const std::uint64_t answered = response->first_byte_ns;
  return answered > asked ? answered - asked : 0;
}

}  // namespace gray
