// Spreads segments over the threads of several shards, by flow tag, and gives out what they find in
// one order that does not depend on how many there are. One thread calls it; exchanges are given
// out on that thread, during any call. What waits in between is bounded: who calls waits for the
// slowest shard, and nothing is lost.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "replay/protocol/shard_thread.h"

namespace gray {

class Sharded {
 public:
  /// The options live as long as this does; options.threads >= 1.
  Sharded(const ExtractorOptions& options, ExchangeSink& sink);

  void segment(const TaggedPacket& packet);
  /// Behind the segments so far.
  void expire(std::uint64_t now);
  void finish();
  /// Waits until all that was handed in is worked on and given out.
  void settle();

  /// After settle().
  template <class Each>
  void for_each(Each&& each) const {
    for (const auto& shard : shards_) each(shard->thread.shard());
  }

 private:
  struct Member {
    Member(const ExtractorOptions& options, unsigned shares) : thread(options, shares) {}

    std::unique_ptr<Batch> fresh();

    std::unique_ptr<Batch> filling = std::make_unique<Batch>();
    std::vector<std::unique_ptr<Batch>> spare;  // each comes back to the thread that filled it
    std::unordered_map<std::uint64_t, std::uint64_t> numbers;  // of its open connections, for all
    std::uint64_t connections = 0;
    ShardThread thread;
  };
  using Batches = std::vector<std::unique_ptr<Batch>>;

  void hand_over();
  void take_back();
  bool all_done() const;
  void number_connections(const Batches& batches);
  void give_out(const Batches& batches);

  const ExtractorOptions& options_;
  ExchangeSink& sink_;
  std::vector<std::unique_ptr<Member>> shards_;
  std::uint64_t position_ = 0;
  std::uint64_t connections_ = 0;
  std::size_t segments_ = 0;  // in the batches that are being filled
  std::size_t bytes_ = 0;
  unsigned in_flight_ = 0;  // rounds: one batch for each shard
};

}  // namespace gray
