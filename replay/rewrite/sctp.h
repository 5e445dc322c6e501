// The CRC32c of SCTP (RFC 9260 §6.8), computed or updated in place: it is linear, so a change of
// the ports changes it by the CRC of that change alone. Pure functions. Inside of the Rewriter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gray {

/// Of a packet whose checksum field counts as 0. To be written least significant byte first.
std::uint32_t sctp_checksum(std::span<const std::uint8_t> packet) noexcept;

/// What `checksum` becomes when the first four bytes of a packet of `length` bytes change by XOR
/// with `change` (as they lie on the wire, the first byte highest).
std::uint32_t sctp_checksum_update(std::uint32_t checksum, std::uint32_t change,
                                   std::size_t length) noexcept;

}  // namespace gray
