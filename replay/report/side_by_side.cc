#include "replay/report/side_by_side.h"

#include <fmt/format.h>

#include <map>
#include <string_view>

#include "replay/compare/answer_diff.h"
#include "replay/compare/printable.h"
#include "replay/compare/shown_bodies.h"
#include "replay/compare/tree_diff.h"

namespace gray {
namespace {

using Kind = TreeRow::Kind;

constexpr std::uint32_t kEqualShown = 3;         // siblings in a row
constexpr std::size_t kMaxScrubbed = 64u << 10;  // bytes of a value; of a longer one only the kind
constexpr std::size_t kMaxLookedAt = 1u << 20;   // bytes that are scrubbed, all in all
constexpr std::size_t kNameCost = 64;            // as which a name counts there
constexpr std::size_t kMaxCompared = 4u << 20;   // bytes of a body

std::string as_written(const TreeNode& node, bool quotes) {
  return quotes ? json_text(node) : std::string(node.text);
}

class Rows {
 public:
  /// `shown`: where scrubbed values are looked up; null: they are scrubbed one by one.
  Rows(const BodyMaker& maker, const Comparison& comparison, const Scrubber& scrubber,
       ShownBodies* shown)
      : maker_(maker), scrubber_(scrubber), shown_(shown), more_(comparison.more > 0) {
    for (const Difference& difference : comparison.differences)
      noise_.emplace(difference.field, difference.noise);
  }

  void found(const TreeDifference& pair) {
    look_at(kNameCost * pair.place.size());
    const auto known = noise_.find(field_of(pair.place));
    // What was found and not told is equal once it is scrubbed, or above what a comparison keeps.
    if (known == noise_.end() && !more_) return same(pair);
    add(known != noise_.end() && known->second ? Kind::Noise : Kind::Different, pair);
  }
  void passed(TreeStep step, const TreeDifference& pair) {
    if (step == TreeStep::Open) open(pair);
    if (step == TreeStep::Close) close(pair);
    if (step == TreeStep::Same) same(pair);
    if (step == TreeStep::Ignored) add(Kind::Ignored, pair);
  }
  bool full() const noexcept { return out_.cut; }
  SideBySide take() { return std::move(out_); }

 private:
  struct Level {
    std::size_t row = 0;      // of its Open
    std::uint32_t equal = 0;  // siblings in a row
    bool differs = false;
    bool shown = false;
  };

  void open(const TreeDifference& pair);
  void close(const TreeDifference& pair);
  void same(const TreeDifference& pair);
  void add(Kind kind, const TreeDifference& pair);
  void end_of_equal();
  bool push(TreeRow&& row);
  void look_at(std::size_t bytes) {
    looked_at_ += bytes;
    out_.cut = out_.cut || looked_at_ > kMaxLookedAt;
  }

  std::string field_of(std::span<const JsonStep> place) const;
  std::string name_of(std::span<const JsonStep> place) const;
  std::string text(const TreeDifference& pair, const TreeNode* node, bool content);
  std::string value(const TreeDifference& pair, const TreeNode& node);
  std::string looked_up(const TreeDifference& pair, const TreeNode& node);

