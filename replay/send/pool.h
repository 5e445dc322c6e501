// The connections to the canaries: which request goes over which, how many there are, which must go
// for a new one, and what took too long. Owns them all. On the thread of the sender's event loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <list>
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
};

class Pool final : private ConnectionEvents {
 public:
  Pool(boost::asio::io_context& io, const std::vector<Target>& targets, const PoolOptions& options);
  ~Pool() override;

  /// Whether there is a connection for whatever comes: fewer than allowed are open, or one is idle.
  bool has_room() const noexcept { return busy_.size() < options_.concurrency; }
  /// Starts a job; needs has_room(). Its result comes by take_results(), at once when its target
  /// refused a connection a moment ago.
  void start(Job&& job);
  /// The stream brings no more requests.
  void close_stream(std::uint64_t stream);

  /// Ends what is under way longer than the time limit. next_expiry(): when that may next happen.
  void expire(std::uint64_t now_ns);
  std::optional<std::uint64_t> next_expiry() const;
  void abort();

  std::vector<Result> take_results() { return std::exchange(results_, {}); }
  bool has_results() const noexcept { return !results_.empty(); }
  std::size_t in_flight() const noexcept { return busy_.size() + results_.size(); }

 private:
  struct Slot {
    std::shared_ptr<Connection> connection;
    std::size_t target = 0;
    std::uint64_t stream = 0;
    std::uint64_t expires_ns = 0;
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

  void connected(Connection& connection) override;
  void finished(Connection& connection, Result&& result) override;
  void lost(Connection& connection) override;

  bool reuse(Job& job);
  Slots::iterator find_idle(const Job& job);
  bool refused_lately(Outage& outage, std::uint64_t now_ns);
  void open(Job&& job);
  void renew(Slots::iterator slot);
  void remove(Slots& from, Slots::iterator slot);

  boost::asio::io_context& io_;
  const std::vector<Target>& targets_;
  const PoolOptions options_;
  std::vector<std::uint8_t> scratch_;
  std::vector<Outage> outages_;
  Slots busy_;  // the longest under way first: all have the same time limit
  Slots idle_;  // the longest idle first
  std::unordered_map<const Connection*, Slots::iterator> slots_;
  std::unordered_map<std::uint64_t, const Connection*> streams_;
  std::vector<Result> results_;
};

}  // namespace gray
