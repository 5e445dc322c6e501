#include "replay/report/judge.h"

#include <chrono>

#include "replay/gate/endpoint.h"
#include "userspace/base/prefetch.h"

namespace gray {
namespace {

// How long trials are gathered before they are judged together.
constexpr std::chrono::milliseconds kGathering{1};

template <class T>
void prefetch_array(const T* first, std::size_t count) noexcept {
  prefetch({reinterpret_cast<const std::uint8_t*>(first), count * sizeof(T)});
}

// Other threads wrote what is judged: it is in their caches, or in none.
void prefetch_messages(const Trial& trial) noexcept {
  prefetch_array(&*trial.exchange, 1);
  if (trial.canary) prefetch_array(&*trial.canary, 1);
}

// Of messages that have been fetched.
void prefetch_headers(const Trial& trial) noexcept {
  const auto of = [](const Headers& headers) { prefetch_array(headers.data(), headers.size()); };
  of(trial.exchange->request.headers);
  if (trial.exchange->response) of(trial.exchange->response->headers);
  if (trial.canary) of(trial.canary->headers);
}

}  // namespace

Judge::Judge(const CompareOptions& compare, const GateOptions& gate, const Scrubber& scrubber,
             const std::string& trials, bool baseline)
    : scrubber_(scrubber), comparator_(compare, scrubber_), gate_(gate), baseline_(baseline) {
  if (!trials.empty()) writer_ = std::make_unique<TrialWriter>(trials);
  thread_ = std::thread([this] { run(); });
}

Judge::~Judge() {
  finish();
}

void Judge::add(Trial&& trial) {
  put(std::move(trial), false);
}

void Judge::add_baseline(Trial&& trial) {
  put(std::move(trial), true);
}

void Judge::put(Trial&& trial, bool is_baseline) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size() < kMaxWaiting; });
  waiting_.emplace_back(std::move(trial), is_baseline);
  // Waking a thread costs as much as a request: what comes while it is awake is found by itself.
  if (waiting_.size() == 1) changed_.notify_all();
}

void Judge::finish() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Judge::run() {
  std::unique_lock lock(mutex_);
  std::deque<Arrival> batch;
  while (true) {
    changed_.wait(lock, [this] { return finishing_ || !waiting_.empty(); });
    if (waiting_.empty()) break;
    if (!finishing_) changed_.wait_for(lock, kGathering, [this] { return finishing_; });
    batch.swap(waiting_);
    if (batch.size() >= kMaxWaiting) changed_.notify_all();
    lock.unlock();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (i + 4 < batch.size()) prefetch_messages(batch[i + 4].trial);
      if (i + 2 < batch.size()) prefetch_headers(batch[i + 2].trial);
      take(std::move(batch[i]));
    }
    batch.clear();
    lock.lock();
    different_ = gate_.differing();
  }
  lock.unlock();
  while (auto rest = pairing_.take_rest()) judge(std::move(rest->canary), nullptr);
}

void Judge::take(Arrival&& arrival) {
  if (!baseline_) return judge(std::move(arrival.trial), nullptr);
  auto pair = pairing_.add(std::move(arrival.trial), arrival.is_baseline);
  if (pair) judge(std::move(pair->canary), pair->baseline ? &*pair->baseline : nullptr);
}

void Judge::judge(Trial&& trial, const Trial* baseline) {
  Comparison comparison = comparator_.compare(trial, memory_.asked_before(*trial.exchange));
  if (trial.outcome == SendOutcome::Answered) ++answered_;
  if (comparison.compared) ++compared_;
  gate_.add(trial, comparison);
  const Exchange& exchange = *trial.exchange;
  std::string question;
  if (!baseline_) question = RequestMemory::question(exchange.request);
  if (exchange.response && baseline != nullptr) learn_from_baseline(exchange, *baseline);
  if (exchange.response && !baseline_) learn_from_repeat(exchange, question);
  gate_.mark_noise(exchange.request, comparison);
  if (writer_) writer_->write(trial, comparison, scrubber_);
  if (!comparison.differences.empty()) keep_sample(trial, comparison);
  if (!baseline_) memory_.remember(std::move(question), std::move(*trial.exchange));
}

void Judge::learn_from_baseline(const Exchange& exchange, const Trial& baseline) {
  if (baseline.outcome != SendOutcome::Answered || !baseline.canary) return;
  gate_.add_self(exchange.request,
                 comparator_.compare({.exchange = exchange,
                                      .production = *exchange.response,
                                      .other = *baseline.canary,
                                      .offset_ns = Comparator::offset_of(baseline)}),
                 NoiseSource::Baseline);
}

void Judge::learn_from_repeat(const Exchange& exchange, const std::string& question) {
  const Response* previous = memory_.previous_answer(question);
  if (previous == nullptr) return;
  const auto offset =
      static_cast<std::int64_t>(exchange.response->first_byte_ns - previous->first_byte_ns);
  gate_.add_self(exchange.request,
                 comparator_.compare({.exchange = exchange,
                                      .production = *previous,
                                      .other = *exchange.response,
                                      .offset_ns = offset}),
                 NoiseSource::Repeats);
}

// One for every field, endpoint and cause is enough to look at.
void Judge::keep_sample(const Trial& trial, const Comparison& comparison) {
  if (samples_.size() >= kMaxSamples) return;
  const std::string endpoint = endpoint_of(trial.exchange->request);
  bool fresh = false;
  for (const Difference& difference : comparison.differences)
    fresh |= sampled_.size() < Tally::kMaxFields &&
             sampled_
                 .insert(endpoint + ' ' + without_indices(difference.field) + ' ' +
                         to_string(difference.cause))
                 .second;
  if (fresh) samples_.push_back(make_sample(trial, comparison, comparator_, scrubber_));
}

std::error_code Judge::trials_failure() const {
  return writer_ ? writer_->failure() : std::error_code{};
}

std::uint64_t Judge::trials_written() const {
  return writer_ ? writer_->written() : 0;
}

void Judge::account(Ledger& ledger) const {
  ledger.add({.name = "compare",
              .unit = "exchanges",
              .in = answered_,
              .out = compared_,
              .drops = {{"no_response", gate_.uncompared()}}});
}

std::uint64_t Judge::different() const {
  const std::lock_guard lock(mutex_);
  return different_;
}

}  // namespace gray
