#include "replay/send/receive.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "userspace/base/clock.h"

namespace gray {
namespace {

/// How long ago the bytes came, by the clock that stamped them; 0 when nobody knows.
std::uint64_t age_ns(msghdr& message) noexcept {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(header), sizeof(stamp));
    const auto stamped = static_cast<std::uint64_t>(stamp.tv_sec) * kNsPerSecond +
                         static_cast<std::uint64_t>(stamp.tv_nsec);
    const std::uint64_t now = utc_ns();
    return now - std::min(now, stamped);
  }
  return 0;
}

}  // namespace

void ask_for_arrival_times(int fd) noexcept {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
}

Received receive(int fd, std::span<std::uint8_t> into) noexcept {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  iovec part{into.data(), into.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);

  Received received;
  ssize_t got = 0;
  do {
    got = ::recvmsg(fd, &message, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  received.arrived_ns = monotonic_ns();
  if (got < 0) {
    received.error = errno == EWOULDBLOCK ? EAGAIN : errno;
    return received;
  }
  received.bytes = static_cast<std::size_t>(got);
  received.arrived_ns -= std::min(received.arrived_ns, age_ns(message));
  return received;
}

}  // namespace gray
