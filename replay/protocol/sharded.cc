#include "replay/protocol/sharded.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace gray {
namespace {

constexpr std::size_t kMaxSegments = 512;  // of a round, over all shards
constexpr std::size_t kMaxBytes =
    256u << 10;  // and their payload: what is handed over stays in the cache
constexpr unsigned kMaxInFlight = 4;

}  // namespace

Sharded::Sharded(const ExtractorOptions& options, ExchangeSink& sink)
    : options_(options), sink_(sink) {
  for (unsigned i = 0; i < options.threads; ++i)
    shards_.push_back(std::make_unique<Member>(options, options.threads));
}

void Sharded::segment(const TaggedPacket& tagged) {
  const Packet& packet = tagged.packet;
  const std::uint64_t tag = tcp_flow_tag(packet.source, packet.destination, options_.seed);
  const std::size_t shard = (tag >> 32) * shards_.size() >> 32;
  shards_[shard]->filling->add(tagged, position_++);
  bytes_ += packet.payload.size();
  if (++segments_ >= kMaxSegments || bytes_ >= kMaxBytes) hand_over();
}

void Sharded::expire(std::uint64_t now) {
  for (const auto& shard : shards_) shard->filling->expire(now, position_);
}

void Sharded::finish() {
  for (const auto& shard : shards_) shard->filling->finish();
  settle();
}

void Sharded::settle() {
  hand_over();
  while (in_flight_ > 0) take_back();
}

void Sharded::hand_over() {
  for (const auto& shard : shards_)
    shard->thread.hand_over(std::exchange(shard->filling, shard->fresh()));
  segments_ = bytes_ = 0;
  ++in_flight_;
  while (in_flight_ > 0 && (in_flight_ > kMaxInFlight || all_done())) take_back();
}

std::unique_ptr<Batch> Sharded::Member::fresh() {
  if (spare.empty()) return std::make_unique<Batch>();
  std::unique_ptr<Batch> batch = std::move(spare.back());
  spare.pop_back();
  batch->clear();
  return batch;
}

bool Sharded::all_done() const {
  return std::ranges::all_of(shards_, [](const auto& s) { return s->thread.has_done(); });
}

void Sharded::take_back() {
  Batches batches;
  for (const auto& shard : shards_) batches.push_back(shard->thread.take_back());
  --in_flight_;
  number_connections(batches);
  give_out(batches);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    batches[i]->spend();
    shards_[i]->spare.push_back(std::move(batches[i]));
  }
}

/// In order of appearance, over all shards.
void Sharded::number_connections(const Batches& batches) {
  std::vector<std::pair<std::uint64_t, std::size_t>> opened;  // position, shard
  for (std::size_t i = 0; i < batches.size(); ++i)
    for (const std::uint64_t position : batches[i]->opened) opened.emplace_back(position, i);
  std::ranges::sort(opened);
  for (const auto& [position, i] : opened)
    shards_[i]->numbers.emplace(shards_[i]->connections++, connections_++);
}

/// As one thread would have found them; what one segment caused on several connections (idle ones
/// that were closed) in the order of the connections.
void Sharded::give_out(const Batches& batches) {
  std::vector<Batch::Event*> events;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    auto& numbers = shards_[i]->numbers;
    for (Batch::Event& event : batches[i]->events) {
      event.stream = numbers.at(event.stream);
      events.push_back(&event);
    }
    for (const std::uint64_t stream : batches[i]->closed) numbers.erase(stream);
  }
  std::ranges::stable_sort(events, {}, [](const Batch::Event* event) {
    return std::pair(event->position, event->stream);
  });
  for (Batch::Event* event : events) {
    if (!event->exchange) {
      sink_.connection_end(event->stream);
      continue;
    }
    event->exchange->stream = event->stream;
    sink_.exchange(std::move(*event->exchange));
  }
}

}  // namespace gray
