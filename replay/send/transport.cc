#include "replay/send/transport.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "userspace/base/clock.h"

namespace gray {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Encrypted at a time: more would only wait in memory.
constexpr std::size_t kTlsBytes = 64u << 10;
// A peer that sends its records in crumbs is left for the next turn after these reads.
constexpr int kReadsForARecord = 16;
constexpr std::size_t kMostParts = 8;

/// As much of the first parts as the socket takes now.
Transport::Written write_some(int fd, std::span<const asio::const_buffer> parts) noexcept {
  std::array<iovec, kMostParts> pieces;
  msghdr message{};
  message.msg_iov = pieces.data();
  for (const asio::const_buffer& part : parts.first(std::min(parts.size(), kMostParts)))
    if (part.size() > 0)
      pieces[message.msg_iovlen++] = {const_cast<void*>(part.data()), part.size()};
  Transport::Written written;
  ssize_t sent = 0;
  do {
    // The kernel takes one piece for less than a list of one.
    sent = message.msg_iovlen == 1 ? ::send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
                                   : ::sendmsg(fd, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    written.bytes = static_cast<std::size_t>(sent);
  } else if (errno == EAGAIN) {
    written.again = true;
  } else {
    written.error = std::generic_category().message(errno);
  }
  return written;
}

}  // namespace

Transport::Transport(asio::io_context& io, const Target& target, const TlsContext* tls,
                     std::span<std::uint8_t> scratch)
    : socket_(io), target_(target), context_(tls), scratch_(scratch) {}

tcp::endpoint Transport::endpoint(const Target& target, std::size_t number) {
  const Endpoint& endpoint = target.endpoints[number];
  if (endpoint.address.is_v4()) {
    asio::ip::address_v4::bytes_type bytes{};
    std::copy_n(endpoint.address.bytes.begin() + 12, 4, bytes.begin());
    return {asio::ip::address_v4(bytes), endpoint.port};
  }
  asio::ip::address_v6::bytes_type bytes{};
  std::copy_n(endpoint.address.bytes.begin(), 16, bytes.begin());
  return {asio::ip::address_v6(bytes), endpoint.port};
}

void Transport::established() {
  error_code ignored;
  fd_ = Fd(socket_.release(ignored));
}

void Transport::opened(std::string_view authority) {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  ask_for_arrival_times(socket_.native_handle());
  if (target_.wire == Wire::Negotiated) tls_.emplace(*context_, target_, authority);
}

bool Transport::handshake() {
  if (!tls_) return true;
  while (true) {
    const TlsSession::Status status = tls_->handshake();
    tls_->take_output(ciphertext_);
    const Written written = flush();
    if (status == TlsSession::Status::Ok) {
      drained_ = false;  // the server's first bytes may have come with its last of the handshake
      return true;
    }
    if (status != TlsSession::Status::NeedMore) {
      error_ = status == TlsSession::Status::Closed ? "closed in the TLS handshake" : tls_->error();
      return false;
    }
    const Received received = gray::receive(handle(), scratch_);
    if (received.error == EAGAIN) return false;
    if (received.error != 0 || received.bytes == 0) {
      error_ = received.error != 0 ? std::generic_category().message(received.error)
                                   : "closed in the TLS handshake";
      return false;
    }
    if (!written.error.empty()) {
      error_ = written.error;
      return false;
    }
    tls_->put(scratch_.first(received.bytes));
  }
}

Transport::Read Transport::receive(std::span<std::uint8_t> into) {
  Read read;
  for (int i = 0; i < kReadsForARecord; ++i) {
    if (tls_ && !drained_) {
      read = decrypted(into);
      if (!read.again) return read;
    }
    const Received received = gray::receive(handle(), tls_ ? scratch_ : into);
    read.arrived_ns = arrived_ns_ = received.arrived_ns;
    read.bytes = received.bytes;
    read.again = received.error == EAGAIN;
    if (received.error != 0 && !read.again)
      read.error = std::generic_category().message(received.error);
    if (!tls_ || received.error != 0 || received.bytes == 0) return read;
    tls_->put(scratch_.first(received.bytes));
    drained_ = false;
  }
  read.bytes = 0;
  read.again = true;
  return read;
}

Transport::Read Transport::decrypted(std::span<std::uint8_t> into) {
  Read read;
  read.arrived_ns = arrived_ns_;
  const TlsSession::Status status = tls_->read(into, read.bytes);
  tls_->take_output(ciphertext_);  // a key update, an alert
  if (!ciphertext_.empty()) flush();
  drained_ = status == TlsSession::Status::NeedMore;
  read.again = drained_;
  if (status == TlsSession::Status::Failed) read.error = tls_->error();
  return read;
}

Transport::Written Transport::send(std::span<const asio::const_buffer> parts) {
  return tls_ ? send_encrypted(parts) : write_some(handle(), parts);
}

Transport::Written Transport::send_encrypted(std::span<const asio::const_buffer> parts) {
  Written written;
  for (const asio::const_buffer& part : parts) {
    if (part.size() == 0) continue;
    const Written one = encrypt({static_cast<const std::uint8_t*>(part.data()), part.size()});
    written.bytes += one.bytes;
    written.again = one.again;
    written.error = one.error;
    if (written.again || !written.error.empty() || one.bytes < part.size()) break;
  }
  return written;
}

Transport::Written Transport::encrypt(std::span<const std::uint8_t> bytes) {
  if (Written before = flush(); before.again || !before.error.empty()) return before;
  const std::size_t taken = std::min(bytes.size(), kTlsBytes);
  Written written;
  if (!tls_->write(bytes.first(taken))) {
    written.error = tls_->error();
    return written;
  }
  tls_->take_output(ciphertext_);
  written = flush();
  written.bytes = taken;
  return written;
}

Transport::Written Transport::flush() {
  Written written;
  while (!ciphertext_.empty() && !written.again && written.error.empty()) {
    const asio::const_buffer all = asio::buffer(ciphertext_);
    written = write_some(handle(), {&all, 1});
    ciphertext_.erase(0, std::exchange(written.bytes, 0));
  }
  return written;
}

void Transport::close() noexcept {
  error_code ignored;
  fd_.reset();
  socket_.close(ignored);
}

}  // namespace gray
