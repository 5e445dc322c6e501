// One connection to a canary: connects, shakes hands, chooses what is spoken, and brings the bytes
// of the socket to it. Lives on the thread of the sender's event loop. It never sends a request
// twice: who owns it ends what takes too long, and decides what comes next.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "replay/send/job.h"
#include "replay/send/socket_set.h"
#include "replay/send/speaker.h"
#include "replay/send/target.h"
#include "replay/send/tls.h"
#include "replay/send/transport.h"

namespace gray {

class Connection;

/// Told from inside the event loop.
class ConnectionEvents {
 public:
  virtual ~ConnectionEvents() = default;
  /// The jobs that waited for it begin now.
  virtual void connected(Connection& connection, std::span<Job> waiting) = 0;
  /// A job is over. connection.takes_more() says whether it takes another.
  virtual void finished(Connection& connection, Result&& result) = 0;
  /// The canary closed it, or spoke unasked, with no job under way.
  virtual void lost(Connection& connection) = 0;
};

struct ConnectionOptions {
  std::size_t max_body = 16u << 20;  ///< bytes of a response's body that are kept
  const TlsContext* tls = nullptr;
  std::span<std::uint8_t> plain;   ///< where bytes are received, shared by all of a loop
  std::span<std::uint8_t> cipher;  ///< the same for those of TLS
};

class Connection final : public SpeakerHost,
                         public SocketSet::Member,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::io_context& io, SocketSet& sockets, const Target& target,
             const ConnectionOptions& options, ConnectionEvents& events);
  ~Connection() override;

  /// Connects if it is new. Needs takes_more().
  void start(Job&& job);
  /// A job may be started: beside others only where requests are multiplexed.
  bool takes_more() const noexcept;
  /// takes_more() after a look at what the canary sent or did since the last event, or since
  /// `quiet_ns`, when there was none on any connection.
  bool still_usable(std::uint64_t quiet_ns);
  /// Before jobs are given up for their time: the loop may have been late itself. Reads what came
  /// meanwhile; while it connects, true (once) when an outcome of that waits to be looked at.
  bool catch_up();
  /// Ends one job, and the connection when it cannot go on without it.
  void fail(std::uint64_t number, SendOutcome outcome, const std::string& error);
  void close();

  bool open() const noexcept { return state_ != State::Closed; }
  bool connecting() const noexcept {
    return state_ == State::Connecting || state_ == State::ShakingHands;
  }
  std::span<Job> waiting() noexcept { return waiting_; }
  std::size_t jobs() const noexcept { return jobs_; }

 private:
  enum class State : std::uint8_t { New, Connecting, ShakingHands, Open, Closed };

  Transport& transport() noexcept override { return transport_; }
  void await_writable() override;
  void socket_readable() override { readable(); }
  void socket_writable() override;
  void call_at(std::uint64_t at_ns) override;
  void finished(Result&& result, Then then) override;

  void connect(std::size_t attempt);
  void connect_failed(const std::string& error);
  void shake_hands();
  void established();
  void readable();
  /// What lies in the socket is read. False: the connection is closed.
  bool drain(int most);
  void close_when_useless();

  SocketSet& sockets_;
  Transport transport_;
  boost::asio::steady_timer timer_;
  const Target& target_;
  const ConnectionOptions options_;
  ConnectionEvents& events_;

  State state_ = State::New;
  std::vector<Job> waiting_;  // until connected
  std::unique_ptr<Speaker> speaker_;
  std::size_t jobs_ = 0;       // started and not finished
  bool caught_up_ = false;     // while it connected
  std::uint64_t read_ns_ = 0;  // when the socket was last seen empty or answered
  std::uint64_t called_at_ns_ = 0;
};

}  // namespace gray
