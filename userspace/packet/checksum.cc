#include "userspace/packet/checksum.h"

#include <netinet/in.h>

#include <bit>
#include <cstring>

namespace gray {
namespace {

std::uint16_t fold(std::uint64_t sum) noexcept {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

/// A sum of words in this machine's order is the byte-swapped sum of words in network order
/// (RFC 1071 §2 (B)), so the loop can read eight bytes at a time as they lie.
std::uint16_t network_order(std::uint64_t native_sum) noexcept {
  const std::uint16_t folded = fold(native_sum);
  if constexpr (std::endian::native == std::endian::big) return folded;
  return static_cast<std::uint16_t>(folded << 8 | folded >> 8);
}

std::span<const std::uint8_t> family_bytes(const IpAddress& address) noexcept {
  return std::span(address.bytes).subspan(address.is_v4() ? 12 : 0);
}

}  // namespace

std::uint64_t checksum_add(std::uint64_t sum, std::span<const std::uint8_t> bytes) noexcept {
  std::uint64_t native = 0;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    native += word & 0xffffffff;
    native += word >> 32;
  }
  for (; i < bytes.size(); i += 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, bytes.data() + i, bytes.size() - i == 1 ? 1 : 2);
    native += word;
  }
  return sum + network_order(native);
}

std::uint16_t checksum_finish(std::uint64_t sum) noexcept {
  return static_cast<std::uint16_t>(~fold(sum));
}

std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes) noexcept {
  return checksum_finish(checksum_add(0, bytes));
}

std::uint64_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination,
                                std::uint8_t proto, std::uint32_t length) noexcept {
  std::uint64_t sum = checksum_add(0, family_bytes(source));
  sum = checksum_add(sum, family_bytes(destination));
  return sum + proto + (length >> 16) + (length & 0xffff);
}

std::uint16_t transport_checksum(const IpAddress& source, const IpAddress& destination,
                                 std::uint8_t proto,
                                 std::span<const std::uint8_t> segment) noexcept {
  const auto length = static_cast<std::uint32_t>(segment.size());
  const std::uint16_t checksum =
      checksum_finish(checksum_add(pseudo_header_sum(source, destination, proto, length), segment));
  return checksum == 0 && proto == IPPROTO_UDP ? std::uint16_t{0xffff} : checksum;
}

std::uint16_t checksum_update(std::uint16_t checksum, std::uint16_t old_word,
                              std::uint16_t new_word) noexcept {
  const std::uint64_t sum = std::uint64_t{static_cast<std::uint16_t>(~checksum)} +
                            static_cast<std::uint16_t>(~old_word) + new_word;
  return checksum_finish(sum);
}

std::uint16_t checksum_update(std::uint16_t checksum, std::span<const std::uint8_t> old_bytes,
                              std::span<const std::uint8_t> new_bytes) noexcept {
  return checksum_update(checksum, fold(checksum_add(0, old_bytes)),
                         fold(checksum_add(0, new_bytes)));
}

}  // namespace gray
