// Where the submitting thread and the sender's loop meet: what was submitted and not yet taken up,
// and the counters as of the loop's last turn. One lock, held for a few instructions.
#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "replay/send/sender.h"

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
  std::uint64_t queued = 0;
  double seconds = 0;
};

class Intake {
 public:
  explicit Intake(std::size_t limit) : limit_(limit) {}

  /// `accepted` false: refused and counted. `first`: the loop may be asleep and must be woken.
  struct Pushed {
    bool accepted;
    bool first;
  };
  Pushed push(Exchange&& exchange);
  Pushed push_end(std::uint64_t stream);
  bool wait_for_room();
  void close();
  /// Nothing is accepted any more.
  void abort();

  /// The loop's turn: takes what was submitted, and leaves the counters.
  struct Taken {
    std::vector<Submission> submissions;
    bool closed;
    bool aborted;
  };
  Taken exchange(Turn& turn);
  /// After the last turn.
  void end();

  SendStats stats() const;

 private:
  std::uint64_t waiting() const { return stats_.queued + fresh_; }
  // Who had to wait goes on when some are free: the threads do not wake each other for each one,
  // and no long burst of work comes between two deadlines.
  std::uint64_t refill_at() const { return limit_ - std::max<std::size_t>(1, limit_ / 128); }

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::vector<Submission> submissions_;
  std::uint64_t fresh_ = 0;  // exchanges among submissions_
  SendStats stats_;          // queued: without the fresh ones
  bool closed_ = false;
  bool aborted_ = false;
};

}  // namespace gray
