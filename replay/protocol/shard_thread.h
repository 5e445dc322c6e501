// A Shard on a thread of its own. It takes batches of segments and gives each back with what came
// of them, so whoever hands them out can put the results of several shards into one order. The
// queue is as long as the batches that exist: who makes them bounds it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "replay/protocol/shard.h"
#include "replay/stream/segmenter.h"

namespace gray {

/// Segments with copies of their payload, and what their shard made of them. Positions count the
/// segments of all shards.
class Batch {
 public:
  struct Event {
    std::uint64_t position;            ///< of the segment that caused it
    std::uint64_t stream;              ///< as the shard counts connections
    std::optional<Exchange> exchange;  ///< none: the connection brings no more of them
  };

  void add(const TaggedPacket& packet, std::uint64_t position);
  /// Behind the segments so far: an expiry as of `now`, caused by the segment at `position`.
  void expire(std::uint64_t now, std::uint64_t position) {
    expiries_.push_back({packets_.size(), position, now});
  }
  /// Behind all else: the end of the capture.
  void finish() { last_ = true; }
  void clear();
  /// Given out: what is large is freed now, the rest by the shard's thread, which allocated it,
  /// when it works on this batch again. Freed here it would wait for that thread's allocations, and
  /// they for it.
  void spend();

  // Results; those of the time before until the shard begins.
  std::vector<Event> events;
  std::vector<std::uint64_t> opened;  ///< positions; the shard's connections in their order
  std::vector<std::uint64_t> closed;  ///< the shard's numbers of connections

 private:
  friend class ShardThread;
  struct Expiry {
    std::size_t at;  // in packets_: before this one
    std::uint64_t position;
    std::uint64_t now;
  };

  std::vector<TaggedPacket> packets_;
  std::vector<std::uint64_t> positions_;
  std::vector<std::uint8_t> payload_;  // of all packets, one behind the other
  std::vector<Expiry> expiries_;
  bool last_ = false;
};

class ShardThread final : private ExchangeSink {
 public:
  ShardThread(const ExtractorOptions& options, unsigned shares);
  ~ShardThread() override;

  // The caller's thread.
  void hand_over(std::unique_ptr<Batch> batch);
  /// The next batch, in the order in which they were handed over, when it is done; waits for it.
  std::unique_ptr<Batch> take_back();
  /// Whether take_back() would not wait.
  bool has_done() const;
  /// Only while every batch has been taken back.
  Shard& shard() noexcept { return shard_; }

 private:
  void exchange(Exchange&& exchange) override;
  void connection_end(std::uint64_t stream) override;
  void run();
  void work(Batch& batch);
  void segments(std::size_t from, std::size_t to);

  // The shard's thread.
  Shard shard_;
  Batch* batch_ = nullptr;      // at work on
  std::uint64_t position_ = 0;  // of what is being worked on
  std::uint64_t connections_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Batch>> to_do_;
  std::deque<std::unique_ptr<Batch>> done_;
  bool stopping_ = false;
  std::thread thread_;  // last: all else is there when it begins
};

}  // namespace gray
