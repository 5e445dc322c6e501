#include "replay/report/row_list.h"

namespace gray {

using Kind = TreeRow::Kind;

void RowList::open(TreeRow&& row) {
  Level level{.row = out_.rows.size()};
  row.kind = Kind::Open;
  level.shown = push(std::move(row));
  levels_.push_back(level);
}

// Returns whether it stays as what it was. One in which nothing differs after all is taken back.
bool RowList::leave() {
  const Level level = levels_.back();
  if (level.differs) end_of_equal();
  levels_.pop_back();
  if (!level.differs) {
    if (level.shown) out_.rows.resize(level.row);
    return false;
  }
  if (level.shown) out_.rows.push_back({.kind = Kind::Close});
  if (levels_.empty()) return true;
  levels_.back().differs = true;
  // Those before it are told where they stand, though it is known only now that it differs.
  const std::uint32_t equal = std::exchange(levels_.back().equal, 0);
  if (level.shown && equal > kEqualShown)
    out_.rows.insert(out_.rows.begin() + static_cast<std::ptrdiff_t>(level.row),
                     {.kind = Kind::Folded, .folded = equal - kEqualShown});
  return true;
}

void RowList::add(TreeRow&& row) {
  end_of_equal();
  push(std::move(row));
  if (!levels_.empty()) levels_.back().differs = true;
}

void RowList::end_of_equal() {
  if (levels_.empty()) return;
  const std::uint32_t equal = std::exchange(levels_.back().equal, 0);
  if (equal > kEqualShown) push({.kind = Kind::Folded, .folded = equal - kEqualShown});
}

bool RowList::push(TreeRow&& row) {
  out_.cut = out_.cut || out_.rows.size() >= SideBySide::kMaxRows;
  if (!out_.cut) out_.rows.push_back(std::move(row));
  return !out_.cut;
}

ToldFields::ToldFields(const Comparison& comparison) : more_(comparison.more > 0) {
  for (const Difference& difference : comparison.differences) {
    noise_.emplace(difference.field, difference.noise);
    const bool calls = difference.field == "trailer.grpc-status" &&
                       !difference.production.empty() && !difference.canary.empty();
    only_status_ = only_status_ || calls || difference.field == "status";
  }
}

Kind ToldFields::kind_of(const std::string& field) const {
  const auto known = noise_.find(field);
  if (known != noise_.end()) return known->second ? Kind::Noise : Kind::Different;
  return more_ || only_status_ ? Kind::Different : Kind::Same;
}

}  // namespace gray
