// The Internet checksum (RFC 1071), over pieces, with pseudo-headers (RFC 9293 §3.1, RFC 768,
// RFC 8200 §8.1) and updated in place (RFC 1624). Pure functions; checksums are values in host
// order, to be written to the wire big-endian.
#pragma once

#include <cstdint>
#include <span>

#include "userspace/packet/address.h"

namespace gray {

/// Adds `bytes` to a running sum. Every piece but the last has an even length.
std::uint64_t checksum_add(std::uint64_t sum, std::span<const std::uint8_t> bytes) noexcept;

/// The checksum of a running sum: folded to 16 bits and complemented.
std::uint16_t checksum_finish(std::uint64_t sum) noexcept;

/// Of one piece: an IPv4 header, an ICMP message. With the field itself 0 it gives what belongs
/// there; over a header that carries its checksum it gives 0.
std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes) noexcept;

/// Running sum of the pseudo-header; `length` is that of the upper-layer header and data. Both
/// addresses are of one family.
std::uint64_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination,
                                std::uint8_t proto, std::uint32_t length) noexcept;

/// Of a TCP, UDP or ICMPv6 segment with its pseudo-header; the field itself must be 0. UDP's 0
/// comes out as 0xffff, for there 0 means "none".
std::uint16_t transport_checksum(const IpAddress& source, const IpAddress& destination,
                                 std::uint8_t proto,
                                 std::span<const std::uint8_t> segment) noexcept;

/// What `checksum` becomes when the 16-bit word it covers changes (RFC 1624, equation 3).
std::uint16_t checksum_update(std::uint16_t checksum, std::uint16_t old_word,
                              std::uint16_t new_word) noexcept;

/// As checksum_update(), for an even number of bytes that start at an even offset: an address.
/// Both spans have one length.
std::uint16_t checksum_update(std::uint16_t checksum, std::span<const std::uint8_t> old_bytes,
                              std::span<const std::uint8_t> new_bytes) noexcept;

}  // namespace gray
