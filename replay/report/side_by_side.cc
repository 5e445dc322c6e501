#include "replay/report/side_by_side.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "replay/compare/answer_diff.h"
#include "replay/compare/printable.h"
#include "replay/compare/shown_bodies.h"
#include "replay/compare/tree_diff.h"
#include "replay/report/flat_rows.h"

namespace gray {
namespace {

using Kind = TreeRow::Kind;

constexpr std::size_t kMaxScrubbed = 64u << 10;  // bytes of a value; of a longer one only the kind
constexpr std::size_t kMaxLookedAt = 1u << 20;   // bytes that are scrubbed, all in all
constexpr std::size_t kNameCost = 64;            // as which a name counts there
constexpr std::size_t kMaxCompared = 4u << 20;   // bytes of a body

std::string as_written(const TreeNode& node, bool quotes) {
  return quotes ? json_text(node) : std::string(node.text);
}

/// Both bodies' trees, value by value.
class TreeRows {
 public:
  /// `shown`: where scrubbed values are looked up; null: they are scrubbed one by one.
  TreeRows(const BodyMaker& maker, const RowsOf& with, ShownBodies* shown, RowList& rows)
      : maker_(maker), told_(with.told), scrubber_(with.scrubber), shown_(shown), rows_(rows) {}

  void found(const TreeDifference& pair) {
    look_at(kNameCost * pair.place.size());
    const Kind kind = told_.kind_of(field_of(pair.place));
    if (kind == Kind::Same) return same(pair);
    add(kind, pair);
  }
  void passed(TreeStep step, const TreeDifference& pair) {
    if (step == TreeStep::Open) rows_.open(row(Kind::Open, pair, false));
    if (step == TreeStep::Close) rows_.close([&] { return row(Kind::Same, pair, false); });
    if (step == TreeStep::Same) same(pair);
    if (step == TreeStep::Ignored) add(Kind::Ignored, pair);
  }

 private:
  void same(const TreeDifference& pair) {
    rows_.same([&] { return row(Kind::Same, pair, false); });
  }
  void add(Kind kind, const TreeDifference& pair) {
    TreeRow different = row(kind, pair, true);
    if (pair.order_only) different.canary += " (other order)";
    rows_.add(std::move(different));
  }
  void look_at(std::size_t bytes) {
    looked_at_ += bytes;
    if (looked_at_ > kMaxLookedAt) rows_.cut();
  }

  TreeRow row(Kind kind, const TreeDifference& pair, bool content) {
    return {.kind = kind,
            .production = text(pair, pair.production, content),
            .canary = text(pair, pair.canary, content)};
  }
  std::string field_of(std::span<const JsonStep> place) const;
  std::string name_of(std::span<const JsonStep> place) const;
  std::string text(const TreeDifference& pair, const TreeNode* node, bool content);
  std::string value(const TreeDifference& pair, const TreeNode& node);
  std::string looked_up(const TreeDifference& pair, const TreeNode& node);

