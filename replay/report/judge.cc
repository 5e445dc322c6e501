#include "replay/report/judge.h"

#include <chrono>

namespace gray {
namespace {

// How long trials are gathered before they are judged together.
constexpr std::chrono::milliseconds kGathering{1};

}  // namespace

Judge::Judge(const CompareOptions& compare, const GateOptions& gate, const Scrubber& scrubber,
             const std::string& trials)
    : scrubber_(scrubber), comparator_(compare, scrubber_), gate_(gate) {
  if (!trials.empty()) writer_ = std::make_unique<TrialWriter>(trials);
  thread_ = std::thread([this] { run(); });
}

Judge::~Judge() {
  finish();
}

void Judge::add(Trial&& trial) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size() < kMaxWaiting; });
  waiting_.push_back(std::move(trial));
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
  std::deque<Trial> batch;
  while (true) {
    changed_.wait(lock, [this] { return finishing_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    if (!finishing_) changed_.wait_for(lock, kGathering, [this] { return finishing_; });
    batch.swap(waiting_);
    if (batch.size() >= kMaxWaiting) changed_.notify_all();
    lock.unlock();
    for (const Trial& trial : batch) judge(trial);
    batch.clear();
    lock.lock();
    different_ = gate_.tally().different;
  }
}

void Judge::judge(const Trial& trial) {
  const Comparison comparison = comparator_.compare(trial);
  if (trial.outcome == SendOutcome::Answered) ++answered_;
  if (comparison.compared) ++compared_;
  gate_.add(trial, comparison);
  if (writer_) writer_->write(trial, comparison, scrubber_);
  if (!comparison.differences.empty() && samples_.size() < kMaxSamples)
    samples_.push_back(make_sample(trial, comparison, scrubber_));
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
              .drops = {{"no_response", gate_.tally().uncompared}}});
}

std::uint64_t Judge::different() const {
  const std::lock_guard lock(mutex_);
  return different_;
}

}  // namespace gray
