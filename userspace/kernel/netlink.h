// Netlink as a loop over the messages of an answer (RFC 3549, netlink(7), rtnetlink(7)).
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace gray {

/// Sends a request of protocol NETLINK_ROUTE, NETLINK_GENERIC, … and calls `each` with every
/// message of the answer. NLM_F_DUMP or NLM_F_ACK must be set: they tell its end. Throws
/// std::system_error, also for what the kernel refuses.
void netlink_request(int protocol, const nlmsghdr& request,
                     const std::function<void(const nlmsghdr&)>& each);

/// Asks for everything of `type` (RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE) and calls `each` with
/// every message of the answer. Throws std::system_error.
void netlink_dump(std::uint16_t type, const std::function<void(const nlmsghdr&)>& each);

/// Calls `each` for the attributes behind the fixed part of a message, or inside a nested one.
void for_attributes(const void* first, std::size_t size,
                    const std::function<void(const rtattr&)>& each);

/// The same for the attributes of a message behind `fixed` bytes.
void for_attributes_behind(std::size_t fixed, const nlmsghdr& message,
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
