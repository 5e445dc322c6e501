#include "replay/rewrite/sctp.h"

#include <array>

namespace gray {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78U : 0);
    table[byte] = crc;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = make_table();

std::uint32_t step(std::uint32_t crc, std::uint8_t byte) noexcept {
  return (crc >> 8) ^ kTable[(crc ^ byte) & 0xff];
}

}  // namespace

std::uint32_t sctp_checksum(std::span<const std::uint8_t> packet) noexcept {
  std::uint32_t crc = ~0U;
  for (std::size_t i = 0; i < packet.size(); ++i)
    crc = step(crc, i >= 8 && i < 12 ? std::uint8_t{0} : packet[i]);
  return ~crc;
}

std::uint32_t sctp_checksum_update(std::uint32_t checksum, std::uint32_t change,
                                   std::size_t length) noexcept {
  std::uint32_t crc = 0;
  for (int shift = 24; shift >= 0; shift -= 8)
    crc = step(crc, static_cast<std::uint8_t>(change >> shift));
  for (std::size_t i = 4; i < length; ++i) crc = step(crc, 0);
  return checksum ^ crc;
}

}  // namespace gray
