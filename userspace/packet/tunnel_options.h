// Which tunnels are followed to the flow inside, and how far: the same options for the kernel's
// parser (gray_config) and for decode(), so that both find the same flow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpf/shared.h"

namespace gray {

inline constexpr unsigned kMaxTunnelDepth = 4;  ///< unless told

// Teredo (RFC 4380) and AYIYA have one UDP port each, that is part of what they are.
inline constexpr std::uint16_t kTeredoPort = 3544;
inline constexpr std::uint16_t kAyiyaPort = 5072;

struct TunnelOptions {
  static constexpr std::size_t kMaxPorts = 4;  ///< of each list

  /// Tunnels entered at most, 0 to GRAY_MAX_TUNNEL_DEPTH. With 0 the flow is the outermost one.
  unsigned depth = kMaxTunnelDepth;
  // UDP ports, host order. An empty list: this tunnel is not followed.
  std::vector<std::uint16_t> vxlan = {4789, 8472};  ///< IANA's, and Linux's before there was one
  std::vector<std::uint16_t> geneve = {6081};
  std::vector<std::uint16_t> gtp = {2152};  ///< GTP-U
};

/// A value that lives as long as the program.
const TunnelOptions& default_tunnels() noexcept;

/// Fills `ports` (of GRAY_MAX_TUNNEL_PORTS) with every port that opens a tunnel, in the order in
/// which they are asked; their count. The lists are taken for checked: check_tunnels().
std::size_t tunnel_ports(const TunnelOptions& options, gray_tunnel_port* ports) noexcept;

/// Throws UsageError for a depth or a list that the kernel side does not hold, for port 0, and for
/// a port that is in two lists.
void check_tunnels(const TunnelOptions& options);

}  // namespace gray
