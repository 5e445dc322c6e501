#include "replay/send/sender.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

#include "replay/send/intake.h"
#include "replay/send/pool.h"
#include "replay/send/send_options.h"
#include "replay/send/urgency.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

namespace asio = boost::asio;

// The timer wakes this much before a deadline; the rest is polled.
constexpr std::uint64_t kPollNs = 80 * kNsPerUs;
// Events in a row before new submissions and time limits are looked at again.
constexpr int kEventsInARow = 64;
// At top speed so many answers are read, if they are there, before the next requests go out: a
// canary that is woken for several requests serves each for less than one woken for every one.
constexpr std::size_t kAnswersTogether = 64;
// And with so many under way the thread sleeps for a moment rather than be woken by the next
// answer: that would cost the canary, which does the waking, as much as its answer. The times of
// answers are the kernel's.
constexpr std::size_t kManyUnderWay = 16;
constexpr std::chrono::microseconds kNap{20};
// At top speed requests are let gather for so long when there is something to do all the same: to
// wake the thread costs who submits more than to prepare a request.
constexpr std::uint64_t kGatheringNs = 200 * kNsPerUs;
// Of a burst of submissions, so many are put into the line before deadlines are looked at again.
constexpr std::size_t kAdmittedInARow = 128;
std::size_t together(const ScheduleOptions& schedule) noexcept {
  return schedule.pace == Pace::TopSpeed ? kAnswersTogether : 1;
}

}  // namespace

class Sender::Loop {
 public:
  Loop(SendOptions options, std::function<void(Trial&&)> on_trial)
      : options_(checked(std::move(options))),
        on_trial_(std::move(on_trial)),
        schedule_(options_.schedule),
        lineup_(options_.order),
        intake_(options_.queue_limit),
        io_(1),
        work_(io_.get_executor()),
        timer_(io_),
        pool_(io_, options_.targets,
              {options_.concurrency, options_.timeout_ns, options_.max_body,
               options_.order != Order::None, options_.tls, together(options_.schedule)}) {}

  Intake& intake() noexcept { return intake_; }
  void wake() {
    asio::post(io_, [] {});
  }
  void run();

 private:
  std::uint64_t now() const noexcept { return monotonic_ns() - epoch_; }
  bool immediate() const noexcept {
    return options_.schedule.pace == Pace::TopSpeed || options_.schedule.pace == Pace::Live;
  }

  double stream_pace() const noexcept {
    if (options_.schedule.pace == Pace::TopSpeed) return 0;
    return options_.schedule.pace == Pace::Original ? options_.schedule.speed : 1;
  }

  void admit(std::size_t most);
  std::optional<Waiting> take_next();
  void dispatch();
  void hold_or_begin(Waiting&& waiting);
  void release_held();
  void begin(Waiting&& waiting);
  void settle();
  void deliver(Result&& result);
  void give_up();
  void deliver_unsent(Waiting&& waiting);
  Intake::State report();
  void await_events();
  void wait_until(std::optional<std::uint64_t> wake);
  bool poll(int most);
  void arm(std::uint64_t at_ns);
  std::optional<std::uint64_t> next_wake() const;

  const SendOptions options_;
  const std::function<void(Trial&&)> on_trial_;
  Schedule schedule_;
  Lineup lineup_;
  Intake intake_;
  Turn turn_;
  /// Requests that wait for what the canary has yet to hand out, the longest first.
  struct Held {
    Waiting waiting;
    std::uint64_t until_ns;
  };
  std::deque<Held> held_;
  bool look_at_held_ = false;  // an answer came that one of them may wait for
  std::uint64_t epoch_ = 0;    // CLOCK_MONOTONIC when the first exchange was taken up; 0: none yet
  std::uint64_t last_ns_ = 0;
  std::uint64_t armed_ns_ = 0;  // when the timer goes off; 0: it is not set
  std::uint64_t slept_ns_ = 0;  // of this turn
  bool eventful_ = false;       // so was the last turn
  bool supplied_ = false;       // requests came in this turn

  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer timer_;
  Pool pool_;
};

void Sender::Loop::run() {
  Urgency urgency(options_.urgent && !immediate());
  while (true) {
    const Intake::State state = report();
    admit(kAdmittedInARow);
    if (state.aborted) break;
    dispatch();
    settle();
    if (pool_.has_results()) continue;
    if (state.closed && intake_.empty() && lineup_.empty() && held_.empty() &&
        pool_.in_flight() == 0)
      break;
    slept_ns_ = 0;
    await_events();
    const std::uint64_t at = monotonic_ns();
    urgency.turn(at, slept_ns_);
    pool_.expire(at);
    settle();
  }
  give_up();
}

