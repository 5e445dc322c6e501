// What a driver says of its interface through ethtool ioctls, by name, in the calling thread's
// network namespace. What a driver does not answer is zero, empty or nothing; only sockets throw.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gray {

/// "" when it does not say.
std::string read_driver(const std::string& interface);

struct Channels {
  std::uint32_t rx = 0;  ///< RX queues in use, combined ones included
  std::uint32_t tx = 0;
  std::uint32_t rx_max = 0;
  bool combined = false;  ///< they are set as `combined`
};
Channels read_channels(const std::string& interface);

/// How frames are spread over the RX queues.
struct Rss {
  std::uint32_t entries = 0;  ///< of the indirection table
  std::uint32_t queues = 0;   ///< that the table names
  /// Both directions of a flow come to one queue; only kernels from 6.8 on tell.
  bool symmetric = false;
};
std::optional<Rss> read_rss(const std::string& interface);

/// An offload by its ethtool -K name.
struct Offload {
  std::string name;
  bool on = false;
  bool fixed = false;  ///< cannot be changed
};
/// gro, lro, rx-gro-hw, rxvlan, tso, gso: those of them that the kernel knows, in this order.
std::vector<Offload> read_offloads(const std::string& interface);

struct HardwareClock {
  int index = -1;           ///< /dev/ptpN; -1: none
  bool stamps_rx = false;   ///< can stamp what it receives
  bool stamps_all = false;  ///< every frame, not only PTP's
  bool stamps_tx = false;
};
HardwareClock read_clock(const std::string& interface);

}  // namespace gray
