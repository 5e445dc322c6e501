// The units people write on the command line, and the ones they read: 30s, 32MB, 10kpps, 12.5%.
// A bare number where the unit would be a guess is refused with a hint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gray {

/// "30s", "2m", "500us", "1h", "100ns", "1.5s" in nanoseconds. Throws UsageError.
std::uint64_t parse_duration(std::string_view text);

/// "64KB", "32MB", "1GiB", "512B" in bytes; K, M and G alone mean the binary ones, as in tcpdump
/// -B. KB, MB, GB are decimal. Throws UsageError.
std::uint64_t parse_size(std::string_view text);

/// "500rps", "10krps" in requests per second. Throws UsageError.
double parse_request_rate(std::string_view text);

/// "10kpps", "1.5Mpps" in frames a second; a bare number is in pps, for options whose name says so.
/// Throws UsageError.
double parse_frame_rate(std::string_view text);

/// "4Gbps", "100Mbps" in bits a second; a bare number is in Mbps, likewise.
double parse_bit_rate(std::string_view text);

/// "12.5%" as 0.125; steps of 0.1 % or finer. Throws UsageError unless 0 < share <= 100 %.
double parse_share(std::string_view text);

/// A share as the threshold that a 64-bit hash is compared with: selected when hash <= threshold.
std::uint64_t share_threshold(double share) noexcept;

/// 1234567890 as "1.23s", 1500 as "1.50us": three significant digits, for people.
std::string format_duration(std::uint64_t ns);

/// 1500000 as "1.50MB", for people.
std::string format_bytes(std::uint64_t bytes);

}  // namespace gray
