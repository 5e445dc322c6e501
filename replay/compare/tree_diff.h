// Two trees walked in step: where do they differ? One call is on one thread, takes time in
// proportion to the trees, and recurses no deeper than they are, which Tree bounds.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "replay/compare/rules.h"
#include "replay/compare/tree.h"

namespace gray {

/// Views into the trees, valid during the call that brings it.
struct TreeDifference {
  std::span<const JsonStep> place;       ///< in production's tree, when it is in there
  const TreeNode* production = nullptr;  ///< null: not there
  const TreeNode* canary = nullptr;      ///< null: not there
  bool order_only = false;               ///< two arrays of the same elements in another order
};

/// What a walk passes beside differences: two values that are equal, or that a rule lets pass; two
/// containers that it goes into, and that it leaves again.
enum class TreeStep : std::uint8_t { Same, Ignored, Open, Close };

struct TreeDiffSink {
  /// Returns whether to go on.
  std::function<bool(const TreeDifference&)> found;
  /// A difference that a rule says not to look at, or allows.
  std::function<void(std::span<const JsonStep>, const CompareRule&)> ignored;
  /// For those who show both trees; may be empty.
  std::function<void(TreeStep, const TreeDifference&)> passed = {};
};

/// Members pair by name, in any order (a name that stands twice in the order it stands), elements
/// by position unless a rule for `part` makes the array a set or names a key, numbers are equal by
/// value. What the rules ignore is not told as found.
void diff_trees(const Tree& production, const Tree& canary, std::string_view part,
                const CompareRules& rules, const TreeDiffSink& sink);

/// Equal by value: members in any order, numbers by value; a hash that equal subtrees share.
bool same_leaf(const TreeNode& a, const TreeNode& b);

/// The next sibling's index is node.next; calls each(index) for every child of `parent`.
template <typename Each>
void for_each_child(const Tree& tree, std::uint32_t parent, const Each& each) {
  std::uint32_t child = parent + 1;
  for (std::uint32_t i = 0; i < tree[parent].size; ++i, child = tree[child].next) each(child);
}

/// Indices of the members of an object, by name, twins in the order they stand.
std::vector<std::uint32_t> members_by_name(const Tree& tree, std::uint32_t object);

}  // namespace gray
