#include "replay/send/intake.h"

#include <cstddef>

namespace gray {

Intake::Pushed Intake::push(Exchange&& exchange) {
  const std::lock_guard lock(mutex_);
  ++stats_.submitted;
  if (closed_ || aborted_) {
    ++stats_.aborted;
    return {false, false};
  }
  if (waiting() >= limit_) {
    ++stats_.queue_full;
    return {false, false};
  }
  ++fresh_;
  const std::uint64_t stream = exchange.stream;
  submissions_.push_back({std::make_unique<Exchange>(std::move(exchange)), stream});
  return {true, submissions_.size() == 1};
}

Intake::Pushed Intake::push_end(std::uint64_t stream) {
  const std::lock_guard lock(mutex_);
  if (closed_ || aborted_) return {false, false};
  submissions_.push_back({nullptr, stream});
  return {true, submissions_.size() == 1};
}

bool Intake::wait_for_room() {
  std::unique_lock lock(mutex_);
  if (!aborted_ && waiting() >= limit_) {
    room_.wait(lock, [&] { return aborted_ || waiting() <= refill_at(); });
  }
  return !aborted_;
}

void Intake::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

void Intake::abort() {
  {
    const std::lock_guard lock(mutex_);
    aborted_ = true;
  }
  room_.notify_all();
}

Intake::Taken Intake::exchange(Turn& turn) {
  Taken taken{{}, false, false};
  bool room = false;
  {
    const std::lock_guard lock(mutex_);
    const std::array<std::uint64_t*, kSendOutcomes> counters{
        &stats_.answered, &stats_.connect, &stats_.timeout,    &stats_.reset,
        &stats_.garbage,  &stats_.aborted, &stats_.unsendable, &stats_.refused};
    for (std::size_t i = 0; i < counters.size(); ++i) *counters[i] += turn.outcomes[i];
    for (const std::uint64_t lateness : turn.lateness_ns) stats_.lateness.record(lateness);
    stats_.in_flight = turn.in_flight;
    stats_.queued = turn.queued + fresh_;
    stats_.seconds = turn.seconds;
    fresh_ = 0;
    submissions_.swap(taken.submissions);
    taken.closed = closed_;
    taken.aborted = aborted_;
    room = stats_.queued <= refill_at();
  }
  if (room) room_.notify_one();
  turn.outcomes.fill(0);
  turn.lateness_ns.clear();
  return taken;
}

SendStats Intake::stats() const {
  const std::lock_guard lock(mutex_);
  SendStats stats = stats_;
  stats.queued += fresh_;
  return stats;
}

}  // namespace gray
