#include "replay/protocol/shard_thread.h"

#include <span>

namespace gray {
namespace {

constexpr std::size_t kLargeExchange = 64u << 10;  // bytes of its bodies

}  // namespace

void Batch::add(const TaggedPacket& packet, std::uint64_t position) {
  packets_.push_back(packet);
  packets_.back().packet.l3 = {};
  positions_.push_back(position);
  const auto bytes = packet.packet.payload;
  payload_.insert(payload_.end(), bytes.begin(), bytes.end());
}

void Batch::clear() {
  packets_.clear();
  positions_.clear();
  payload_.clear();
  expiries_.clear();
  last_ = false;
}

void Batch::spend() {
  for (Event& event : events) {
    if (!event.exchange) continue;
    const Exchange& exchange = *event.exchange;
    const std::size_t bodies =
        exchange.request.body.size() + (exchange.response ? exchange.response->body.size() : 0);
    if (bodies > kLargeExchange) event.exchange.reset();
  }
}

ShardThread::ShardThread(const ExtractorOptions& options, unsigned shares)
    : shard_(options, shares, *this) {
  shard_.on_closed = [this](std::uint64_t stream) { batch_->closed.push_back(stream); };
  thread_ = std::thread([this] { run(); });
}

ShardThread::~ShardThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ShardThread::hand_over(std::unique_ptr<Batch> batch) {
  {
    const std::lock_guard lock(mutex_);
    to_do_.push_back(std::move(batch));
  }
  changed_.notify_all();
}

std::unique_ptr<Batch> ShardThread::take_back() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !done_.empty(); });
  std::unique_ptr<Batch> batch = std::move(done_.front());
  done_.pop_front();
  return batch;
}

bool ShardThread::has_done() const {
  const std::lock_guard lock(mutex_);
  return !done_.empty();
}

void ShardThread::run() {
  while (true) {
    std::unique_ptr<Batch> batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !to_do_.empty(); });
      if (stopping_) return;
      batch = std::move(to_do_.front());
      to_do_.pop_front();
    }
    work(*batch);
    {
      const std::lock_guard lock(mutex_);
      done_.push_back(std::move(batch));
    }
    changed_.notify_all();
  }
}

void ShardThread::work(Batch& batch) {
  batch_ = &batch;
  batch.events.clear();
  batch.opened.clear();
  batch.closed.clear();
  std::size_t offset = 0;
  for (TaggedPacket& tagged : batch.packets_) {
    const std::size_t length = tagged.packet.payload.size();
    tagged.packet.payload = std::span(batch.payload_).subspan(offset, length);
    offset += length;
  }
  std::size_t at = 0;
  for (const Batch::Expiry& expiry : batch.expiries_) {
    segments(std::exchange(at, expiry.at), expiry.at);
    position_ = expiry.position;
    shard_.reassembler().expire(expiry.now);
  }
  segments(at, batch.packets_.size());
  if (batch.last_) {
    position_ = ~std::uint64_t{0};
    shard_.reassembler().finish();
  }
}

void ShardThread::segments(std::size_t from, std::size_t to) {
  if (from == to) return;
  const auto positions = std::span(batch_->positions_).subspan(from, to - from);
  const auto packets = std::span<const TaggedPacket>(batch_->packets_).subspan(from, to - from);
  position_ = positions[0];
  shard_.reassembler().segments(packets, [&](std::size_t i) {
    const std::uint64_t connections = shard_.reassembler().counters().connections;
    if (connections != connections_) batch_->opened.push_back(positions[i]);
    connections_ = connections;
    if (i + 1 < positions.size()) position_ = positions[i + 1];
  });
}

void ShardThread::exchange(Exchange&& exchange) {
  const std::uint64_t stream = exchange.stream;
  batch_->events.push_back({position_, stream, std::move(exchange)});
}

void ShardThread::connection_end(std::uint64_t stream) {
  batch_->events.push_back({position_, stream, std::nullopt});
}

}  // namespace gray
