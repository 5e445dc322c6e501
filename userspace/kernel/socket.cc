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

Socket::Socket(Umem& umem, const std::string& interface, std::uint32_t queue,
               const BindOptions& options) {
  xsk_socket_config config{};
  // As many descriptors as frames: what the kernel has a frame for, it has a descriptor for.
  config.rx_size = umem.frames();
  config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;  // we attach our own
  config.bind_flags = static_cast<__u16>(
      XDP_USE_NEED_WAKEUP | (options.mode == BindMode::ZeroCopy ? XDP_ZEROCOPY : XDP_COPY) |
      (options.multi_buffer ? XDP_USE_SG : 0));
  xsk_socket* xsk = nullptr;
  check(xsk_socket__create(&xsk, interface.c_str(), queue, umem.get(), &rx_, nullptr, &config),
        "open AF_XDP socket on " + interface + " queue " + std::to_string(queue));
  xsk_.reset(xsk);
}

void Socket::prefer_busy_poll() {
  set_option(fd(), SO_PREFER_BUSY_POLL, 1, "SO_PREFER_BUSY_POLL");
  set_option(fd(), SO_BUSY_POLL, kBusyPollUs, "SO_BUSY_POLL");
  set_option(fd(), SO_BUSY_POLL_BUDGET, kBusyPollBudget, "SO_BUSY_POLL_BUDGET");
  busy_poll_ = true;
}

bool Socket::knows_napi() const noexcept {
  int id = 0;
  socklen_t size = sizeof(id);
  return getsockopt(fd(), SOL_SOCKET, SO_INCOMING_NAPI_ID, &id, &size) == 0 && id != 0;
}

std::size_t Socket::peek(std::span<xdp_desc> out) noexcept {
  std::uint32_t first = 0;
  shown_ = xsk_ring_cons__peek(&rx_, static_cast<std::uint32_t>(out.size()), &first);
  std::uint32_t whole = 0;
  for (std::uint32_t i = 0; i < shown_; ++i) {
    out[i] = *xsk_ring_cons__rx_desc(&rx_, first + i);
    if ((out[i].options & XDP_PKT_CONTD) == 0) whole = i + 1;
  }
  // The kernel shows frames whole; were one cut here, its rest is not seen before this is read
  // anew.
  if (whole < shown_) rx_.cached_prod = __atomic_load_n(rx_.producer, __ATOMIC_ACQUIRE);
  // A frame without end that fills all of `out` would block the ring for good: it is shown as it
  // is.
  return whole == 0 && shown_ == out.size() ? shown_ : whole;
}

void Socket::take(std::size_t count) noexcept {
  const auto taken = static_cast<std::uint32_t>(count);
  if (shown_ > taken) xsk_ring_cons__cancel(&rx_, shown_ - taken);
  if (taken > 0) xsk_ring_cons__release(&rx_, taken);
  shown_ = 0;
}

bool Socket::readable() noexcept {
  std::uint32_t first = 0;
  const std::uint32_t there = xsk_ring_cons__peek(&rx_, 1, &first);
  if (there > 0) xsk_ring_cons__cancel(&rx_, there);
  return there > 0;
}

void Socket::wait(std::chrono::milliseconds timeout) noexcept {
  if (!busy_poll_ || !knows_napi()) {
    pollfd ready{fd(), POLLIN, 0};
    poll(&ready, 1, static_cast<int>(timeout.count()));
    return;
  }
  // poll() drives no NAPI instance for an AF_XDP socket, recvfrom() does, kBusyPollUs at a time.
  const auto ends = std::chrono::steady_clock::now() + timeout;
  do wake();
  while (!readable() && std::chrono::steady_clock::now() < ends);
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

std::uint64_t Socket::lost() const noexcept {
  xdp_statistics counts{};
  socklen_t size = sizeof(counts);
  if (getsockopt(fd(), SOL_XDP, XDP_STATISTICS, &counts, &size) != 0) return 0;
  return counts.rx_dropped + counts.rx_ring_full;
}

bool bind_refused(int error) noexcept {
  return error == EOPNOTSUPP || error == EINVAL || error == ENOENT;
}

}  // namespace gray
