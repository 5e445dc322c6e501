#include "replay/send/connection.h"

#include <poll.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <system_error>

#include "replay/send/http1_speaker.h"
#include "replay/send/http2_speaker.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Socket = Transport::Socket;

// One busy canary does not keep the others waiting longer than these reads take.
constexpr int kReadsInARow = 4;
// A connection that brought an answer, or was seen quiet, so lately is used again without another
// look at it.
constexpr std::uint64_t kFreshNs = kNsPerMs;

}  // namespace

void conclude_response(Response& response, std::uint64_t written_ns, Result& result) {
  if (written_ns != 0 && response.first_byte_ns > written_ns)
    result.latency_ns = response.first_byte_ns - written_ns;
  const std::uint64_t to_utc = utc_ns() - monotonic_ns();
  response.first_byte_ns += to_utc;
  response.last_byte_ns += to_utc;
  for (BodyPiece& piece : response.pieces) piece.time_ns += to_utc;
}

Connection::Connection(asio::io_context& io, SocketSet& sockets, const Target& target,
                       const ConnectionOptions& options, ConnectionEvents& events)
    : sockets_(sockets),
      transport_(io, target, options.tls, options.cipher),
      timer_(io),
      target_(target),
      options_(options),
      events_(events) {}

Connection::~Connection() = default;

bool Connection::takes_more() const noexcept {
  switch (state_) {
    case State::New:
      return true;
    case State::Connecting:
    case State::ShakingHands:
      return target_.wire == Wire::Http2;
    case State::Open:
      return speaker_->takes_more();
    case State::Closed:
      break;
  }
  return false;
}

void Connection::start(Job&& job) {
  ++jobs_;
  if (state_ == State::Open) return speaker_->start(std::move(job));
  waiting_.push_back(std::move(job));
  if (state_ == State::New) connect(0);
}

void Connection::connect(std::size_t attempt) {
  state_ = State::Connecting;
  transport_.close();
  const auto self = shared_from_this();
  transport_.socket().async_connect(
      Transport::endpoint(target_, attempt), [self, attempt](const error_code& error) {
        if (self->state_ != State::Connecting) return;
        if (error && attempt + 1 < self->target_.endpoints.size())
          return self->connect(attempt + 1);
        if (error) return self->connect_failed(error.message());
        try {
          self->transport_.opened(self->waiting_.front().request().authority);
        } catch (const std::exception& failure) {
          return self->connect_failed(failure.what());
        }
        self->shake_hands();
      });
}

void Connection::connect_failed(const std::string& error) {
  const std::string words = "connect to " + target_.authority + ": " + error;
  close();
  for (Job& job : std::exchange(waiting_, {})) {
    Result result;
    result.outcome = SendOutcome::ConnectFailed;
    result.error = words;
    result.job = std::move(job);
    finished(std::move(result), Then::Close);
  }
}

void Connection::shake_hands() {
  state_ = State::ShakingHands;
  if (transport_.handshake()) return established();
  if (!transport_.error().empty()) return connect_failed(transport_.error());
  const auto self = shared_from_this();
  transport_.socket().async_wait(Socket::wait_read, [self](const error_code& error) {
    if (self->state_ != State::ShakingHands) return;
    if (error) return self->connect_failed(error.message());
    self->shake_hands();
  });
}

void Connection::established() {
  transport_.established();
  if (const int error = sockets_.add(transport_.handle(), *this); error != 0)
    return connect_failed(std::generic_category().message(error));
  const bool http2 = target_.wire == Wire::Http2 || transport_.protocol() == "h2";
  if (http2)
    speaker_ = std::make_unique<Http2Speaker>(*this, target_, options_.max_body);
  else
    speaker_ = std::make_unique<Http1Speaker>(*this, target_, options_.max_body);
  state_ = State::Open;
  const auto self = shared_from_this();
  events_.connected(*this, waiting_);
  std::vector<Job> waiting = std::move(waiting_);
  waiting_.clear();
  for (Job& job : waiting) {
    if (open()) {
      speaker_->start(std::move(job));
      continue;
    }
    Result result;
    result.outcome = SendOutcome::Reset;
    result.error = "the connection broke before it was sent";
    result.job = std::move(job);
    finished(std::move(result), Then::Close);
  }
  if (open()) readable();
}

