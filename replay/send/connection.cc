#include "replay/send/connection.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <system_error>

#include "userspace/base/clock.h"

namespace gray {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// One busy canary does not keep the others waiting longer than these reads take.
constexpr int kReadsInARow = 4;

tcp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    asio::ip::address_v4::bytes_type bytes{};
    std::copy_n(endpoint.address.bytes.begin() + 12, 4, bytes.begin());
    return {asio::ip::address_v4(bytes), endpoint.port};
  }
  asio::ip::address_v6::bytes_type bytes{};
  std::copy_n(endpoint.address.bytes.begin(), 16, bytes.begin());
  return {asio::ip::address_v6(bytes), endpoint.port};
}

bool again(const error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again;
}

}  // namespace

Connection::Connection(asio::io_context& io, const Target& target, std::size_t max_body,
                       std::span<std::uint8_t> scratch, ConnectionEvents& events)
    : socket_(io), target_(target), max_body_(max_body), scratch_(scratch), events_(events) {}

void Connection::start(Job&& job) {
  job_ = std::move(job);
  const Request& request = job_.waiting.exchange->request;
  reader_.emplace(request.method, max_body_);
  total_bytes_ = job_.wire.head.size() + request.body.size() + job_.wire.tail.size();
  written_bytes_ = 0;
  begun_ns_ = written_ns_ = 0;
  write_error_.clear();
  if (state_ == State::Idle) {
    begin();
  } else {
    connect(0);
  }
}

void Connection::connect(std::size_t attempt) {
  state_ = State::Connecting;
  error_code ignored;
  socket_.close(ignored);
  const auto self = shared_from_this();
  socket_.async_connect(
      to_asio(target_.endpoints[attempt]), [self, attempt](const error_code& error) {
        if (self->state_ != State::Connecting) return;
        if (error && attempt + 1 < self->target_.endpoints.size())
          return self->connect(attempt + 1);
        if (error) {
          return self->fail(SendOutcome::ConnectFailed,
                            "connect to " + self->target_.authority + ": " + error.message());
        }
        error_code option_error;
        self->socket_.set_option(tcp::no_delay(true), option_error);
        self->socket_.non_blocking(true, option_error);
        ask_for_arrival_times(self->socket_.native_handle());
        self->events_.connected(*self);
        self->begin();
        self->await_readable();
      });
}

void Connection::begin() {
  state_ = State::Busy;
  begun_ns_ = monotonic_ns();
  write();
}

void Connection::write() {
  while (unwritten()) {
    // Before the call: on a fast path the answer is there before it returns.
    const std::uint64_t now = monotonic_ns();
    error_code error;
    written_bytes_ += socket_.write_some(rest(), error);
    if (again(error)) {
      const auto self = shared_from_this();
      const std::uint64_t job = begun_ns_;
      socket_.async_wait(tcp::socket::wait_write, [self, job](const error_code& failed) {
        if (!failed && self->state_ == State::Busy && self->begun_ns_ == job) self->write();
      });
      return;
    }
    if (error) {
      // An answer may lie in the socket all the same (413, then closed): reading finds out.
      write_error_ = error.message();
      return;
    }
    if (!unwritten()) written_ns_ = now;
  }
}

std::array<asio::const_buffer, 3> Connection::rest() const {
  std::array<asio::const_buffer, 3> parts{asio::buffer(job_.wire.head),
                                          asio::buffer(job_.waiting.exchange->request.body),
                                          asio::buffer(job_.wire.tail)};
  std::size_t skip = written_bytes_;
  for (asio::const_buffer& part : parts) {
    const std::size_t here = std::min(skip, part.size());
    part += here;
    skip -= here;
  }
  return parts;
}

void Connection::await_readable() {
  const auto self = shared_from_this();
  socket_.async_wait(tcp::socket::wait_read, [self](const error_code& error) {
    if (!self->open()) return;
    if (!error) return self->readable();
    if (self->state_ == State::Busy) return self->fail(SendOutcome::Reset, error.message());
    self->close();
    self->events_.lost(*self);
  });
}

void Connection::readable() {
  for (int i = 0; i < kReadsInARow; ++i) {
    const Received received = receive(socket_.native_handle(), scratch_);
    if (received.error == EAGAIN) break;
    if (state_ == State::Idle) {
      close();
      return events_.lost(*this);
    }
    if (received.error != 0) {
      return fail(SendOutcome::Reset, std::generic_category().message(received.error));
    }
    if (received.bytes == 0) return ended();
    if (!feed(received)) return;
    if (received.bytes < scratch_.size()) break;
  }
  await_readable();
}

/// False when the connection is closed.
bool Connection::feed(const Received& received) {
  // A stamp from before the request, or a step of the system's clock, says nothing.
  const std::uint64_t arrived = std::max(received.arrived_ns, begun_ns_);
  switch (reader_->feed(scratch_.first(received.bytes), arrived)) {
    case ReadStatus::NeedMore:
      return true;
    case ReadStatus::Complete:
      answer(reader_->keep_alive() && reader_->consumed() == received.bytes && !job_.wire.closes &&
             !unwritten());
      break;
    case ReadStatus::Upgrade:
      answer(false);
      break;
    case ReadStatus::Bad:
      fail(SendOutcome::Garbage, std::string("not HTTP: ") + reader_->error());
      break;
  }
  return open();
}

void Connection::ended() {
  const bool begun = reader_->begun();
  if (reader_->eof(monotonic_ns()) == ReadStatus::Complete) return answer(false);
  std::string error = begun ? "closed in the middle of the response" : "closed without a response";
  if (!write_error_.empty()) error += " (writing: " + write_error_ + ")";
  fail(SendOutcome::Reset, std::move(error));
}

void Connection::answer(bool reusable) {
  Result result;
  result.outcome = SendOutcome::Answered;
  result.written_ns = begun_ns_;
  Response response = reader_->take();
  if (written_ns_ != 0 && response.first_byte_ns > written_ns_) {
    result.latency_ns = response.first_byte_ns - written_ns_;
  }
  const std::uint64_t to_utc = utc_ns() - monotonic_ns();
  response.first_byte_ns += to_utc;
  response.last_byte_ns += to_utc;
  result.response = std::move(response);
  result.job = std::move(job_);
  state_ = State::Idle;
  if (!reusable) close();
  events_.finished(*this, std::move(result));
}

bool Connection::still_usable() {
  if (receive(socket_.native_handle(), scratch_).error == EAGAIN) return true;
  close();
  return false;
}

void Connection::fail(SendOutcome outcome, std::string error) {
  Result result;
  result.outcome = outcome;
  result.error = std::move(error);
  result.written_ns = begun_ns_;
  result.job = std::move(job_);
  close();
  events_.finished(*this, std::move(result));
}

void Connection::close() {
  state_ = State::Closed;
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace gray
