// What the kernel says about a network interface, asked by netlink and ethtool ioctls only (sysfs
// shows the namespace of its mount, not of the caller). Everything is of the calling thread's
// network namespace and of the moment of asking.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "userspace/packet/address.h"

namespace gray {

struct InterfaceFacts {
  std::string name;
  unsigned index = 0;
  std::string driver;  ///< "" when the driver does not say
  std::uint32_t mtu = 0;
  std::uint32_t rx_queues = 1;  ///< in use now
  bool up = false;
  bool loopback = false;
  bool ethernet = false;             ///< its frames begin with an Ethernet header
  std::uint32_t xdp_program = 0;     ///< id of the attached XDP program, 0: none
  std::vector<IpAddress> addresses;  ///< without IPv6 link-local ones, which come by themselves
  std::vector<std::string> routes;   ///< "default", "10.0.0.0/24": those that leave by it
};

/// Throws UsageError when there is none of that name.
InterfaceFacts read_interface(const std::string& name);

/// Of all interfaces, by index.
std::vector<std::string> interface_names();

}  // namespace gray
