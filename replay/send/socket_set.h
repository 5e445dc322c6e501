// The established connections of a loop, as one epoll set: whose socket has something to read, or
// takes bytes again. Asio's own wait asks the kernel anew for every wait (epoll_ctl), which costs a
// fifth of what a request does; here a socket is entered once, and the set as a whole is one file
// of asio's loop. Lives on the thread of that loop. It does not own the sockets.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gray {

class SocketSet {
 public:
  class Member {
   public:
    virtual ~Member() = default;
    /// Called again and again while something can be read, or the socket is broken.
    virtual void socket_readable() = 0;
    virtual void socket_writable() = 0;
  };

  /// `together`: how many members are called in one event of the loop. Throws std::system_error.
  SocketSet(boost::asio::io_context& io, std::size_t together);
  SocketSet(const SocketSet&) = delete;
  SocketSet& operator=(const SocketSet&) = delete;

  /// Until remove(), which goes before the socket is closed. 0 or an errno.
  int add(int socket, Member& member);
  void remove(int socket) noexcept;
  /// socket_writable(), once.
  void await_writable(int socket) noexcept;
  /// When all of them were last seen to have nothing that was not read then or since
  /// (CLOCK_MONOTONIC).
  std::uint64_t quiet_ns() const noexcept { return quiet_ns_; }

 private:
  void wait();
  void serve();
  void serve_one(int socket, unsigned events);

  const std::size_t together_;
  boost::asio::posix::stream_descriptor epoll_;
  std::vector<Member*> members_;  // by socket
  std::uint64_t quiet_ns_ = 0;
};

}  // namespace gray
