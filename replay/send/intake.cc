#include "replay/send/intake.h"

#include <algorithm>
#include <cstddef>
#include <thread>

namespace gray {
namespace {

// Ends of connections do not count to the limit.
constexpr std::size_t kRoomForEnds = 1024;

void count(std::atomic<std::uint64_t>& counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1);
}

}  // namespace

Intake::Intake(std::size_t limit) : limit_(limit), queue_(limit + kRoomForEnds) {}

Intake::Pushed Intake::push(std::unique_ptr<Exchange>&& exchange) {
  count(submitted_);
  if ((state_.fetch_or(kPushing) & (kClosed | kAborted)) != 0) {
    count(too_late_);
    return refused();
  }
  push_late_ends();
  if (waiting() >= limit_) {
    count(queue_full_);
    return refused();
  }
  const std::uint64_t stream = exchange->stream;
  count(accepted_);
  queue_.push(Submission{std::move(exchange), stream});
  return pushed();
}

Intake::Pushed Intake::push_end(std::uint64_t stream) {
  if ((state_.fetch_or(kPushing) & (kClosed | kAborted)) != 0) return refused();
  late_ends_.push_back(stream);
  push_late_ends();
  return pushed();
}

// Ends leave the room that exchanges have a right to. Nothing more comes of a connection that
// ended: it does no harm when its end comes late.
void Intake::push_late_ends() {
  while (!late_ends_.empty() && queue_.capacity() - queue_.size() > limit_ - waiting()) {
    queue_.push(Submission{nullptr, late_ends_.front()});
    late_ends_.pop_front();
  }
}

Intake::Pushed Intake::refused() {
  state_.fetch_and(~kPushing);
  return {false, false};
}

Intake::Pushed Intake::pushed() {
  const unsigned before = state_.fetch_and(~(kPushing | kAsleep));
  return {true, (before & kAsleep) != 0};
}

bool Intake::wait_for_room() {
  if (waiting() >= limit_) {
    std::unique_lock lock(mutex_);
    waits_for_room_ = true;
    room_.wait(lock, [&] { return (state_.load() & kAborted) != 0 || waiting() <= refill_at(); });
    waits_for_room_ = false;
  }
  return (state_.load() & kAborted) == 0;
}

void Intake::close() {
  state_.fetch_or(kClosed);
}

void Intake::abort() {
  {
    const std::lock_guard lock(mutex_);
    state_.fetch_or(kAborted);
  }
  room_.notify_all();
}

Intake::State Intake::turn(Turn& turn) {
  bool room = false;
  {
    const std::lock_guard lock(mutex_);
    const std::array<std::uint64_t*, kSendOutcomes> counters{
        &stats_.answered, &stats_.connect, &stats_.timeout,    &stats_.reset,
        &stats_.garbage,  &stats_.aborted, &stats_.unsendable, &stats_.refused};
    for (std::size_t i = 0; i < counters.size(); ++i) *counters[i] += turn.outcomes[i];
    for (const std::uint64_t lateness : turn.lateness_ns) stats_.lateness.record(lateness);
    stats_.in_flight = turn.in_flight;
    stats_.seconds = turn.seconds;
    left_.store(taken_ - turn.queued);
    room = waits_for_room_ && waiting() <= refill_at();
  }
  if (room) room_.notify_one();
  turn.outcomes.fill(0);
  turn.lateness_ns.clear();
  seen_ = state_.load();
  // Who began to push before that finishes within a few instructions, if the system lets it.
  if ((seen_ & (kClosed | kAborted)) != 0)
    while ((state_.load() & kPushing) != 0) std::this_thread::yield();
  return {(seen_ & kClosed) != 0, (seen_ & kAborted) != 0};
}

std::optional<Submission> Intake::take() {
  Submission next;
  if (!queue_.pop(next)) return std::nullopt;
  if (next.exchange) ++taken_;
  return next;
}

bool Intake::may_sleep() {
  const unsigned news = (state_.fetch_or(kAsleep) ^ seen_) & (kClosed | kAborted);
  if (news == 0 && empty()) return true;
  awake();
  return false;
}

void Intake::awake() {
  state_.fetch_and(~kAsleep);
}

SendStats Intake::stats() const {
  const std::lock_guard lock(mutex_);
  SendStats stats = stats_;
  stats.queue_full = queue_full_.load();
  const std::uint64_t too_late = too_late_.load();
  stats.submitted = submitted_.load();
  stats.queued = stats.submitted - stats.queue_full - too_late - stats.in_flight - stats.answered -
                 stats.connect - stats.timeout - stats.reset - stats.garbage - stats.aborted -
                 stats.unsendable - stats.refused;
  stats.aborted += too_late;
  return stats;
}

}  // namespace gray
