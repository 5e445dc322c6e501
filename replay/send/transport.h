// The bytes of one connection to a canary: a TCP socket, with TLS in it when the target wants that.
// Lives on the thread of the sender's event loop. It never blocks and sets no timers; its owner
// waits for what receive() and send() could not do at once: on socket() until established(), on
// handle() from then on.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "replay/send/receive.h"
#include "replay/send/target.h"
#include "replay/send/tls.h"
#include "userspace/base/fd.h"

namespace gray {

class Transport {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  /// `tls` may be null when the target is not Wire::Negotiated. `scratch` is where ciphertext is
  /// received, shared by all connections of a loop.
  Transport(boost::asio::io_context& io, const Target& target, const TlsContext* tls,
            std::span<std::uint8_t> scratch);

  Socket& socket() noexcept { return socket_; }
  int handle() noexcept { return fd_ ? fd_.get() : socket_.native_handle(); }
  static boost::asio::ip::tcp::endpoint endpoint(const Target& target, std::size_t number);

  /// After the socket is connected. `authority` of the first request.
  void opened(std::string_view authority);
  /// After the handshake: the socket leaves asio's loop.
  void established();
  /// Done: true. False: wait until the socket is readable, or it failed: see error().
  bool handshake();
  const std::string& error() const noexcept { return error_; }
  /// As ALPN says; empty without TLS.
  std::string_view protocol() const noexcept { return tls_ ? tls_->protocol() : ""; }

  struct Read {
    std::size_t bytes = 0;  ///< 0 and no error: the peer will send no more
    bool again = false;     ///< nothing to read now
    std::string error;
    std::uint64_t arrived_ns = 0;  ///< CLOCK_MONOTONIC
  };
  Read receive(std::span<std::uint8_t> into);
  /// Whether receive() may have more although it filled less than it was given.
  bool may_have_more() const noexcept { return tls_.has_value(); }
  /// receive() has something although the socket may have nothing.
  bool undecrypted() const noexcept { return tls_ && !drained_; }

  struct Written {
    std::size_t bytes = 0;  ///< taken; with TLS some of it may still be flush()ed
    bool again = false;     ///< the socket takes no more now
    std::string error;
  };
  Written send(std::span<const boost::asio::const_buffer> parts);
  /// Ciphertext that the socket did not take before. `bytes` is 0.
  Written flush();
  bool unflushed() const noexcept { return !ciphertext_.empty(); }

  void close() noexcept;

 private:
  Read decrypted(std::span<std::uint8_t> into);
  Written send_encrypted(std::span<const boost::asio::const_buffer> parts);
  Written encrypt(std::span<const std::uint8_t> bytes);

  Socket socket_;
  Fd fd_;  // the same, once established
  const Target& target_;
  const TlsContext* context_;
  const std::span<std::uint8_t> scratch_;
  std::optional<TlsSession> tls_;
  std::string ciphertext_;  // encrypted, and not taken by the socket yet
  bool drained_ = true;     // all ciphertext received so far was decrypted
  std::uint64_t arrived_ns_ = 0;
  std::string error_;
};

}  // namespace gray
