#include "replay/compare/answer_diff.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/compare/printable.h"

namespace gray {
namespace {

// Bytes of places and values that are scrubbed for one pair of bodies; a body in which more differs
// is different enough, and the rest is only counted.
constexpr std::size_t kMaxLookedAt = 4u << 20;
constexpr std::size_t kStepCost = 32;

std::size_t cost_of(const TreeDifference& difference) noexcept {
  std::size_t cost = kStepCost;
  for (const JsonStep& step : difference.place) cost += step.key.size() + kStepCost;
  if (difference.production != nullptr) cost += difference.production->text.size();
  if (difference.canary != nullptr) cost += difference.canary->text.size();
  return cost;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 2 * kMaxShown)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

/// A value after scrubbing: of a document a tree of its own, of other parts a string.
class Scrubbed {
 public:
  Scrubbed(std::optional<std::string> text, bool document) {
    if (!text) return;
    if (document) {
      tree_ = parse_json_copy(*text);
    } else {
      TreeBuilder builder;
      builder.leaf(TreeKind::String, *text);
      tree_ = builder.take();
    }
  }
  const TreeNode* node() const noexcept { return tree_ ? &(*tree_)[0] : nullptr; }

 private:
  std::optional<Tree> tree_;
};

bool same_value(const TreeNode* a, const TreeNode* b) {
  if (a == nullptr || b == nullptr) return a == b;
  if (a->container() && a->kind == b->kind) return a->text == b->text;
  return same_leaf(*a, *b);
}

std::string_view last_name(std::span<const JsonStep> place) noexcept {
  for (std::size_t i = place.size(); i > 0; --i)
    if (!place[i - 1].is_index) return place[i - 1].key;
  return {};
}

}  // namespace

std::string write_place(std::string start, std::span<const JsonStep> place,
                        const std::function<std::string(std::string_view)>& name) {
  std::string text = std::move(start);
  for (const JsonStep& step : place) {
    const std::string key = step.is_index ? std::string() : name(step.key.substr(0, 2 * kMaxShown));
    if (step.is_index)
      text += fmt::format("[{}]", step.index);
    else if (key.empty() || key.find_first_of(".[]'\" ") != key.npos)
      text.append("['").append(key).append("']");
    else
      text.append(1, '.').append(key);
    if (text.size() > kMaxShown) break;
  }
  return printable(text);
}

std::string show(const TreeNode* node, bool quotes) {
  if (node == nullptr) return {};
  if (!node->container()) {
    if (node->kind == TreeKind::String && quotes) return printable(quoted(node->text));
    return node->text.empty() ? "(empty)" : printable(node->text.substr(0, 2 * kMaxShown));
  }
  const bool object = node->kind == TreeKind::Object;
  if (node->size == 0) return object ? "{}" : "[]";
  const char* plural = node->size == 1 ? "" : "s";
  return object ? fmt::format("{{{} member{}}}", node->size, plural)
                : fmt::format("[{} element{}]", node->size, plural);
}

std::string AnswerDiff::field_of(std::string_view part, bool rooted,
                                 std::span<const JsonStep> place) const {
  return write_place(std::string(part) + (rooted ? ".$" : ""), place, [this](std::string_view key) {
    return scrubber_.on() ? scrubber_.scrub_key(key) : std::string(key);
  });
}

Cause AnswerDiff::cause_of(const TreeDifference& difference) const {
  if (difference.order_only) return Cause::Ordering;
  const bool element = !difference.place.empty() && difference.place.back().is_index;
  if (difference.production == nullptr || difference.canary == nullptr)
    return element ? Cause::Value : Cause::Schema;
  return cause_of_leaves(*difference.production, *difference.canary, last_name(difference.place),
                         context_);
}

// As below, but of bodies that were scrubbed whole.
void AnswerDiff::shown_difference(const BodyMaker& maker, ShownBodies& shown,
                                  const TreeDifference& difference) {
  if (looked_at_ >= kMaxLookedAt) return out_.add_uncounted();
  looked_at_ += cost_of(difference);
  const ShownBodies::Value left = shown.production(difference.production);
  const ShownBodies::Value right = shown.canary(difference.canary);
  const bool hidden = left.hidden || right.hidden;
  if (!hidden && same_value(left.node, difference.canary)) return;
  if (!hidden && same_value(left.node, right.node))
    return note_scrubbed(field_of(maker.part, maker.rooted, difference.place));
  const auto text = [&](const ShownBodies::Value& value) {
    return value.hidden ? "(scrubbed)" : show(value.node, maker.rooted);
  };
  out_.add(field_of(maker.part, maker.rooted, difference.place), text(left), text(right),
           cause_of(difference));
}

// Whether there is a difference the values as they came say. What is told of it is scrubbed as its
// whole document would be. Where the canary, as it came, has what scrubbing made of production's
// value, it echoes what it was sent: no difference.
void AnswerDiff::tree_difference(const BodyMaker& maker, const TreeDifference& difference) {
  if (looked_at_ >= kMaxLookedAt) return out_.add_uncounted();
  looked_at_ += cost_of(difference);
  const auto [place, production, canary, order_only] = difference;
  if (order_only || !scrubber_.on()) {
    std::string after = show(canary, maker.rooted);
    if (order_only) after += ", other order";
    return out_.add(field_of(maker.part, maker.rooted, place), show(production, maker.rooted),
                    std::move(after), cause_of(difference));
  }
  const auto scrubbed = [&, place = place](const TreeNode* node) {
    if (node == nullptr) return Scrubbed(std::nullopt, false);
    if (maker.scrub) return Scrubbed(maker.scrub(place, *node), maker.rooted);
    if (!maker.rooted)
      return Scrubbed(
          scrubber_.scrub_value(maker.part + '.' + std::string(last_name(place)), node->text),
          false);
    return Scrubbed(scrubber_.scrub_json_at(place, json_text(*node)), true);
  };
  const Scrubbed left = scrubbed(production), right = scrubbed(canary);
  if (same_value(left.node(), canary)) return;
  if (same_value(left.node(), right.node()))
    return note_scrubbed(field_of(maker.part, maker.rooted, place));
  out_.add(field_of(maker.part, maker.rooted, place), show(left.node(), maker.rooted),
           show(right.node(), maker.rooted), cause_of(difference));
}

bool AnswerDiff::trees(const BodyMaker& maker, const BodySource& production,
                       const BodySource& canary) {
  const std::optional<TreePair> both = both_trees(maker, production, canary);
  if (!both) return false;
  for (const std::string& place : both->added)
    out_.add_compatible(printable(scrubber_.scrub_text(maker.part + '.' + place)));
  ShownBodies shown(*both, scrubber_);
  diff_trees(both->production, both->canary, maker.part, rules_,
             {.found =
                  [&](const TreeDifference& difference) {
                    if (both->shown && scrubber_.on() && !difference.order_only)
                      shown_difference(maker, shown, difference);
                    else
                      tree_difference(maker, difference);
                    return true;
                  },
              .ignored =
                  [&](std::span<const JsonStep> place, const CompareRule& rule) {
                    if (out_.notes_more()) note(field_of(maker.part, maker.rooted, place), rule);
                  }});
  return true;
}

void AnswerDiff::bodies(const BodySource& production, const BodySource& canary) {
  if (const CompareRule* rule = rules_.ignores_body()) {
    if (production.body != canary.body) note("body", *rule);
    return;
  }
  if (!coded(production) && !coded(canary)) {
    for (const BodyMaker& maker : makers_)
      if (maker.takes(production) && maker.takes(canary) && trees(maker, production, canary))
        return;
    if (is_text(production) && is_text(canary) && texts(production, canary)) return;
  }
  bytes(production, canary);
}

}  // namespace gray
