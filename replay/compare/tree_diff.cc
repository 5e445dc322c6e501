#include "replay/compare/tree_diff.h"

#include <algorithm>
#include <map>

#include "replay/compare/decimal.h"
#include "replay/compare/tree_hash.h"

namespace gray {
namespace {

// A node of either tree, or none.
struct Side {
  const Tree* tree = nullptr;
  std::uint32_t index = 0;

  const TreeNode* operator->() const noexcept { return &(*tree)[index]; }
  const TreeNode& operator*() const noexcept { return (*tree)[index]; }
  const TreeNode* node() const noexcept { return tree == nullptr ? nullptr : &(*tree)[index]; }
  explicit operator bool() const noexcept { return tree != nullptr; }
  Side first_child() const noexcept { return {tree, index + 1}; }
};

bool same_names_in_order(Side production, Side canary) noexcept {
  if (production->size != canary->size) return false;
  Side a = production.first_child();
  Side b = canary.first_child();
  for (std::uint32_t left = production->size; left > 0; --left) {
    if (a->key != b->key) return false;
    if (left == 1) break;
    a.index = a->next;
    b.index = b->next;
  }
  return true;
}

bool same_text(const TreeNode& a, const TreeNode& b) noexcept {
  return !a.text.empty() && a.text == b.text;
}

std::vector<std::uint32_t> children(Side array) {
  std::vector<std::uint32_t> indices;
  indices.reserve(array->size);
  for_each_child(*array.tree, array.index, [&](std::uint32_t child) { indices.push_back(child); });
  return indices;
}

// Of elements, with their positions.
using Hashes = std::vector<std::pair<std::uint64_t, std::size_t>>;

// Of sets, elements that are compared with each other, and the nodes of all of them.
constexpr std::size_t kMaxSingles = 1'000;
constexpr std::size_t kMaxTried = 1'000'000;

class Walk {
 public:
  Walk(const Tree& production, const Tree& canary, std::string_view part, const CompareRules& rules,
       const TreeDiffSink& sink)
      : part_(part), rules_(rules), sink_(sink), hash_(part, rules) {
    hash_.allow(2 * (production.size() + canary.size()));
  }

  void values(Side production, Side canary);

 private:
  void objects(Side production, Side canary);
  void objects_by_name(Side production, Side canary);
  void arrays(Side production, Side canary);
  bool only_order_differs(Side production, Side canary);
  void sets(Side production, Side canary);
  void pair_alike(Side production, Side canary, Hashes& left, Hashes& right);
  bool alike(Side a, Side b, std::size_t index);
  void keyed(Side production, Side canary, const std::string& key);
  void paired(Side production, Side canary, Hashes left, Hashes right);
  void child(const JsonStep& step, Side production, Side canary);
  void containers(Side production, Side canary);
  void tell(Side production, Side canary, bool order_only);
  void leave_out(const CompareRule& rule, Side production, Side canary);
  void pass(TreeStep step, Side production, Side canary) const {
    if (sink_.passed) sink_.passed(step, {place_, production.node(), canary.node()});
  }