void Connection::readable() {
  const auto self = shared_from_this();
  if (!drain(kReadsInARow) || !transport_.undecrypted()) return;
  asio::post(transport_.socket().get_executor(), [self] {
    if (self->open()) self->readable();
  });
}

bool Connection::drain(int most) {
  const auto self = shared_from_this();
  for (int i = 0; i < most; ++i) {
    const Transport::Read read = transport_.receive(options_.plain);
    if (read.again) break;
    if (read.bytes == 0) {
      speaker_->ended(read.error);
      close_when_useless();
      return false;
    }
    read_ns_ = read.arrived_ns;
    const bool useful = speaker_->read(options_.plain.first(read.bytes), read.arrived_ns);
    if (!open()) return false;
    if (!useful && jobs_ == 0) {
      close_when_useless();
      return false;
    }
    if (read.bytes < options_.plain.size() && !transport_.may_have_more()) break;
  }
  return open();
}

// Whoever holds it with no job under way must learn that it is gone; still_usable() asks itself.
void Connection::close_when_useless() {
  const bool was_open = open();
  close();
  if (was_open && jobs_ == 0) events_.lost(*this);
}

bool Connection::still_usable(std::uint64_t quiet_ns) {
  if (state_ != State::Open) return takes_more();
  if (jobs_ > 0) return takes_more();
  if (monotonic_ns() - std::max(read_ns_, quiet_ns) < kFreshNs) return takes_more();
  const Transport::Read read = transport_.receive(options_.plain);
  if (!read.again &&
      (read.bytes == 0 || !speaker_->read(options_.plain.first(read.bytes), read.arrived_ns)))
    close();
  return open() && takes_more();
}

bool Connection::catch_up() {
  if (state_ == State::Open) {
    drain(kReadsInARow);
    return false;
  }
  if (!connecting() || std::exchange(caught_up_, true)) return false;
  const short outcome = state_ == State::Connecting ? POLLOUT : POLLIN;
  pollfd socket{transport_.socket().native_handle(), outcome, 0};
  return ::poll(&socket, 1, 0) > 0;
}

void Connection::await_writable() {
  sockets_.await_writable(transport_.handle());
}

void Connection::socket_writable() {
  const auto self = shared_from_this();
  if (state_ == State::Open) speaker_->writable();
}

void Connection::call_at(std::uint64_t at_ns) {
  if (called_at_ns_ != 0 && called_at_ns_ <= at_ns) return;
  called_at_ns_ = at_ns;
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(at_ns)));
  const auto self = shared_from_this();
  timer_.async_wait([self](const error_code& error) {
    if (error) return;
    self->called_at_ns_ = 0;
    if (self->state_ == State::Open) self->speaker_->due();
  });
}

void Connection::finished(Result&& result, Then then) {
  --jobs_;
  if (then == Then::Close) close();
  events_.finished(*this, std::move(result));
}

void Connection::fail(std::uint64_t number, SendOutcome outcome, const std::string& error) {
  const auto self = shared_from_this();
  if (state_ == State::Open) {
    if (!speaker_->cancel(number, outcome, error)) close();
    return;
  }
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i].number != number) continue;
    Result result;
    result.outcome = outcome;
    result.error = error;
    result.job = std::move(waiting_[i]);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    if (waiting_.empty()) close();
    return finished(std::move(result), waiting_.empty() ? Then::Close : Then::GoOn);
  }
}

void Connection::close() {
  if (state_ == State::Open) sockets_.remove(transport_.handle());
  state_ = State::Closed;
  timer_.cancel();
  transport_.close();
}

}  // namespace gray