  const BodyMaker& maker_;
  const Scrubber& scrubber_;
  ShownBodies* shown_;
  bool more_;
  std::map<std::string, bool> noise_;  // by field of what differs
  std::vector<Level> levels_;
  std::size_t looked_at_ = 0;
  SideBySide out_;
};

void Rows::open(const TreeDifference& pair) {
  Level level{.row = out_.rows.size()};
  level.shown = push({.kind = Kind::Open,
                      .production = text(pair, pair.production, false),
                      .canary = text(pair, pair.canary, false)});
  levels_.push_back(level);
}

// One in which nothing differs after all is a row like any other that is equal.
void Rows::close(const TreeDifference& pair) {
  const Level level = levels_.back();
  if (level.differs) {
    end_of_equal();
    levels_.pop_back();
    if (level.shown) out_.rows.push_back({.kind = Kind::Close});
    if (levels_.empty()) return;
    levels_.back().differs = true;
    // Those before it are told where they stand, though it is known only now that it differs.
    const std::uint32_t equal = std::exchange(levels_.back().equal, 0);
    if (level.shown && equal > kEqualShown)
      out_.rows.insert(out_.rows.begin() + static_cast<std::ptrdiff_t>(level.row),
                       {.kind = Kind::Folded, .folded = equal - kEqualShown});
    return;
  }
  levels_.pop_back();
  if (level.shown) out_.rows.resize(level.row);
  same(pair);
}

void Rows::same(const TreeDifference& pair) {
  if (!levels_.empty() && ++levels_.back().equal > kEqualShown) return;
  push({.kind = Kind::Same,
        .production = text(pair, pair.production, false),
        .canary = text(pair, pair.canary, false)});
}

void Rows::add(Kind kind, const TreeDifference& pair) {
  end_of_equal();
  push({.kind = kind,
        .production = text(pair, pair.production, true),
        .canary = text(pair, pair.canary, true) + (pair.order_only ? " (other order)" : "")});
  if (!levels_.empty()) levels_.back().differs = true;
}

void Rows::end_of_equal() {
  if (levels_.empty()) return;
  const std::uint32_t equal = std::exchange(levels_.back().equal, 0);
  if (equal > kEqualShown) push({.kind = Kind::Folded, .folded = equal - kEqualShown});
}

bool Rows::push(TreeRow&& row) {
  out_.cut = out_.cut || out_.rows.size() >= SideBySide::kMaxRows;
  if (!out_.cut) out_.rows.push_back(std::move(row));
  return !out_.cut;
}

// As the comparison writes it.
std::string Rows::field_of(std::span<const JsonStep> place) const {
  return write_place(maker_.part + (maker_.rooted ? ".$" : ""), place,
                     [this](std::string_view key) {
                       return scrubber_.on() ? scrubber_.scrub_key(key) : std::string(key);
                     });
}

std::string Rows::name_of(std::span<const JsonStep> place) const {
  if (place.empty()) return {};
  const JsonStep& last = place.back();
  if (last.is_index) return fmt::format("[{}]: ", last.index);
  const std::string_view key = last.key.substr(0, 2 * kMaxShown);
  return printable(scrubber_.on() ? scrubber_.scrub_key(key) : std::string(key), kMaxShown / 4) +
         ": ";
}

/// `content`: of an object or array what is in it, too.
std::string Rows::text(const TreeDifference& pair, const TreeNode* node, bool content) {
  if (node == nullptr || full()) return {};
  const bool whole = !node->container() || (content && !node->text.empty());
  look_at(kNameCost);
  if (!whole) return name_of(pair.place) + show(node);
  look_at(node->text.size());
  if (node->text.size() > kMaxScrubbed || full()) return name_of(pair.place) + "(long)";
  return name_of(pair.place) + printable(value(pair, *node), SideBySide::kMaxText);
}

std::string Rows::value(const TreeDifference& pair, const TreeNode& node) {
  if (shown_ != nullptr) return looked_up(pair, node);
  const auto place = pair.place;
  const std::string written = as_written(node, maker_.rooted);
  std::optional<std::string> scrubbed = written;
  if (scrubber_.on() && maker_.scrub)
    scrubbed = maker_.scrub(place, node);
  else if (scrubber_.on() && maker_.rooted)
    scrubbed = scrubber_.scrub_json_at(place, written);
  else if (scrubber_.on())
    scrubbed = scrubber_.scrub_value(
        maker_.part + '.' + std::string(place.empty() ? std::string_view() : place.back().key),
        node.text);
  return scrubbed ? *scrubbed : "(dropped)";
}

std::string Rows::looked_up(const TreeDifference& pair, const TreeNode& node) {
  const ShownBodies::Value found =
      &node == pair.production ? shown_->production(&node) : shown_->canary(&node);
  if (found.hidden) return "(scrubbed)";
  return found.node == nullptr ? "(dropped)" : as_written(*found.node, maker_.rooted);
}

SideBySide rows_of(const BodyMaker& maker, const Tree& production, const Tree& canary,
                   const Comparison& comparison, const CompareRules& rules,
                   const Scrubber& scrubber, ShownBodies* shown = nullptr) {
  Rows rows(maker, comparison, scrubber, shown);
  diff_trees(
      production, canary, maker.part, rules,
      {.found =
           [&](const TreeDifference& pair) {
             rows.found(pair);
             return !rows.full();
           },
       .ignored = [](std::span<const JsonStep>, const CompareRule&) {},
       .passed = [&](TreeStep step, const TreeDifference& pair) { rows.passed(step, pair); }});
  SideBySide out = rows.take();
  const bool plain = out.rows.size() == 1 && out.rows[0].kind == Kind::Same;
  if (plain) out.rows.clear();
  return out;
}

}  // namespace

SideBySide side_by_side(const Trial& trial, const Comparison& comparison,
                        const Comparator& comparator, const Scrubber& scrubber) {
  if (!comparison.compared || !trial.canary || !trial.exchange->response) return {};
  const Response &production = *trial.exchange->response, &canary = *trial.canary;
  if (std::max(production.body.size(), canary.body.size()) > kMaxCompared) return {};
  std::string decoded_production, decoded_canary;
  const BodySource left = comparator.body_of(*trial.exchange, production, decoded_production);
  const BodySource right = comparator.body_of(*trial.exchange, canary, decoded_canary);
  if (coded(left) || coded(right)) return {};
  for (const BodyMaker& maker : comparator.makers()) {
    if (!maker.takes(left) || !maker.takes(right)) continue;
    if (maker.make_both) {
      const auto both = maker.make_both(left, right);
      if (!both) continue;
      ShownBodies shown(*both, scrubber);
      return rows_of(maker, both->production, both->canary, comparison, comparator.rules(),
                     scrubber, both->shown && scrubber.on() ? &shown : nullptr);
    }
    const auto before = maker.make(left);
    const auto after = before ? maker.make(right) : std::nullopt;
    if (before && after)
      return rows_of(maker, *before, *after, comparison, comparator.rules(), scrubber);
  }
  return {};
}

}  // namespace gray
