#include "replay/inject/feed.h"

#include <chrono>
#include <utility>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::size_t kBatchFrames = 256;
constexpr std::size_t kBatchBytes = 256 << 10;
constexpr std::size_t kBatchesAhead = 64;
constexpr std::chrono::milliseconds kPipeWait{50};
constexpr std::chrono::microseconds kFullWait{200};

bool full(const FrameBatch& batch) noexcept {
  return batch.frames.size() >= kBatchFrames || batch.bytes.size() >= kBatchBytes;
}

// Held: what a stop left at the head of the files.
void add_file(Ledger& ledger, std::uint64_t read, std::uint64_t given, std::uint64_t held) {
  ledger.add({.name = "file", .in = read, .out = given, .held = held});
}

// Not reached: what the sender was ready to get and did not ask for.
void add_queue(Ledger& ledger, std::uint64_t prepared, std::uint64_t lent) {
  ledger.add({.name = "queue",
              .unit = "wire frames",
              .in = prepared,
              .out = lent,
              .drops = {{"not_reached", prepared - lent, DropKind::Selection}}});
}

FeedFacts facts(const Preparer& preparer, std::uint64_t read, std::string warning) {
  return {.read = read,
          .warning = std::move(warning),
          .snapped = preparer.snapped(),
          .truncated = preparer.truncated(),
          .cut = preparer.cut(),
          .pieces = preparer.pieces()};
}

class Preloaded final : public AccountedFeed {
 public:
  Preloaded(const FeedOptions& options, const PrepareOptions& prepare,
            const std::atomic<bool>& stop)
      : rounds_(options.rounds), preparer_(prepare), files_(options.paths) {
    Frame frame;
    while (!stop) {
      const MergedFiles::Next got = files_.next(frame, kPipeWait);
      if (got == MergedFiles::Next::End) break;
      if (got == MergedFiles::Next::Pending) continue;
      if (batches_.empty() || full(batches_.back())) batches_.emplace_back();
      preparer_.prepare(frame, batches_.back());
    }
    for (const FrameBatch& batch : batches_) frames_ += batch.frames.size();
    if (!batches_.empty()) batches_.front().begins_round = true;
  }

  const FrameBatch* next() noexcept override {
    if (ended()) return nullptr;
    if (next_ == 0) ++begun_;
    const FrameBatch& batch = batches_[next_++];
    lent_ += batch.frames.size();
    if (next_ == batches_.size()) next_ = 0;
    return &batch;
  }
  void done(const FrameBatch*) noexcept override {}
  bool ended() const noexcept override {
    return frames_ == 0 || (next_ == 0 && rounds_ > 0 && begun_ == rounds_);
  }

  FeedFacts finish(Ledger& ledger) override {
    add_file(ledger, files_.frames(), files_.given(), files_.held());
    preparer_.account(ledger);
    add_queue(ledger, frames_ * begun_, lent_);
    return facts(preparer_, files_.frames(), files_.warning());
  }

 private:
  std::uint64_t rounds_;
  Preparer preparer_;
  MergedFiles files_;
  std::vector<FrameBatch> batches_;
  std::uint64_t frames_ = 0;
  std::size_t next_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t lent_ = 0;
};

class Streaming final : public AccountedFeed {
 public:
  Streaming(const FeedOptions& options, const PrepareOptions& prepare)
      : options_(options),
        preparer_(prepare),
        batches_(kBatchesAhead),
        ready_(kBatchesAhead),
        idle_(kBatchesAhead) {
    files_ = std::make_unique<MergedFiles>(options_.paths);
    for (FrameBatch& batch : batches_) idle_.push(&batch);
    reader_ = std::jthread([this](const std::stop_token& stop) { read(stop); });
  }

  const FrameBatch* next() noexcept override {
    FrameBatch* batch = nullptr;
    if (!ready_.pop(batch)) return nullptr;
    lent_ += batch->frames.size();
    return batch;
  }
  void done(const FrameBatch* batch) noexcept override {
    idle_.push(const_cast<FrameBatch*>(batch));  // it is of batches_
  }
  bool ended() const noexcept override { return ended_.load(std::memory_order_acquire); }

  FeedFacts finish(Ledger& ledger) override {
    reader_.request_stop();
    reader_.join();
    if (failure_) std::rethrow_exception(failure_);
    add_file(ledger, read_, given_, held_);
    preparer_.account(ledger);
    add_queue(ledger, prepared_, lent_);
    return facts(preparer_, read_, warning_);
  }

 private:
  void read(const std::stop_token& stop) noexcept {
    try {
      for (std::uint64_t round = 0; !stop.stop_requested(); ++round) {
        if (options_.rounds > 0 && round == options_.rounds) break;
        if (round > 0) files_ = std::make_unique<MergedFiles>(options_.paths);
        if (read_round(stop) == 0) break;  // for ever nothing would be a busy loop
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
    ended_.store(true, std::memory_order_release);
  }

  // Gives how many frames were made ready.
  std::uint64_t read_round(const std::stop_token& stop) {
    const std::uint64_t before = prepared_;
    FrameBatch* batch = idle_batch(stop);
    if (batch != nullptr) batch->begins_round = true;
    Frame frame;
    while (batch != nullptr && !stop.stop_requested()) {
      const MergedFiles::Next got = files_->next(frame, kPipeWait);
      if (got == MergedFiles::Next::Frame) preparer_.prepare(frame, *batch);
      // A slow pipe's frames go on, though they fill no batch.
      const bool waits = got != MergedFiles::Next::Frame && !batch->frames.empty();
      if (waits || full(*batch)) {
        hand_over(batch);
        batch = idle_batch(stop);
      }
      if (got == MergedFiles::Next::End) break;
    }
    if (batch != nullptr && batch->frames.empty())
      spare_ = batch;
    else if (batch != nullptr)
      hand_over(batch);
    read_ += files_->frames();
    given_ += files_->given();
    held_ += files_->held();
    warning_ = files_->warning();
    return prepared_ - before;
  }

  FrameBatch* idle_batch(const std::stop_token& stop) {
    FrameBatch* batch = std::exchange(spare_, nullptr);
    while (batch == nullptr && !idle_.pop(batch)) {
      if (stop.stop_requested()) return nullptr;
      std::this_thread::sleep_for(kFullWait);
    }
    batch->clear();
    return batch;
  }

  void hand_over(FrameBatch* batch) noexcept {
    prepared_ += batch->frames.size();
    ready_.push(batch);  // there is a place for every batch
  }

  FeedOptions options_;
  Preparer preparer_;
  std::unique_ptr<MergedFiles> files_;
  std::vector<FrameBatch> batches_;
  SpscRing<FrameBatch*> ready_;
  SpscRing<FrameBatch*> idle_;
  FrameBatch* spare_ = nullptr;
  std::atomic<bool> ended_{false};
  std::exception_ptr failure_;
  std::uint64_t read_ = 0;
  std::uint64_t given_ = 0;
  std::uint64_t held_ = 0;
  std::uint64_t prepared_ = 0;
  std::uint64_t lent_ = 0;
  std::string warning_;
  std::jthread reader_;  // last: joined first
};

}  // namespace

std::unique_ptr<AccountedFeed> preload(const FeedOptions& options, const PrepareOptions& prepare,
                                       const std::atomic<bool>& stop) {
  return std::make_unique<Preloaded>(options, prepare, stop);
}

std::unique_ptr<AccountedFeed> stream(const FeedOptions& options, const PrepareOptions& prepare) {
  return std::make_unique<Streaming>(options, prepare);
}

}  // namespace gray
