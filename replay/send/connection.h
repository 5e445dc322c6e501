// One connection to a canary, HTTP/1 with one request under way at a time. Owns the socket. Lives
// on the thread of the sender's event loop. It sets no timers and never sends a request twice: who
// owns it ends what takes too long, and decides what comes next.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "replay/protocol/http1/reader.h"
#include "replay/send/lineup.h"
#include "replay/send/receive.h"
#include "replay/send/target.h"
#include "replay/send/trial.h"
#include "replay/send/wire_request.h"

namespace gray {

/// The reason of every SendOutcome::Aborted.
inline constexpr const char* kAborted = "the run was ended first";

/// A request on its way.
struct Job {
  Waiting waiting;
  std::size_t target = 0;
  WireRequest wire;
};

/// What became of it. Times are of CLOCK_MONOTONIC, but for those in the response (UTC).
struct Result {
  Job job;
  SendOutcome outcome = SendOutcome::Aborted;
  std::string error;
  std::optional<Response> response;
  std::uint64_t written_ns = 0;  ///< its first byte was given to the kernel; 0: never
  std::uint64_t latency_ns = 0;
};

class Connection;

/// Told from inside the event loop; a connection does nothing more after finished() and lost().
class ConnectionEvents {
 public:
  virtual ~ConnectionEvents() = default;
  virtual void connected(Connection& connection) = 0;
  /// The job is over. connection.open() says whether it takes another.
  virtual void finished(Connection& connection, Result&& result) = 0;
  /// The canary closed it, or spoke unasked, between two requests.
  virtual void lost(Connection& connection) = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `scratch` is where bytes are received, shared by all connections of a loop.
  Connection(boost::asio::io_context& io, const Target& target, std::size_t max_body,
             std::span<std::uint8_t> scratch, ConnectionEvents& events);

  /// Connects if it is new, and writes the request. Nothing may be under way.
  void start(Job&& job);
  /// Whether a request may still be written: false, and closed, when the canary ended the
  /// connection or sent something since the last response.
  bool still_usable();
  /// Ends the job under way, and the connection with it.
  void fail(SendOutcome outcome, std::string error);
  void close();

  bool open() const noexcept { return state_ != State::Closed; }
  bool connecting() const noexcept { return state_ == State::Connecting; }

 private:
  enum class State : std::uint8_t { New, Connecting, Busy, Idle, Closed };

  void connect(std::size_t attempt);
  void begin();
  void write();
  bool unwritten() const noexcept { return written_bytes_ < total_bytes_; }
  std::array<boost::asio::const_buffer, 3> rest() const;
  void await_readable();
  void readable();
  bool feed(const Received& received);
  void ended();
  void answer(bool reusable);

  boost::asio::ip::tcp::socket socket_;
  const Target& target_;
  const std::size_t max_body_;
  const std::span<std::uint8_t> scratch_;
  ConnectionEvents& events_;

  State state_ = State::New;
  Job job_;
  std::optional<ResponseReader> reader_;
  std::size_t written_bytes_ = 0;
  std::size_t total_bytes_ = 0;
  std::uint64_t begun_ns_ = 0;
  std::uint64_t written_ns_ = 0;  // the last byte was given to the kernel; 0: not yet
  std::string write_error_;
};

}  // namespace gray
