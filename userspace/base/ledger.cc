#include "userspace/base/ledger.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

namespace gray {

std::uint64_t Stage::dropped() const noexcept {
  return dropped(DropKind::Selection) + dropped(DropKind::Loss);
}

std::uint64_t Stage::dropped(DropKind kind) const noexcept {
  std::uint64_t sum = 0;
  for (const Drop& drop : drops)
    if (drop.kind == kind) sum += drop.count;
  return sum;
}

bool Ledger::balanced() const noexcept {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    if (!stages_[i].balanced()) return false;
    const bool chained = i > 0 && stages_[i].unit == stages_[i - 1].unit;
    if (chained && stages_[i].in != stages_[i - 1].out) return false;
  }
  return true;
}

std::uint64_t Ledger::lost() const noexcept {
  std::uint64_t sum = 0;
  for (const Stage& stage : stages_) sum += stage.dropped(DropKind::Loss);
  return sum;
}

std::uint64_t Ledger::drop(const std::string& stage_name, const std::string& name) const noexcept {
  for (const Stage& stage : stages_)
    for (const Drop& drop : stage.drops)
      if (stage.name == stage_name && drop.name == name) return drop.count;
  return 0;
}

nlohmann::ordered_json to_json(const Ledger& ledger) {
  auto list = nlohmann::ordered_json::array();
  for (const Stage& stage : ledger.stages()) {
    auto drops = nlohmann::ordered_json::object();
    for (const Drop& drop : stage.drops) drops[drop.name] = drop.count;
    nlohmann::ordered_json entry{
        {"stage", stage.name}, {"in", stage.in}, {"out", stage.out}, {"drops", drops}};
    if (stage.held > 0) entry["held"] = stage.held;
    list.push_back(std::move(entry));
  }
  return list;
}

void print(std::ostream& out, const Ledger& ledger) {
  for (const Stage& stage : ledger.stages()) {
    out << fmt::format("{:>12}: {} {} in, {} out", stage.name, stage.in, stage.unit, stage.out);
    for (const Drop& drop : stage.drops)
      if (drop.count > 0) out << fmt::format(", {} {}", drop.count, drop.name);
    if (stage.held > 0) out << fmt::format(", {} held", stage.held);
    if (!stage.balanced())
      out << fmt::format(
          "  NOT BALANCED: {} unaccounted for",
          static_cast<std::int64_t>(stage.in - stage.out - stage.dropped() - stage.held));
    out << '\n';
  }
  out << fmt::format("{:>12}: {}, {} lost\n", "ledger",
                     ledger.balanced() ? "balanced" : "NOT BALANCED", ledger.lost());
}

}  // namespace gray
