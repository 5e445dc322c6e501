// The socket's set-up through libxdp, and its RX ring.
#include "userspace/kernel/socket.h"

#include <linux/if_link.h>
#include <poll.h>
#include <sys/socket.h>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr int kBusyPollUs = 20;
constexpr int kBusyPollBudget = 64;

void set_option(int fd, int option, int value, const char* name) {
  check_errno(setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)),
              std::string("set ") + name + " on an AF_XDP socket");
}

}  // namespace

Socket::Socket(Umem& umem, const std::string& interface, std::uint32_t queue, BindMode mode) {
  xsk_socket_config config{};
  // As many descriptors as frames: what the kernel has a frame for, it has a descriptor for.
  config.rx_size = umem.frames();
  config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;  // we attach our own
  config.bind_flags = static_cast<__u16>(XDP_USE_NEED_WAKEUP |
                                         (mode == BindMode::ZeroCopy ? XDP_ZEROCOPY : XDP_COPY));
  xsk_socket* xsk = nullptr;
  check(xsk_socket__create(&xsk, interface.c_str(), queue, umem.get(), &rx_, nullptr, &config),
        "open AF_XDP socket on " + interface + " queue " + std::to_string(queue));
  xsk_.reset(xsk);
}

void Socket::prefer_busy_poll() {
  set_option(fd(), SO_PREFER_BUSY_POLL, 1, "SO_PREFER_BUSY_POLL");
  set_option(fd(), SO_BUSY_POLL, kBusyPollUs, "SO_BUSY_POLL");
  set_option(fd(), SO_BUSY_POLL_BUDGET, kBusyPollBudget, "SO_BUSY_POLL_BUDGET");
}

std::size_t Socket::receive(std::span<xdp_desc> out) noexcept {
  std::uint32_t first = 0;
  const std::uint32_t count =
      xsk_ring_cons__peek(&rx_, static_cast<std::uint32_t>(out.size()), &first);
  for (std::uint32_t i = 0; i < count; ++i) out[i] = *xsk_ring_cons__rx_desc(&rx_, first + i);
  if (count > 0) xsk_ring_cons__release(&rx_, count);
  return count;
}

void Socket::wait(std::chrono::milliseconds timeout) noexcept {
  pollfd readable{fd(), POLLIN, 0};
  poll(&readable, 1, static_cast<int>(timeout.count()));
}

void Socket::wake() noexcept {
  recvfrom(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

xdp_statistics Socket::statistics() const {
  xdp_statistics result{};
  socklen_t size = sizeof(result);
  check_errno(getsockopt(fd(), SOL_XDP, XDP_STATISTICS, &result, &size), "read XDP_STATISTICS");
  return result;
}

bool zero_copy_refused(int error) noexcept {
  return error == EOPNOTSUPP || error == EINVAL || error == ENOENT;
}

}  // namespace gray
