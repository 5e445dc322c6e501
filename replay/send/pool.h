// The connections to the canaries: which request goes over which, how many there are, which must go
// for a new one, and what took too long. Owns them all. On the thread of the sender's event loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "replay/send/connection.h"

namespace gray {

struct PoolOptions {
  std::size_t concurrency = 256;
  std::uint64_t timeout_ns = 5'000'000'000;
  std::size_t max_body = 16u << 20;
  bool affine = true;  ///< a stream keeps its connection; else any free one will do
  TlsOptions tls;
  std::size_t together = 1;  ///< connections that are read in one event of the loop
};

class Pool final : private ConnectionEvents {
 public:
  /// Throws UsageError for a file of authorities that cannot be read.
  Pool(boost::asio::io_context& io, const std::vector<Target>& targets, const PoolOptions& options);
  ~Pool() override;

  /// Whether there is a connection for whatever comes: fewer than allowed are open, or one is idle.
  bool has_room() const noexcept { return busy_.size() < options_.concurrency; }
  /// Without has_room() there may still be some beside other requests of the same stream.
  bool multiplexes() const noexcept { return multiplexes_; }
  bool has_room(std::uint64_t stream) const;
  /// Starts a job; needs room. Its result comes by take_results(), at once when its target refused
  /// a connection a moment ago. A job that recorded a long stream of messages may take that much
  /// longer than the time limit.
  void start(Job&& job);
  /// The stream brings no more requests.
  void close_stream(std::uint64_t stream);

  /// Ends what is under way longer than the time limit. next_expiry(): when that may next happen.
  void expire(std::uint64_t now_ns);
  std::optional<std::uint64_t> next_expiry() const;
  void abort();
  /// No connection had anything to read at that moment that was not read.
  void all_quiet(std::uint64_t at_ns) noexcept { quiet_ns_ = at_ns; }

  std::vector<Result> take_results() { return std::exchange(results_, {}); }
  bool has_results() const noexcept { return !results_.empty(); }
  std::size_t in_flight() const noexcept { return flights_.size() + results_.size(); }

 private:
  struct Slot {
    std::shared_ptr<Connection> connection;
    std::size_t target = 0;
    std::uint64_t stream = 0;
    bool busy = false;  ///< which of the two lists it is in
  };
  using Slots = std::list<Slot>;

  /// A target that could not be connected to. It is left alone for a moment: what is due meanwhile
  /// shares the fate of the last attempt, so that a dead canary costs neither time nor a storm of
  /// connection attempts. One attempt at a time then finds out whether it is back.
  struct Outage {
    std::uint64_t pause_ns = 0;  // 0: none
    std::uint64_t until_ns = 0;
    bool probing = false;
    std::string error;
  };

  void connected(Connection& connection, std::span<Job> waiting) override;
  void finished(Connection& connection, Result&& result) override;
  void lost(Connection& connection) override;

  bool reuse(Job& job);
  Connection* find_usable(const Job& job);
  Connection* find_of_stream(const Job& job);
  bool refused_lately(Outage& outage, std::uint64_t now_ns);
  void open(Job&& job);
  void launch(Connection& connection, Job&& job);
  void renew(Job& job, Connection& connection);
  void shelve(Slots::iterator slot, bool busy);
  void remove(Connection& connection);

  boost::asio::io_context& io_;
  SocketSet sockets_;
  const std::vector<Target>& targets_;
  const PoolOptions options_;
  std::unique_ptr<TlsContext> tls_;
  bool multiplexes_ = false;
  std::vector<std::uint8_t> plain_;
  std::vector<std::uint8_t> cipher_;
  std::vector<Outage> outages_;
  Slots busy_;
  Slots idle_;  // the longest idle first
  std::unordered_map<const Connection*, Slots::iterator> slots_;
  std::unordered_multimap<std::uint64_t, Connection*> streams_;
  /// By when they expire, and number.
  std::map<std::pair<std::uint64_t, std::uint64_t>, Connection*> flights_;
  std::uint64_t numbers_ = 0;
  std::uint64_t quiet_ns_ = 0;
  std::vector<Result> results_;
};

}  // namespace gray
