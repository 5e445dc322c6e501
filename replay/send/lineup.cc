#include "replay/send/lineup.h"

#include <algorithm>

namespace gray {

namespace {

// Beyond these it is not worth the search: they are due later.
constexpr int kHeadsLookedAt = 64;

/// When the recording had its whole answer; what began before that did not wait for it.
std::uint64_t recorded_end(const Exchange& exchange) {
  return exchange.response ? exchange.response->last_byte_ns : exchange.request.last_byte_ns;
}

bool may_join(const Waiting& next, const std::vector<std::uint64_t>& under_way) {
  if (under_way.empty()) return true;
  if (!next.exchange || next.end_ns == 0) return false;
  const std::uint64_t begin = next.exchange->request.first_byte_ns;
  return std::all_of(under_way.begin(), under_way.end(),
                     [&](std::uint64_t end) { return end > begin; });
}

}  // namespace

void Lineup::add(Exchange&& exchange, std::uint64_t due_ns, std::uint64_t now_ns) {
  add(std::make_unique<Exchange>(std::move(exchange)), due_ns, now_ns);
}

void Lineup::add(std::unique_ptr<Exchange> exchange, std::uint64_t due_ns, std::uint64_t now_ns) {
  Waiting waiting;
  waiting.stream = exchange->stream;
  waiting.due_ns = due_ns;
  if (exchange->h2_stream != 0 && order_ == Order::Connection)
    waiting.end_ns = recorded_end(*exchange);
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
  offer(lane, key, now_ns);
}

/// Offers the lane's first when nothing is in its way.
void Lineup::offer(Lane& lane, std::uint64_t key, std::uint64_t now_ns) {
  if (lane.offered || lane.waiting.empty()) return;
  Waiting& head = lane.waiting.front();
  if (!may_join(head, lane.under_way)) return;
  lane.offered = true;
  head.ready_ns = std::max(head.due_ns, now_ns);
  heads_.insert({head.due_ns, lane.number, key});
}

std::optional<Waiting> Lineup::take(std::uint64_t now_ns) {
  if (heads_.empty() || heads_.begin()->due_ns > now_ns) return std::nullopt;
  return take(heads_.begin(), now_ns);
}

std::optional<Waiting> Lineup::take(std::uint64_t now_ns,
                                    const std::function<bool(std::uint64_t)>& may) {
  int looked = 0;
  for (auto head = heads_.begin();
       head != heads_.end() && head->due_ns <= now_ns && looked < kHeadsLookedAt;
       ++head, ++looked) {
    if (may(lanes_.at(head->lane).waiting.front().stream)) return take(head, now_ns);
  }
  return std::nullopt;
}

Waiting Lineup::take(std::set<Head>::iterator head, std::uint64_t now_ns) {
  const std::uint64_t key = head->lane;
  const auto lane = lanes_.find(key);
  heads_.erase(head);
  lane->second.offered = false;
  Waiting taken = pop(lane);
  lane->second.under_way.push_back(taken.end_ns);
  offer(lane->second, key, now_ns);
  return taken;
}

void Lineup::done(std::uint64_t key, std::uint64_t now_ns, std::uint64_t end_ns) {
  const auto found = lanes_.find(key);
  if (found == lanes_.end()) return;
  Lane& lane = found->second;
  const auto over = std::find(lane.under_way.begin(), lane.under_way.end(), end_ns);
  if (over != lane.under_way.end()) lane.under_way.erase(over);
  if (lane.waiting.empty() && lane.under_way.empty()) {
    lanes_.erase(found);
  } else {
    offer(lane, key, now_ns);
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
