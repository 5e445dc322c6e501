#include "replay/send/lineup.h"

#include <algorithm>

namespace gray {

void Lineup::add(Exchange&& exchange, std::uint64_t due_ns, std::uint64_t now_ns) {
  Waiting waiting;
  waiting.stream = exchange.stream;
  waiting.due_ns = due_ns;
  waiting.exchange = std::move(exchange);
  ++size_;
  add(std::move(waiting), now_ns);
}

void Lineup::add_end(std::uint64_t stream, std::uint64_t now_ns) {
  if (order_ == Order::None) return;
  Waiting end;
  end.stream = stream;
  add(std::move(end), now_ns);
}

void Lineup::add(Waiting&& waiting, std::uint64_t now_ns) {
  const std::uint64_t number = added_++;
  waiting.lane = order_ == Order::Connection ? waiting.stream : order_ == Order::None ? number : 0;
  const std::uint64_t key = waiting.lane;
  const auto [found, created] = lanes_.try_emplace(key);
  Lane& lane = found->second;
  if (created) lane.number = number;
  lane.waiting.push_back(std::move(waiting));
  if (lane.waiting.size() == 1 && !lane.busy) offer(lane, key, now_ns);
}

void Lineup::offer(Lane& lane, std::uint64_t key, std::uint64_t now_ns) {
  Waiting& head = lane.waiting.front();
  head.ready_ns = std::max(head.due_ns, now_ns);
  heads_.insert({head.due_ns, lane.number, key});
}

std::optional<Waiting> Lineup::take(std::uint64_t now_ns) {
  if (heads_.empty() || heads_.begin()->due_ns > now_ns) return std::nullopt;
  const auto lane = lanes_.find(heads_.begin()->lane);
  heads_.erase(heads_.begin());
  lane->second.busy = true;
  return pop(lane);
}

void Lineup::done(std::uint64_t key, std::uint64_t now_ns) {
  const auto lane = lanes_.find(key);
  if (lane == lanes_.end()) return;
  lane->second.busy = false;
  if (lane->second.waiting.empty()) {
    lanes_.erase(lane);
  } else {
    offer(lane->second, key, now_ns);
  }
}

std::optional<Waiting> Lineup::take_any() {
  heads_.clear();
  while (!lanes_.empty()) {
    const auto lane = lanes_.begin();
    if (!lane->second.waiting.empty()) return pop(lane);
    lanes_.erase(lane);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Lineup::next_due() const {
  if (heads_.empty()) return std::nullopt;
  return heads_.begin()->due_ns;
}

Waiting Lineup::pop(Lanes::iterator lane) {
  Waiting waiting = std::move(lane->second.waiting.front());
  lane->second.waiting.pop_front();
  if (waiting.exchange) --size_;
  return waiting;
}

}  // namespace gray
