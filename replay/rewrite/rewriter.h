// Rewrites frames for another network: addresses, ports, VLAN tags, TTL and TOS, with every
// checksum that covers them kept right (RFC 1624). What `rewrite` does from file to file and
// `replay -i` on the way out is this, and nothing else. A Rewriter is constant once made; any
// thread may use it.
//
// IP headers are found behind VLAN tags, MPLS labels, PPPoE and every link type that decode()
// reads. Ports and addresses of the packet that an ICMP error quotes are changed alike, those of
// ARP and of IPv6 neighbour discovery too, and with `inner` what tunnels carry. Payloads are never
// touched: an address in DNS, DHCP or a router advertisement stays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "replay/rewrite/address_map.h"
#include "replay/rewrite/options.h"
#include "replay/rewrite/way.h"
#include "userspace/packet/packet.h"

namespace gray {

/// Why a frame was given back as it came.
enum class RewriteRefusal : std::uint8_t {
  None,
  NotIp,   ///< no IP in it that could be scrambled, and what else it may tell is not known
  Odd,     ///< its headers cannot be followed to where a rule would change them
  Tunnel,  ///< to be scrambled inside too, but what the tunnel carries cannot be followed
  Sctp,    ///< a first fragment of SCTP, whose checksum needs the whole of it
  NoRoom,  ///< a VLAN tag to add does not fit the buffer
};
/// The ledger's name for it: "not_ip", "odd", "tunnel", "sctp_fragment", "no_room".
std::string_view to_string(RewriteRefusal refusal) noexcept;
inline constexpr std::size_t kRewriteRefusals = 6;

struct Rewritten {
  std::size_t length = 0;         ///< captured bytes now; a VLAN tag may have come or gone
  std::uint32_t wire_length = 0;  ///< likewise on the wire
  RewriteRefusal refusal = RewriteRefusal::None;
};

/// Bytes that a rewritten frame may be longer than it came: a VLAN tag.
inline constexpr std::size_t kRewriteGrowth = 4;

class Rewriter {
 public:
  /// Throws UsageError for rules that contradict each other.
  explicit Rewriter(const RewriteOptions& options);

  /// Nothing to do for any frame: the data path may skip the call.
  bool idle() const noexcept { return idle_; }
  /// Whether apply() looks at `way` at all.
  bool needs_way() const noexcept { return options_.needs_way(); }
  /// A refused frame must not go on as it came: it would show or use an address that a rule hides.
  bool refused_must_stop() const noexcept { return options_.changes_addresses(); }

  /// Rewrites the frame that fills the first `length` bytes of `room`, in place; it had
  /// `wire_length` (>= length) bytes on the wire. What a snap length cut off is not missed: the
  /// headers that were captured are rewritten, and checksums are then updated, not computed.
  /// MAC and VLAN rules leave frames of other link types than Ethernet alone.
  Rewritten apply(std::span<std::uint8_t> room, std::size_t length, std::uint32_t wire_length,
                  LinkType link, Way way) const noexcept;

 private:
  RewriteOptions options_;
  AddressMap addresses_;
  bool network_ = false;  ///< something above the link layer is changed
  bool idle_ = true;
};

}  // namespace gray
