// Where the submitting thread and the sender's loop meet: a queue of what was submitted and not yet
// taken up, and the counters as of the loop's last turn. Neither thread waits for the other to hand
// on an exchange, and the loop is woken only when it sleeps; the one lock is for the counters and
// for a submitter that waits for room.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "replay/send/sender.h"
#include "userspace/base/spsc_ring.h"

namespace gray {

/// An exchange, or the end of an original connection.
struct Submission {
  std::unique_ptr<Exchange> exchange;
  std::uint64_t stream = 0;
};

/// What the loop tells once a turn.
struct Turn {
  std::array<std::uint64_t, kSendOutcomes> outcomes{};  ///< since the last turn, by SendOutcome
  std::vector<std::uint64_t> lateness_ns;               ///< since the last turn
  std::uint64_t in_flight = 0;
  std::uint64_t queued = 0;  ///< taken up, and waiting
  double seconds = 0;
};

class Intake {
 public:
  explicit Intake(std::size_t limit);

  // For the thread that submits.

  /// `accepted` false: refused and counted, the exchange untouched. `wake`: the loop sleeps, and
  /// nobody else wakes it.
  struct Pushed {
    bool accepted;
    bool wake;
  };
  Pushed push(std::unique_ptr<Exchange>&& exchange);
  Pushed push_end(std::uint64_t stream);
  bool wait_for_room();

  // For any thread; the loop must be woken after each.

  void close();
  /// Nothing is accepted any more.
  void abort();
  SendStats stats() const;

  // For the loop.

  /// Leaves the counters. What was accepted before the state that is returned can be taken.
  struct State {
    bool closed;
    bool aborted;
  };
  State turn(Turn& turn);
  std::optional<Submission> take();
  bool empty() const { return queue_.size() == 0; }
  /// Whether nothing came since the last turn. Then the next that comes wakes the loop, up to
  /// awake().
  bool may_sleep();
  void awake();

 private:
  // One word, so that all threads see its changes in one order.
  enum StateBit : unsigned { kPushing = 1, kAsleep = 2, kClosed = 4, kAborted = 8 };
  Pushed refused();
  Pushed pushed();
  void push_late_ends();
  std::uint64_t waiting() const { return accepted_.load() - left_.load(); }
  // Who had to wait goes on when some are free: the threads do not wake each other for each one,
  // and no long burst of work comes between two deadlines.
  std::uint64_t refill_at() const { return limit_ - std::max<std::size_t>(1, limit_ / 128); }

  const std::size_t limit_;
  SpscRing<Submission> queue_;
  std::deque<std::uint64_t> late_ends_;  // the submitter's: for which the queue had no room
  std::atomic<unsigned> state_{0};
  std::atomic<std::uint64_t> submitted_{0};   // the submitter writes these four
  std::atomic<std::uint64_t> accepted_{0};    // exchanges
  std::atomic<std::uint64_t> queue_full_{0};  // refused
  std::atomic<std::uint64_t> too_late_{0};    // refused after close() or abort()
  std::atomic<std::uint64_t> left_{0};        // accepted exchanges that wait no more
  std::uint64_t taken_ = 0;                   // exchanges; the loop's
  unsigned seen_ = 0;                         // of state_, in the last turn

  mutable std::mutex mutex_;
  std::condition_variable room_;
  bool waits_for_room_ = false;
  SendStats stats_;  // without what the submitter counts
};

}  // namespace gray
