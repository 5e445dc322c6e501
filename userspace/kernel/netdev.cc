#include "userspace/kernel/netdev.h"

#include <linux/genetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "userspace/kernel/netlink.h"

namespace gray {
namespace {

// Of include/uapi/linux/netdev.h in Linux 6.18, which Debian 12's headers lack.
constexpr std::uint8_t kDevGet = 1;        // NETDEV_CMD_DEV_GET
constexpr std::uint16_t kIfindex = 1;      // NETDEV_A_DEV_IFINDEX
constexpr std::uint16_t kXdpFeatures = 3;  // NETDEV_A_DEV_XDP_FEATURES
constexpr std::uint16_t kZeroCopySegments = 4;
constexpr std::uint16_t kRxMetadata = 5;
constexpr std::uint16_t kXskFeatures = 6;
enum XdpAct : std::uint64_t {  // enum netdev_xdp_act
  kBasic = 1,
  kRedirect = 2,
  kNdoXmit = 4,
  kXskZeroCopy = 8,
  kRxSg = 32,
};
enum RxMetadata : std::uint64_t { kTimestamp = 1, kHash = 2, kVlanTag = 4 };
enum XskFlags : std::uint64_t { kTxTimestamp = 1 };

// A generic-netlink request with one attribute.
struct Request {
  nlmsghdr header;
  genlmsghdr generic;
  rtattr attribute;
  char value[16];
};

Request request(std::uint16_t family, std::uint8_t command, std::uint16_t attribute,
                const void* value, std::size_t size) {
  Request result{};
  result.header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(GENL_HDRLEN) + RTA_SPACE(size));
  result.header.nlmsg_type = family;
  result.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  result.generic.cmd = command;
  result.generic.version = 1;
  result.attribute.rta_type = attribute;
  result.attribute.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
  std::memcpy(result.value, value, std::min(size, sizeof(result.value)));
  return result;
}

// 0: the kernel has no such family.
std::uint16_t family_number(const char* name) try {
  std::uint16_t number = 0;
  const Request asked =
      request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, name, std::strlen(name) + 1);
  netlink_request(NETLINK_GENERIC, asked.header, [&](const nlmsghdr& message) {
    for_attributes_behind(GENL_HDRLEN, message, [&](const rtattr& attribute) {
      if (attribute.rta_type == CTRL_ATTR_FAMILY_ID)
        number = attribute_value<std::uint16_t>(attribute);
    });
  });
  return number;
} catch (const std::system_error& error) {
  if (error.code().value() == ENOENT) return 0;
  throw;
}

void read(const rtattr& attribute, XdpFeatures& features) {
  const auto bits = attribute_value<std::uint64_t>(attribute);
  switch (attribute.rta_type & NLA_TYPE_MASK) {
    case kXdpFeatures:
      features.known = true;
      features.native = (bits & kBasic) != 0;
      features.redirect = (bits & kRedirect) != 0;
      features.ndo_xmit = (bits & kNdoXmit) != 0;
      features.zero_copy = (bits & kXskZeroCopy) != 0;
      features.multi_buffer = (bits & kRxSg) != 0;
      break;
    case kZeroCopySegments:
      features.zero_copy_segments = attribute_value<std::uint32_t>(attribute);
      break;
    case kRxMetadata:
      features.rx_timestamp = (bits & kTimestamp) != 0;
      features.rx_hash = (bits & kHash) != 0;
      features.rx_vlan = (bits & kVlanTag) != 0;
      break;
    case kXskFeatures:
      features.tx_timestamp = (bits & kTxTimestamp) != 0;
      break;
  }
}

}  // namespace

XdpFeatures read_xdp_features(unsigned ifindex) {
  XdpFeatures features;
  const std::uint16_t family = family_number("netdev");
  if (family == 0) return features;
  const std::uint32_t index = ifindex;
  const Request asked = request(family, kDevGet, kIfindex, &index, sizeof(index));
  netlink_request(NETLINK_GENERIC, asked.header, [&](const nlmsghdr& message) {
    for_attributes_behind(GENL_HDRLEN, message,
                          [&](const rtattr& attribute) { read(attribute, features); });
  });
  return features;
}

}  // namespace gray
