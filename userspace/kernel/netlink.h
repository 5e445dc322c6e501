// A route-netlink dump as a loop over its messages (RFC 3549, netlink(7), rtnetlink(7)).
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace gray {

/// Asks for everything of `type` (RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE) and calls `each` with
/// every message of the answer. Throws std::system_error.
void netlink_dump(std::uint16_t type, const std::function<void(const nlmsghdr&)>& each);

/// Calls `each` for the attributes behind the fixed part of a message, or inside a nested one.
void for_attributes(const void* first, std::size_t size,
                    const std::function<void(const rtattr&)>& each);

/// The attribute's value as T, zero when it is too short.
template <class T>
T attribute_value(const rtattr& attribute) {
  T value{};
  if (RTA_PAYLOAD(&attribute) >= sizeof(T))
    __builtin_memcpy(&value, RTA_DATA(&attribute), sizeof(T));
  return value;
}

}  // namespace gray