  std::string_view part_;
  const CompareRules& rules_;
  const TreeDiffSink& sink_;
  TreeHash hash_;
  std::vector<JsonStep> place_;
  std::size_t tries_ = kMaxTried;  // left
  bool stopped_ = false;
};

void Walk::values(Side production, Side canary) {
  if (stopped_) return;
  if (production && canary) {
    if (production->kind == canary->kind && production->container())
      return containers(production, canary);
    if (same_leaf(*production, *canary)) return pass(TreeStep::Same, production, canary);
    if (rules_.has_value_rules())
      if (const CompareRule* rule = rules_.allowing(part_, place_, *production, *canary))
        return leave_out(*rule, production, canary);
  }
  tell(production, canary, false);
}

void Walk::containers(Side production, Side canary) {
  if (same_text(*production, *canary)) return pass(TreeStep::Same, production, canary);
  pass(TreeStep::Open, production, canary);
  if (production->kind == TreeKind::Object)
    objects(production, canary);
  else
    arrays(production, canary);
  pass(TreeStep::Close, production, canary);
}

void Walk::tell(Side production, Side canary, bool order_only) {
  if (const CompareRule* rule = rules_.ignoring(part_, place_))
    return leave_out(*rule, production, canary);
  stopped_ = !sink_.found({place_, production.node(), canary.node(), order_only});
}

void Walk::leave_out(const CompareRule& rule, Side production, Side canary) {
  sink_.ignored(place_, rule);
  pass(TreeStep::Ignored, production, canary);
}

void Walk::child(const JsonStep& step, Side production, Side canary) {
  place_.push_back(step);
  values(production, canary);
  place_.pop_back();
}

void Walk::objects(Side production, Side canary) {
  if (!same_names_in_order(production, canary)) return objects_by_name(production, canary);
  Side a = production.first_child();
  Side b = canary.first_child();
  for (std::uint32_t left = production->size; left > 0 && !stopped_; --left) {
    child({a->key, 0, false}, a, b);
    if (left == 1) break;
    a.index = a->next;
    b.index = b->next;
  }
}

void Walk::objects_by_name(Side production, Side canary) {
  const auto left = members_by_name(*production.tree, production.index);
  const auto right = members_by_name(*canary.tree, canary.index);
  auto a = left.begin();
  auto b = right.begin();
  while ((a != left.end() || b != right.end()) && !stopped_) {
    const Side p = a == left.end() ? Side{} : Side{production.tree, *a};
    const Side c = b == right.end() ? Side{} : Side{canary.tree, *b};
    const bool take_p = p && (!c || p->key <= c->key);
    const bool take_c = c && (!p || c->key <= p->key);
    child({take_p ? p->key : c->key, 0, false}, take_p ? p : Side{}, take_c ? c : Side{});
    if (take_p) ++a;
    if (take_c) ++b;
  }
}

void Walk::arrays(Side production, Side canary) {
  if (rules_.has_array_rules()) {
    if (const CompareRule* rule = rules_.array_rule(part_, place_))
      return rule->key.empty() ? sets(production, canary) : keyed(production, canary, rule->key);
  }
  if (only_order_differs(production, canary)) return tell(production, canary, true);
  Side a = production.first_child();
  Side b = canary.first_child();
  const std::uint32_t count = std::max(production->size, canary->size);
  for (std::uint32_t i = 0; i < count && !stopped_; ++i) {
    child({{}, i, true}, i < production->size ? a : Side{}, i < canary->size ? b : Side{});
    if (i + 1 < production->size) a.index = a->next;
    if (i + 1 < canary->size) b.index = b->next;
  }
}

// Elements that are written alike cost nothing, and where less than two are not, none has moved.
bool Walk::only_order_differs(Side production, Side canary) {
  if (production->size != canary->size || production->size < 2) return false;
  const auto left = children(production), right = children(canary);
  std::vector<std::uint64_t> before, after;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const TreeNode &a = (*production.tree)[left[i]], &b = (*canary.tree)[right[i]];
    if (a.kind == b.kind && same_text(a, b)) continue;
    before.push_back(i);
  }
  if (before.size() < 2) return false;
  for (std::uint64_t& i : before) {
    after.push_back(hash_.of(*canary.tree, right[i], place_));
    i = hash_.of(*production.tree, left[i], place_);
  }
  if (hash_.exhausted() || before == after) return false;
  std::sort(before.begin(), before.end());
  std::sort(after.begin(), after.end());
  return before == after;
}

void Walk::sets(Side production, Side canary) {
  Hashes left, right;
  hash_.allow(2 * (production->next - production.index + canary->next - canary.index));
  for (const std::uint32_t child : children(production))
    left.emplace_back(hash_.of(*production.tree, child, place_), left.size());
  for (const std::uint32_t child : children(canary))
    right.emplace_back(hash_.of(*canary.tree, child, place_), right.size());
  if (rules_.has_value_rules()) pair_alike(production, canary, left, right);
  paired(production, canary, std::move(left), std::move(right));
}

// Elements that have no equal may have one that is equal within the rules, which no hash can tell.
// The first of those are tried with each other, and paired by the hash of one of them.
void Walk::pair_alike(Side production, Side canary, Hashes& left, Hashes& right) {
  std::map<std::uint64_t, std::ptrdiff_t> surplus;  // of the left
  for (const auto& [hash, index] : left) ++surplus[hash];
  for (const auto& [hash, index] : right) --surplus[hash];
  std::vector<std::size_t> singles;  // of the right
  for (std::size_t i = 0; i < right.size() && singles.size() < kMaxSingles; ++i)
    if (surplus[right[i].first] < 0) {
      ++surplus[right[i].first];
      singles.push_back(i);
    }
  const auto elements = children(production), others = children(canary);
  std::size_t tried = 0;
  for (auto& [hash, index] : left) {
    if (surplus[hash] <= 0 || tried++ == kMaxSingles) continue;
    --surplus[hash];
    const Side element{production.tree, elements[index]};
    const auto found = std::find_if(singles.begin(), singles.end(), [&, at = index](std::size_t i) {
      return alike(element, {canary.tree, others[right[i].second]}, at);
    });
    if (found == singles.end()) continue;
    right[*found].first = hash;
    singles.erase(found);
  }
}

bool Walk::alike(Side a, Side b, std::size_t index) {
  const std::size_t cost = (a->next - a.index) + (b->next - b.index);
  tries_ -= std::min(tries_, cost);
  if (tries_ == 0) return false;
  bool differs = false;
  const TreeDiffSink quiet{.found = [&](const TreeDifference&) { return !(differs = true); },
                           .ignored = [](std::span<const JsonStep>, const CompareRule&) {}};
  Walk walk(*a.tree, *b.tree, part_, rules_, quiet);
  walk.place_ = place_;
  walk.tries_ = tries_;
  walk.child({{}, index, true}, a, b);
  tries_ = walk.tries_;
  return !differs;
}

void Walk::keyed(Side production, Side canary, const std::string& key) {
  const auto keys_of = [&](Side array) {
    Hashes keys;
    for (const std::uint32_t child : children(array)) {
      std::uint64_t hash = 0;  // of elements without a key: they pair in the order they stand
      if ((*array.tree)[child].kind == TreeKind::Object)
        for_each_child(*array.tree, child, [&](std::uint32_t member) {
          if ((*array.tree)[member].key == key) hash = TreeHash::of_leaf((*array.tree)[member]);
        });
      keys.emplace_back(hash, keys.size());
    }
    return keys;
  };
  paired(production, canary, keys_of(production), keys_of(canary));
}

// Elements of one hash pair in the order they stand; the rest is only on one side.
void Walk::paired(Side production, Side canary, Hashes left, Hashes right) {
  const auto elements = children(production), others = children(canary);
  std::sort(left.begin(), left.end());
  std::sort(right.begin(), right.end());
  auto a = left.begin();
  auto b = right.begin();
  while ((a != left.end() || b != right.end()) && !stopped_) {
    const bool take_a = a != left.end() && (b == right.end() || a->first <= b->first);
    const bool take_b = b != right.end() && (a == left.end() || b->first <= a->first);
    const std::size_t index = take_a ? a->second : b->second;
    child({{}, index, true}, take_a ? Side{production.tree, elements[a->second]} : Side{},
          take_b ? Side{canary.tree, others[b->second]} : Side{});
    if (take_a) ++a;
    if (take_b) ++b;
  }
}

}  // namespace

bool same_leaf(const TreeNode& a, const TreeNode& b) {
  if (a.kind != b.kind || a.container()) return false;
  return a.kind == TreeKind::Number ? same_number(a.text, b.text) : a.text == b.text;
}

std::vector<std::uint32_t> members_by_name(const Tree& tree, std::uint32_t object) {
  std::vector<std::uint32_t> members;
  members.reserve(tree[object].size);
  for_each_child(tree, object, [&](std::uint32_t child) { members.push_back(child); });
  std::stable_sort(members.begin(), members.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return tree[a].key < tree[b].key; });
  return members;
}

void diff_trees(const Tree& production, const Tree& canary, std::string_view part,
                const CompareRules& rules, const TreeDiffSink& sink) {
  Walk(production, canary, part, rules, sink).values({&production, 0}, {&canary, 0});
}

}  // namespace gray
