// Where the headers of a frame are that a rule may change: the IP headers from the outermost on,
// those that ICMP errors quote, and ARP. Found before anything is changed, with the parser that
// decode() uses. Offsets are into the frame's captured bytes. Inside of the Rewriter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "userspace/packet/packet.h"

namespace gray {

struct IpLayer {
  std::uint32_t ip = 0;           ///< the IP header
  std::uint32_t header = 0;       ///< bytes of it: IPv4 with its options, 40 for IPv6
  std::uint32_t upper = 0;        ///< the upper-layer header; 0: not in here, or not captured
  std::uint32_t end = 0;          ///< where the packet ended on the wire; may be beyond the frame
  std::uint32_t captured = 0;     ///< where what was captured of it ends, padding included
  std::uint32_t source = 0;       ///< the addresses of the pseudo-header: those of the header,
  std::uint32_t destination = 0;  ///< or a home address and the end of a source route
  std::uint8_t proto = 0;
  std::uint8_t tunnels = 0;  ///< how many are around it
  bool v4 = false;
  bool fragment = false;
  bool more_addresses = false;  ///< behind the header's own: see address_list.h
  bool quoted = false;          ///< it, or what it is in, stands in an ICMP error
  bool returning = false;       ///< quoted an odd number of times: it went the other way
};

struct FrameLayers {
  enum class Odd : std::uint8_t { None, NotIp, Odd, Tunnel };
  static constexpr std::size_t kMost = 8;

  std::array<IpLayer, kMost> ip;  ///< the outermost first
  std::size_t count = 0;
  std::uint32_t arp = 0;  ///< an ARP packet for IPv4 where IP would be; 0: none
  Odd odd = Odd::None;
};

/// How far a frame is followed.
enum class Depth : std::uint8_t {
  Outer,       ///< not into tunnels
  Inner,       ///< into those that decode() reads
  Everything,  ///< likewise, and what looks like a tunnel and cannot be read is odd
};

/// Where an ARP packet for IPv4 begins, up to its addresses captured; 0 when the frame says it
/// holds something else. Only what an Ethernet or cooked header with VLAN tags names directly.
std::uint32_t find_arp(std::span<const std::uint8_t> frame, LinkType link) noexcept;

FrameLayers find_layers(std::span<const std::uint8_t> frame, std::uint32_t wire_length,
                        LinkType link, Depth depth) noexcept;

}  // namespace gray
