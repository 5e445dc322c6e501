#include "replay/send/socket_set.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "userspace/base/clock.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::size_t kMostTogether = 64;

int control(int epoll, int operation, int socket, unsigned events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.fd = socket;
  return epoll_ctl(epoll, operation, socket, &event) == 0 ? 0 : errno;
}

}  // namespace

SocketSet::SocketSet(boost::asio::io_context& io, std::size_t together)
    : together_(std::clamp<std::size_t>(together, 1, kMostTogether)),
      epoll_(io, check_errno(epoll_create1(EPOLL_CLOEXEC), "make an epoll set")) {
  wait();
}

int SocketSet::add(int socket, Member& member) {
  const auto at = static_cast<std::size_t>(socket);
  if (members_.size() <= at) members_.resize(at + 1);
  members_[at] = &member;
  const int error = control(epoll_.native_handle(), EPOLL_CTL_ADD, socket, EPOLLIN);
  if (error != 0) members_[at] = nullptr;
  return error;
}

void SocketSet::remove(int socket) noexcept {
  const auto at = static_cast<std::size_t>(socket);
  if (at >= members_.size() || members_[at] == nullptr) return;
  members_[at] = nullptr;
  control(epoll_.native_handle(), EPOLL_CTL_DEL, socket, 0);
}

void SocketSet::await_writable(int socket) noexcept {
  control(epoll_.native_handle(), EPOLL_CTL_MOD, socket, EPOLLIN | EPOLLOUT);
}

void SocketSet::wait() {
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](const boost::system::error_code& error) {
                      if (error) return;
                      serve();
                      wait();
                    });
}

void SocketSet::serve() {
  std::array<epoll_event, kMostTogether> events;
  const std::uint64_t at = monotonic_ns();
  const int count =
      epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(together_), 0);
  for (int i = 0; i < count; ++i)
    serve_one(events[static_cast<std::size_t>(i)].data.fd,
              events[static_cast<std::size_t>(i)].events);
  if (count >= 0 && static_cast<std::size_t>(count) < together_) quiet_ns_ = at;
}

// A member may leave while others are served.
void SocketSet::serve_one(int socket, unsigned events) {
  const auto at = static_cast<std::size_t>(socket);
  if ((events & EPOLLOUT) != 0 && members_[at] != nullptr) {
    control(epoll_.native_handle(), EPOLL_CTL_MOD, socket, EPOLLIN);
    members_[at]->socket_writable();
  }
  if ((events & ~unsigned{EPOLLOUT}) != 0 && members_[at] != nullptr)
    members_[at]->socket_readable();
}

}  // namespace gray
