// One line of text for a frame, as tcpdump writes it with -n: numbers only. No control
// character that came off the wire gets to a terminal.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "userspace/packet/packet.h"

namespace gray {

struct PrintOptions {
  bool link_header = false;  ///< -e: MAC addresses and EtherType
  bool verbose = false;      ///< -v: TTL, id and length of the IP header
  TunnelOptions tunnels = {};
};

/// "12:34:56.123456789 In IP 10.0.0.1.50000 > 10.0.0.2.80: Flags [S], seq 1, win 512, length 0",
/// local time, without a newline. Tunnels stand in front of what they carry:
/// "IP 192.0.2.1.4000 > 192.0.2.2.4789: VXLAN: IP 10.0.0.1.…".
std::string print_frame(const Frame& frame, const PrintOptions& options = {});

/// As tcpdump -x: lines of 16 bytes, "\t0x0010:  0a00 0001 …\n".
std::string print_hex(std::span<const std::uint8_t> bytes);

/// As tcpdump -X: the same with their characters beside them; a dot for what is none.
std::string print_hex_and_text(std::span<const std::uint8_t> bytes);

/// As tcpdump -A: only the characters, lines as they come.
std::string print_text(std::span<const std::uint8_t> bytes);

}  // namespace gray