void Sender::Loop::admit(std::size_t most) {
  supplied_ = !intake_.empty();
  if (!supplied_) return;
  if (epoch_ == 0) epoch_ = monotonic_ns();
  const std::uint64_t at = now();
  for (; most > 0; --most) {
    std::optional<Submission> submission = intake_.take();
    if (!submission) return;
    if (!submission->exchange) {
      lineup_.add_end(submission->stream, at);
      continue;
    }
    const std::uint64_t due = schedule_.deadline(submission->exchange->request.first_byte_ns, at);
    lineup_.add(std::move(submission->exchange), due, at);
  }
}

void Sender::Loop::dispatch() {
  release_held();
  while (std::optional<Waiting> next = take_next()) {
    if (next->exchange) {
      hold_or_begin(std::move(*next));
    } else {
      pool_.close_stream(next->stream);
      lineup_.done(next->lane, now());
    }
    // What failed at once makes its lane free for the next.
    settle();
  }
}

std::optional<Waiting> Sender::Loop::take_next() {
  if (pool_.has_room()) return lineup_.take(now());
  if (!pool_.multiplexes()) return std::nullopt;
  return lineup_.take(now(), [this](std::uint64_t stream) { return pool_.has_room(stream); });
}

void Sender::Loop::hold_or_begin(Waiting&& waiting) {
  if (options_.sessions == nullptr || options_.sessions->ready(*waiting.exchange))
    return begin(std::move(waiting));
  held_.push_back({std::move(waiting), monotonic_ns() + options_.hold_ns});
}

void Sender::Loop::release_held() {
  const std::uint64_t at = held_.empty() ? 0 : monotonic_ns();
  const bool due = !held_.empty() && held_.front().until_ns <= at;
  if (!due && !std::exchange(look_at_held_, false)) return;
  for (auto held = held_.begin(); held != held_.end() && pool_.has_room();) {
    if (held->until_ns > at && !options_.sessions->ready(*held->waiting.exchange)) {
      ++held;
      continue;
    }
    // What it waited for is no lateness of the schedule.
    Waiting waiting = std::move(held->waiting);
    held = held_.erase(held);
    waiting.due_ns = waiting.ready_ns = now();
    begin(std::move(waiting));
  }
  look_at_held_ = !pool_.has_room();
}

void Sender::Loop::begin(Waiting&& waiting) {
  if (options_.sessions != nullptr) options_.sessions->fill(*waiting.exchange);
  Job job;
  job.target = target_of(waiting.stream, options_.targets);
  job.pace = stream_pace();
  job.waiting = std::move(waiting);
  pool_.start(std::move(job));
}

void Sender::Loop::settle() {
  for (Result& result : pool_.take_results()) deliver(std::move(result));
}

void Sender::Loop::deliver(Result&& result) {
  Waiting& waiting = result.job.waiting;
  Trial trial{.exchange = Boxed<Exchange>(std::move(waiting.exchange)),
              .target = result.job.target,
              .outcome = result.outcome,
              .error = std::move(result.error),
              .canary = std::move(result.response),
              .latency_ns = result.latency_ns};
  if (result.written_ns != 0) {
    const std::uint64_t due = epoch_ + (immediate() ? waiting.ready_ns : waiting.due_ns);
    trial.lateness_ns = result.written_ns - std::min(result.written_ns, due);
    turn_.lateness_ns.push_back(trial.lateness_ns);
  }
  if (options_.sessions != nullptr)
    look_at_held_ =
        options_.sessions->answered(*trial.exchange, trial.canary ? &*trial.canary : nullptr) ||
        look_at_held_;
  ++turn_.outcomes[static_cast<std::size_t>(result.outcome)];
  last_ns_ = monotonic_ns();
  lineup_.done(waiting.lane, last_ns_ - epoch_, waiting.end_ns);
  on_trial_(std::move(trial));
}

void Sender::Loop::give_up() {
  intake_.abort();
  report();
  admit(std::numeric_limits<std::size_t>::max());
  pool_.abort();
  settle();
  for (Held& held : std::exchange(held_, {})) deliver_unsent(std::move(held.waiting));
  while (std::optional<Waiting> waiting = lineup_.take_any()) {
    if (waiting->exchange) deliver_unsent(std::move(*waiting));
  }
  report();
}

void Sender::Loop::deliver_unsent(Waiting&& waiting) {
  Result result;
  result.job.waiting = std::move(waiting);
  result.job.target = target_of(result.job.waiting.stream, options_.targets);
  result.error = kAborted;
  deliver(std::move(result));
}

