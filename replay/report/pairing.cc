#include "replay/report/pairing.h"

#include <algorithm>
#include <tuple>

namespace gray {
namespace {

bool asked_later(const Trial& a, const Trial& b) noexcept {
  const auto when = [](const Exchange& exchange) {
    return std::tuple(exchange.request.first_byte_ns, exchange.stream, exchange.position,
                      exchange.id);
  };
  return when(*a.exchange) > when(*b.exchange);
}

}  // namespace

std::optional<Pairing::Pair> Pairing::add(Trial&& trial, bool is_baseline) {
  const Key key{trial.exchange->id, trial.exchange->stream};
  const auto found = waiting_.find(key);
  if (found != waiting_.end() && found->second.is_baseline != is_baseline) {
    Pair pair;
    pair.canary = is_baseline ? std::move(found->second.trial) : std::move(trial);
    pair.baseline = is_baseline ? std::move(trial) : std::move(found->second.trial);
    waiting_.erase(found);
    return pair;
  }
  // The same exchange twice from one side: it has no other half any more.
  if (found != waiting_.end()) {
    if (is_baseline) return std::nullopt;
    return Pair{std::move(trial), std::nullopt};
  }
  waiting_.emplace(key, Half{std::move(trial), is_baseline});
  order_.push_back(key);
  if (order_.size() <= kMaxWaiting) return std::nullopt;
  const auto oldest = waiting_.extract(order_.front());
  order_.pop_front();
  if (oldest.empty() || oldest.mapped().is_baseline) return std::nullopt;
  return Pair{std::move(oldest.mapped().trial), std::nullopt};
}

std::optional<Pairing::Pair> Pairing::take_rest() {
  if (!waiting_.empty()) {
    for (auto& [key, half] : waiting_)
      if (!half.is_baseline) rest_.push_back(std::move(half.trial));
    waiting_.clear();
    order_.clear();
    std::sort(rest_.begin(), rest_.end(), asked_later);
  }
  if (rest_.empty()) return std::nullopt;
  Pair pair{std::move(rest_.back()), std::nullopt};
  rest_.pop_back();
  return pair;
}

}  // namespace gray
