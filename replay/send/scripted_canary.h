// For tests: an HTTP/1 server on 127.0.0.1 that does what a script says with each connection, well
// behaved or not. Plain sockets, a thread for each connection; all gone with the object.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "userspace/base/errors.h"
#include "userspace/base/fd.h"

namespace gray {

struct SeenRequest {
  std::size_t connection = 0;  ///< numbered as they were accepted
  std::string line;
  std::string head;  ///< request line and headers
  std::string body;  ///< as it came, chunks and all
};

/// Listens on 127.0.0.1 and runs `serve` with each accepted socket on a thread of its own.
class RawCanary {
 public:
  using Serve = std::function<void(int fd, std::size_t accepted_as)>;

  /// Port 0: one that the kernel gives.
  explicit RawCanary(Serve serve, std::uint16_t port = 0) : serve_(std::move(serve)) {
    listener_ = Fd(check_errno(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "open a socket"));
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_port = htons(port);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    check_errno(::bind(listener_.get(), generic, sizeof(address)), "bind");
    check_errno(::listen(listener_.get(), 1024), "listen");
    socklen_t length = sizeof(address);
    check_errno(::getsockname(listener_.get(), generic, &length), "getsockname");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~RawCanary() { kill(); }

  std::uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// Stops listening and resets every connection.
  void kill();

  std::size_t accepted() const {
    const std::lock_guard lock(mutex_);
    return sockets_.size();
  }
  std::size_t open() const {
    const std::lock_guard lock(mutex_);
    return open_;
  }
  std::size_t most_open() const {
    const std::lock_guard lock(mutex_);
    return most_open_;
  }

 private:
  void accept_all();

  const Serve serve_;
  Fd listener_;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  bool killed_ = false;
  std::vector<int> sockets_;  // -1 once closed
  std::vector<std::thread> threads_;
  std::size_t open_ = 0;
  std::size_t most_open_ = 0;
};

class ScriptedCanary {
 public:
  class Peer;
  using Script = std::function<void(Peer&)>;

  explicit ScriptedCanary(Script script, std::uint16_t port = 0)
      : script_(std::move(script)),
        sockets_([this](int fd, std::size_t number) { serve(fd, number); }, port) {}

  std::uint16_t port() const { return sockets_.port(); }
  std::string url() const { return sockets_.url(); }
  void kill() { sockets_.kill(); }
  std::size_t accepted() const { return sockets_.accepted(); }
  std::size_t open() const { return sockets_.open(); }
  std::size_t most_open() const { return sockets_.most_open(); }
  std::vector<SeenRequest> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void serve(int fd, std::size_t number);

  const Script script_;
  mutable std::mutex mutex_;
  std::vector<SeenRequest> seen_;
  RawCanary sockets_;  // last: its threads use the rest
};

/// One connection, as its script sees it.
class ScriptedCanary::Peer {
 public:
  Peer(ScriptedCanary& canary, int fd, std::size_t accepted_as)
      : number(accepted_as), canary_(canary), fd_(fd) {}

  /// The next request, whole. False when the other end closed.
  bool read(SeenRequest& request) {
    if (!read_until("\r\n\r\n", request.head)) return false;
    request.connection = number;
    request.line = request.head.substr(0, request.head.find("\r\n"));
    request.body.clear();
    const std::size_t length = header_number(request.head, "content-length: ");
    if (request.head.find("chunked") != std::string::npos) {
      if (!read_until("0\r\n", request.body)) return false;
      std::string trailers;
      if (!read_until("\r\n", trailers)) return false;
      request.body += trailers;
    } else {
      while (buffer_.size() < length) {
        if (!receive()) return false;
      }
      request.body = buffer_.substr(0, length);
      buffer_.erase(0, length);
    }
    const std::lock_guard lock(canary_.mutex_);
    canary_.seen_.push_back(request);
    return true;
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  bool answer(std::string_view body) {
    return send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                std::string(body));
  }
  /// Reads until the other end closes, or the canary is killed.
  void wait_closed() {
    while (receive()) buffer_.clear();
  }

  const std::size_t number;

 private:
  bool receive() {
    char bytes[16384];
    const ssize_t got = ::recv(fd_, bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  bool read_until(std::string_view end, std::string& out) {
    std::size_t at = 0;
    while ((at = buffer_.find(end)) == std::string::npos) {
      if (!receive()) return false;
    }
    out = buffer_.substr(0, at + end.size());
    buffer_.erase(0, at + end.size());
    return true;
  }
  static std::size_t header_number(std::string head, std::string_view name) {
    std::transform(head.begin(), head.end(), head.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const std::size_t at = head.find(name);
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + name.size()));
  }

  ScriptedCanary& canary_;
  int fd_;
  std::string buffer_;
};

inline void ScriptedCanary::serve(int fd, std::size_t number) {
  Peer peer(*this, fd, number);
  script_(peer);
}

inline void RawCanary::accept_all() {
  while (true) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const std::lock_guard lock(mutex_);
    if (killed_) {
      ::close(fd);
      return;
    }
    const std::size_t number = sockets_.size();
    sockets_.push_back(fd);
    most_open_ = std::max(most_open_, ++open_);
    threads_.emplace_back([this, fd, number] {
      serve_(fd, number);
      const std::lock_guard closing(mutex_);
      ::close(fd);
      sockets_[number] = -1;
      --open_;
    });
  }
}

inline void RawCanary::kill() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(killed_, true)) return;
    for (const int fd : sockets_) {
      if (fd >= 0) ::shutdown(fd, SHUT_RDWR);
    }
  }
  // Wakes accept(), which on Linux returns when the listening socket is shut down.
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  listener_.reset();
  for (std::thread& thread : threads_) thread.join();
}

/// Answers every request with its own request line.
inline void keep_alive(ScriptedCanary::Peer& peer) {
  SeenRequest request;
  while (peer.read(request)) peer.answer(request.line);
}

}  // namespace gray