Intake::State Sender::Loop::report() {
  turn_.in_flight = pool_.in_flight();
  turn_.queued = lineup_.size() + held_.size();
  turn_.seconds = static_cast<double>(last_ns_ - std::min(last_ns_, epoch_)) / 1e9;
  return intake_.turn(turn_);
}

std::optional<std::uint64_t> Sender::Loop::next_wake() const {
  std::optional<std::uint64_t> wake = pool_.next_expiry();
  // Without room for another connection only an answer, or the end of the waiting, helps.
  const std::optional<std::uint64_t> due = lineup_.next_due();
  if (due && (pool_.has_room() || (pool_.multiplexes() && epoch_ + *due > monotonic_ns()))) {
    const std::uint64_t at = epoch_ + *due;
    wake = std::min(wake.value_or(at), at);
  }
  if (!held_.empty() && pool_.has_room())
    wake = std::min(wake.value_or(held_.front().until_ns), held_.front().until_ns);
  return wake;
}

void Sender::Loop::await_events() {
  const std::optional<std::uint64_t> wake = next_wake();
  const bool near = wake && *wake <= monotonic_ns() + kPollNs;
  const bool top_speed = options_.schedule.pace == Pace::TopSpeed;
  const bool together = top_speed && eventful_ && pool_.in_flight() >= kManyUnderWay;
  if (together) {
    std::this_thread::sleep_for(kNap);
  } else if (top_speed && !near && (eventful_ || supplied_)) {
    const std::uint64_t gathered = monotonic_ns() + kGatheringNs;
    if (intake_.empty()) wait_until(std::min(wake.value_or(gathered), gathered));
  } else if (!near && intake_.may_sleep()) {
    wait_until(wake);
    intake_.awake();
  }
  eventful_ = poll(together ? 2 : kEventsInARow);
  settle();
  dispatch();
}

/// Until an event of the loop, or `wake`.
void Sender::Loop::wait_until(std::optional<std::uint64_t> wake) {
  arm(wake ? *wake - kPollNs / 2 : 0);
  const std::uint64_t before = monotonic_ns();
  io_.run_one();
  slept_ns_ = monotonic_ns() - before;
  settle();
  dispatch();
}

/// At most so many of the events that wait in the loop. Whether there was any.
bool Sender::Loop::poll(int most) {
  for (int i = 1; i <= most; ++i) {
    const std::uint64_t at = monotonic_ns();
    if (io_.poll_one() == 0) {
      pool_.all_quiet(at);
      return i > 1;
    }
    settle();
    dispatch();
  }
  return true;
}

/// Sets the timer; 0: none is wanted.
void Sender::Loop::arm(std::uint64_t at_ns) {
  if (at_ns == armed_ns_) return;
  armed_ns_ = at_ns;
  if (at_ns == 0) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(at_ns)));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) armed_ns_ = 0;
  });
}

Sender::Sender(SendOptions options, std::function<void(Trial&&)> on_trial)
    : loop_(std::make_unique<Loop>(std::move(options), std::move(on_trial))) {}
Sender::~Sender() = default;

bool Sender::submit(Exchange&& exchange) {
  auto box = std::make_unique<Exchange>(std::move(exchange));
  const bool accepted = submit(std::move(box));
  if (!accepted) exchange = std::move(*box);
  return accepted;
}

bool Sender::submit(std::unique_ptr<Exchange>&& exchange) {
  const Intake::Pushed pushed = loop_->intake().push(std::move(exchange));
  if (pushed.wake) loop_->wake();
  return pushed.accepted;
}

bool Sender::wait_for_room() {
  return loop_->intake().wait_for_room();
}

void Sender::connection_end(std::uint64_t stream) {
  if (loop_->intake().push_end(stream).wake) loop_->wake();
}

void Sender::close() {
  loop_->intake().close();
  loop_->wake();
}

void Sender::run() {
  loop_->run();
}

void Sender::abort() noexcept {
  loop_->intake().abort();
  loop_->wake();
}

SendStats Sender::stats() const {
  return loop_->intake().stats();
}

void Sender::account(Ledger& ledger) const {
  const SendStats stats = this->stats();
  Stage stage{"send", "exchanges"};
  stage.in = stats.submitted;
  stage.out = stats.answered;
  stage.drops = {{"queue_full", stats.queue_full}, {"connect", stats.connect},
                 {"timeout", stats.timeout},       {"reset", stats.reset},
                 {"garbage", stats.garbage},       {"aborted", stats.aborted},
                 {"unsendable", stats.unsendable}, {"refused", stats.refused}};
  stage.held = stats.queued + stats.in_flight;
  ledger.add(std::move(stage));
}

}  // namespace gray
