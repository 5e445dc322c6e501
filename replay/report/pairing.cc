#include "replay/report/pairing.h"

namespace gray {

std::optional<Pairing::Pair> Pairing::add(Trial&& trial, bool is_baseline) {
  const Key key{trial.exchange.id, trial.exchange.stream};
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
  while (!waiting_.empty()) {
    auto node = waiting_.extract(waiting_.begin());
    if (!node.mapped().is_baseline) return Pair{std::move(node.mapped().trial), std::nullopt};
  }
  order_.clear();
  return std::nullopt;
}

}  // namespace gray
