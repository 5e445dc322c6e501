// Who is next: the requests that wait for their time and for those before them. The order is kept
// by lanes: a lane for each original connection, one lane for all, or a lane for each request. In a
// lane one request is under way at a time, but for those of HTTP/2 that overlapped in the
// recording: one that began before another's response had ended does not wait for it. One thread;
// knows no sockets.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "replay/protocol/exchange.h"

namespace gray {

enum class Order {
  Connection,  ///< in order on each original connection
  Global,      ///< one after the other, in the order they were submitted
  None,        ///< when they are due
};

/// A request in the line, or the end of an original connection (no exchange).
struct Waiting {
  std::unique_ptr<Exchange> exchange;  ///< made once, and not moved about any more
  std::uint64_t stream = 0;
  std::uint64_t lane = 0;      ///< give it back with done()
  std::uint64_t due_ns = 0;    ///< after the epoch
  std::uint64_t ready_ns = 0;  ///< when it was due and nothing before it was in its way
  std::uint64_t end_ns = 0;    ///< of its response in the recording; 0: nothing overlaps it
};

class Lineup {
 public:
  explicit Lineup(Order order) : order_(order) {}

  void add(Exchange&& exchange, std::uint64_t due_ns, std::uint64_t now_ns);
  void add(std::unique_ptr<Exchange> exchange, std::uint64_t due_ns, std::uint64_t now_ns);
  /// The connection's end is in the line behind its requests. Order::None has no connections.
  void add_end(std::uint64_t stream, std::uint64_t now_ns);

  /// The earliest that may go at `now_ns`, of equals the one in the oldest lane; those behind it
  /// then wait for done().
  std::optional<Waiting> take(std::uint64_t now_ns);
  /// The same, of the earliest few only one whose stream `may` go.
  std::optional<Waiting> take(std::uint64_t now_ns,
                              const std::function<bool(std::uint64_t stream)>& may);
  /// What take() gave is over; `end_ns` of it.
  void done(std::uint64_t lane, std::uint64_t now_ns, std::uint64_t end_ns = 0);
  /// Any that waits, due or not, of busy lanes too: for giving up.
  std::optional<Waiting> take_any();

  /// When take() has something again; no value when only done() or add() can help.
  std::optional<std::uint64_t> next_due() const;
  /// Requests that wait.
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return lanes_.empty(); }

 private:
  struct Lane {
    std::deque<Waiting> waiting;
    std::uint64_t number = 0;
    std::vector<std::uint64_t> under_way;  // Waiting::end_ns of each
    bool offered = false;                  // its first is among heads_
  };
  using Lanes = std::unordered_map<std::uint64_t, Lane>;
  struct Head {
    std::uint64_t due_ns;
    std::uint64_t number;  // of the lane: equals are served lane after lane, which spares
                           // connections when there are more lanes than connections
    std::uint64_t lane;
    auto operator<=>(const Head&) const = default;
  };

  void add(Waiting&& waiting, std::uint64_t now_ns);
  void offer(Lane& lane, std::uint64_t key, std::uint64_t now_ns);
  Waiting take(std::set<Head>::iterator head, std::uint64_t now_ns);
  Waiting pop(Lanes::iterator lane);

  const Order order_;
  Lanes lanes_;           // those with a request waiting or under way
  std::set<Head> heads_;  // of the lanes whose first may go when it is due
  std::uint64_t added_ = 0;
  std::size_t size_ = 0;
};

}  // namespace gray