  const BodyMaker& maker_;
  const ToldFields& told_;
  const Scrubber& scrubber_;
  ShownBodies* shown_;
  RowList& rows_;
  std::size_t looked_at_ = 0;
};

// As the comparison writes it.
std::string TreeRows::field_of(std::span<const JsonStep> place) const {
  return write_place(maker_.part + (maker_.rooted ? ".$" : ""), place,
                     [this](std::string_view key) {
                       return scrubber_.on() ? scrubber_.scrub_key(key) : std::string(key);
                     });
}

std::string TreeRows::name_of(std::span<const JsonStep> place) const {
  if (place.empty()) return {};
  const JsonStep& last = place.back();
  if (last.is_index) return fmt::format("[{}]: ", last.index);
  const std::string_view key = last.key.substr(0, 2 * kMaxShown);
  return printable(scrubber_.on() ? scrubber_.scrub_key(key) : std::string(key), kMaxShown / 4) +
         ": ";
}

/// `content`: of an object or array what is in it, too.
std::string TreeRows::text(const TreeDifference& pair, const TreeNode* node, bool content) {
  if (node == nullptr || rows_.full()) return {};
  const bool whole = !node->container() || (content && !node->text.empty());
  look_at(kNameCost);
  if (!whole) return name_of(pair.place) + show(node);
  look_at(node->text.size());
  if (node->text.size() > kMaxScrubbed || rows_.full()) return name_of(pair.place) + "(long)";
  return name_of(pair.place) + printable(value(pair, *node), SideBySide::kMaxText);
}

std::string TreeRows::value(const TreeDifference& pair, const TreeNode& node) {
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

std::string TreeRows::looked_up(const TreeDifference& pair, const TreeNode& node) {
  const ShownBodies::Value found =
      &node == pair.production ? shown_->production(&node) : shown_->canary(&node);
  if (found.hidden) return "(scrubbed)";
  return found.node == nullptr ? "(dropped)" : as_written(*found.node, maker_.rooted);
}

void add_trees(const BodyMaker& maker, const TreePair& trees, const RowsOf& with, RowList& rows) {
  ShownBodies shown(trees, with.scrubber);
  TreeRows tree_rows(maker, with, trees.shown && with.scrubber.on() ? &shown : nullptr, rows);
  diff_trees(
      trees.production, trees.canary, maker.part, with.rules,
      {.found =
           [&](const TreeDifference& pair) {
             tree_rows.found(pair);
             return !rows.full();
           },
       .ignored = [](std::span<const JsonStep>, const CompareRule&) {},
       .passed = [&](TreeStep step, const TreeDifference& pair) { tree_rows.passed(step, pair); }});
}

/// How a body begins; empty when it has neither fields nor lines.
std::string beginning(const BodySource& source, const Scrubber& scrubber) {
  if (source.body.empty()) return "(empty)";
  if (source.body.size() > kMaxScrubbed) return {};
  if (const BodyMaker json = json_maker(); json.takes(source))
    if (const auto tree = json.make(source))
      return printable(scrubber.scrub_json_at({}, json_text((*tree)[0])).value_or("(dropped)"),
                       SideBySide::kMaxText);
  if (!is_text(source)) return {};
  std::string text = scrubber.scrub_value("body", source.body);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return printable(text, SideBySide::kMaxText);
}

// An answer in JSON beside a page that says what went wrong.
void add_beginnings(const BodySource& production, const BodySource& canary, const RowsOf& with,
                    RowList& rows) {
  const Kind kind = with.told.kind_of("body");
  if (kind == Kind::Same) return;
  const std::string left = beginning(production, with.scrubber);
  const std::string right = beginning(canary, with.scrubber);
  if (left.empty() && right.empty()) return;
  const auto text = [](const BodySource& source, const std::string& begins) {
    return "body: " + (begins.empty() ? fmt::format("{} bytes", source.body.size()) : begins);
  };
  rows.add({.kind = kind, .production = text(production, left), .canary = text(canary, right)});
}

void add_bodies(const Exchange& exchange, const Response& production, const Response& canary,
                const Comparator& comparator, const RowsOf& with, RowList& rows) {
  if (production.body == canary.body) return;
  if (std::max(production.body.size(), canary.body.size()) > kMaxCompared) return;
  std::string decoded_production, decoded_canary;
  const BodySource left = comparator.body_of(exchange, production, decoded_production);
  const BodySource right = comparator.body_of(exchange, canary, decoded_canary);
  if (coded(left) || coded(right)) return;
  for (const BodyMaker& maker : comparator.makers()) {
    if (!maker.takes(left) || !maker.takes(right)) continue;
    if (const auto trees = both_trees(maker, left, right))
      return add_trees(maker, *trees, with, rows);
  }
  if (is_text(left) && is_text(right) && add_text_rows(left, right, with, rows)) return;
  add_beginnings(left, right, with, rows);
}

}  // namespace

SideBySide side_by_side(const Trial& trial, const Comparison& comparison,
                        const Comparator& comparator, const Scrubber& scrubber) {
  if (!comparison.compared || !trial.canary || !trial.exchange->response) return {};
  const Exchange& exchange = *trial.exchange;
  const Response &production = *exchange.response, &canary = *trial.canary;
  const ToldFields told(comparison);
  const RowsOf with{told, comparator.rules(), scrubber};
  RowList rows;
  const AnswerHeaders left = answer_headers(exchange.request, production);
  const AnswerHeaders right = answer_headers(exchange.request, canary);
  add_header_rows("header", *left.headers, *right.headers, with, rows);
  add_bodies(exchange, production, canary, comparator, with, rows);
  if (production.complete && canary.complete)
    add_header_rows("trailer", *left.trailers, *right.trailers, with, rows);
  return rows.take();
}

}  // namespace gray
