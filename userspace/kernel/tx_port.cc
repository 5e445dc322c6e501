// Which way out it is to be: zero-copy, copy, packet socket, in this order, as far as asked for.
#include "userspace/kernel/tx_port.h"

#include <net/if.h>

#include <system_error>

#include "userspace/base/errors.h"
#include "userspace/kernel/interface.h"
#include "userspace/kernel/netlink.h"
#include "userspace/kernel/packet_socket.h"
#include "userspace/kernel/tx_socket.h"

namespace gray {
namespace {

std::unique_ptr<TxPort> open_xdp(const TxOptions& options) {
  if (options.zero_copy == TxZeroCopy::Off)
    return std::make_unique<TxSocket>(options, BindMode::Copy);
  try {
    return std::make_unique<TxSocket>(options, BindMode::ZeroCopy);
  } catch (const std::system_error& error) {
    if (options.zero_copy == TxZeroCopy::On || !bind_refused(error.code().value())) throw;
    auto port = std::make_unique<TxSocket>(options, BindMode::Copy);
    port->say_why_not("no zero-copy: " + error.code().message());
    return port;
  }
}

void check_interface(const TxOptions& options) {
  const InterfaceFacts interface = read_interface(options.interface);
  if (!interface.ethernet)
    throw UsageError(options.interface +
                     " takes no Ethernet frames: choose an interface that does");
  if (!interface.up)
    throw UsageError(options.interface + " is down: ip link set " + options.interface + " up");
}

}  // namespace

std::unique_ptr<TxPort> open_tx_port(const TxOptions& options) {
  check_interface(options);
  if (options.via == TxVia::Packet) {
    if (options.zero_copy == TxZeroCopy::On)
      throw UsageError(
          "a packet socket has no zero-copy: leave out --zero-copy on or --via packet");
    return std::make_unique<PacketSocket>(options, std::string());
  }
  try {
    return open_xdp(options);
  } catch (const std::system_error& error) {
    if (options.via == TxVia::Xdp || options.zero_copy == TxZeroCopy::On) throw;
    return std::make_unique<PacketSocket>(options, std::string("no AF_XDP: ") + error.what());
  }
}

std::uint64_t read_tx_drops(const std::string& interface) {
  const auto index = static_cast<int>(if_nametoindex(interface.c_str()));
  std::uint64_t drops = 0;
  netlink_dump(RTM_GETLINK, [&](const nlmsghdr& message) {
    const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(&message));
    if (index == 0 || link->ifi_index != index) return;
    const std::size_t fixed = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(*link)));
    if (message.nlmsg_len <= fixed) return;
    for_attributes(IFLA_RTA(link), message.nlmsg_len - fixed, [&](const rtattr& attribute) {
      if (attribute.rta_type == IFLA_STATS64)
        drops = attribute_value<rtnl_link_stats64>(attribute).tx_dropped;
    });
  });
  return drops;
}

}  // namespace gray
