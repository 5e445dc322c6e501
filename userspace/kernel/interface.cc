// Three dumps (links, addresses, routes) and two questions to the driver, each put into its place.
#include "userspace/kernel/interface.h"

#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "userspace/base/errors.h"
#include "userspace/kernel/ethtool.h"
#include "userspace/kernel/netlink.h"

namespace gray {
namespace {

// The attributes behind the message's fixed part T.
template <class T>
void for_tail(const nlmsghdr& message, const std::function<void(const rtattr&)>& each) {
  for_attributes_behind(sizeof(T), message, each);
}

template <class T>
const T& fixed_part(const nlmsghdr& message) {
  return *static_cast<const T*>(NLMSG_DATA(&message));
}

std::uint32_t xdp_program_id(const rtattr& nest) {
  std::uint32_t id = 0;
  for_attributes(RTA_DATA(&nest), RTA_PAYLOAD(&nest), [&](const rtattr& attribute) {
    if (attribute.rta_type == IFLA_XDP_PROG_ID) id = attribute_value<std::uint32_t>(attribute);
  });
  return id;
}

std::string text(const rtattr& attribute) {
  const auto* bytes = static_cast<const char*>(RTA_DATA(&attribute));
  return {bytes, strnlen(bytes, RTA_PAYLOAD(&attribute))};
}

void read_link(const nlmsghdr& message, InterfaceFacts& facts) {
  const auto& info = fixed_part<ifinfomsg>(message);
  facts.index = static_cast<unsigned>(info.ifi_index);
  facts.up = (info.ifi_flags & IFF_UP) != 0;
  facts.loopback = (info.ifi_flags & IFF_LOOPBACK) != 0;
  facts.ethernet = info.ifi_type == ARPHRD_ETHER || info.ifi_type == ARPHRD_LOOPBACK;
  for_tail<ifinfomsg>(message, [&](const rtattr& attribute) {
    switch (attribute.rta_type & NLA_TYPE_MASK) {
      case IFLA_IFNAME:
        facts.name = text(attribute);
        break;
      case IFLA_MTU:
        facts.mtu = attribute_value<std::uint32_t>(attribute);
        break;
      case IFLA_NUM_RX_QUEUES:
        facts.rx_queues = attribute_value<std::uint32_t>(attribute);
        break;
      case IFLA_XDP:
        facts.xdp_program = xdp_program_id(attribute);
        break;
    }
  });
}

IpAddress to_address(int family, const rtattr& attribute) {
  const auto* bytes = static_cast<const std::uint8_t*>(RTA_DATA(&attribute));
  const std::size_t size = RTA_PAYLOAD(&attribute);
  if (family == AF_INET && size >= 4) return IpAddress::v4(bytes);
  if (family == AF_INET6 && size >= 16) return IpAddress::v6(bytes);
  return {};
}

// fe80::/10
bool link_local(const IpAddress& address) {
  return address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

void read_address(const nlmsghdr& message, InterfaceFacts& facts) {
  const auto& info = fixed_part<ifaddrmsg>(message);
  if (info.ifa_index != facts.index) return;
  IpAddress address;
  bool local = false;
  // On a point-to-point link IFA_ADDRESS is the other end, IFA_LOCAL ours.
  for_tail<ifaddrmsg>(message, [&](const rtattr& attribute) {
    if (attribute.rta_type != IFA_LOCAL && (attribute.rta_type != IFA_ADDRESS || local)) return;
    local = attribute.rta_type == IFA_LOCAL;
    address = to_address(info.ifa_family, attribute);
  });
  if (!link_local(address)) facts.addresses.push_back(address);
}

bool leaves_by(const rtattr& multipath, unsigned index) {
  const auto* bytes = static_cast<const char*>(RTA_DATA(&multipath));
  std::size_t left = RTA_PAYLOAD(&multipath);
  while (left >= sizeof(rtnexthop)) {
    const auto* hop = reinterpret_cast<const rtnexthop*>(bytes);
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > left) return false;
    if (static_cast<unsigned>(hop->rtnh_ifindex) == index) return true;
    const std::size_t step = std::min<std::size_t>(RTNH_ALIGN(hop->rtnh_len), left);
    bytes += step;
    left -= step;
  }
  return false;
}

void read_route(const nlmsghdr& message, InterfaceFacts& facts) {
  const auto& info = fixed_part<rtmsg>(message);
  if (info.rtm_type != RTN_UNICAST || info.rtm_table == RT_TABLE_LOCAL) return;
  if ((info.rtm_flags & RTM_F_CLONED) != 0) return;  // a cache entry
  IpAddress destination;
  bool ours = false;
  for_tail<rtmsg>(message, [&](const rtattr& attribute) {
    if (attribute.rta_type == RTA_DST) destination = to_address(info.rtm_family, attribute);
    if (attribute.rta_type == RTA_OIF)
      ours = ours || attribute_value<std::uint32_t>(attribute) == facts.index;
    if (attribute.rta_type == RTA_MULTIPATH) ours = ours || leaves_by(attribute, facts.index);
  });
  const bool multicast = info.rtm_family == AF_INET6 && destination.bytes[0] == 0xff;
  if (!ours || link_local(destination) || multicast) return;
  facts.routes.push_back(info.rtm_dst_len == 0
                             ? "default"
                             : destination.to_string() + "/" + std::to_string(info.rtm_dst_len));
}

}  // namespace

InterfaceFacts read_interface(const std::string& name) {
  InterfaceFacts facts;
  netlink_dump(RTM_GETLINK, [&](const nlmsghdr& message) {
    InterfaceFacts candidate;
    read_link(message, candidate);
    if (candidate.name == name) facts = std::move(candidate);
  });
  if (facts.index == 0) throw UsageError("no interface '" + name + "': `ip link` lists them");
  netlink_dump(RTM_GETADDR, [&](const nlmsghdr& message) { read_address(message, facts); });
  netlink_dump(RTM_GETROUTE, [&](const nlmsghdr& message) { read_route(message, facts); });
  facts.driver = read_driver(name);
  // IFLA_NUM_RX_QUEUES counts what was allocated; in use may be fewer.
  const Channels channels = read_channels(name);
  if (channels.rx > 0) facts.rx_queues = channels.rx;
  return facts;
}

std::vector<std::string> interface_names() {
  std::map<unsigned, std::string> names;
  netlink_dump(RTM_GETLINK, [&](const nlmsghdr& message) {
    InterfaceFacts facts;
    read_link(message, facts);
    names[facts.index] = facts.name;
  });
  std::vector<std::string> result;
  for (const auto& [index, name] : names) result.push_back(name);
  return result;
}

}  // namespace gray
