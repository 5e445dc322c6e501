// What the kernel says an interface's driver can do with XDP: generic netlink's family "netdev",
// since Linux 6.3 (Documentation/netlink/specs/netdev.yaml).
#pragma once

#include <cstdint>

namespace gray {

struct XdpFeatures {
  bool known = false;  ///< false: this kernel does not tell, and all below is false
  bool native = false;
  bool redirect = false;
  bool ndo_xmit = false;   ///< takes frames that XDP redirects to it
  bool zero_copy = false;  ///< AF_XDP; the driver offers it, a bind may be refused all the same
  bool multi_buffer = false;
  std::uint32_t zero_copy_segments = 0;  ///< of a frame, at most; 0: it does not tell
  bool rx_timestamp = false;             ///< metadata kfuncs
  bool rx_hash = false;
  bool rx_vlan = false;
  bool tx_timestamp = false;  ///< AF_XDP TX metadata
};

/// Throws std::system_error for what is no lack of the kernel's.
XdpFeatures read_xdp_features(unsigned ifindex);

}  // namespace gray
