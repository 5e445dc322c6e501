#include "replay/compare/tree_hash.h"

#include <functional>
#include <string>

#include "replay/compare/decimal.h"
#include "replay/compare/tree_diff.h"

namespace gray {
namespace {

constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t h = ((a << 5 | a >> 59) ^ b) * kOdd;
  h ^= h >> 29;
  return h * kOdd;
}

std::uint64_t of_text(TreeKind kind, std::string_view text) {
  return mixed(static_cast<std::uint64_t>(kind) + 1, std::hash<std::string_view>{}(text));
}

}  // namespace

std::uint64_t TreeHash::of_leaf(const TreeNode& leaf) {
  if (leaf.container()) return 0;
  return leaf.kind == TreeKind::Number ? of_text(leaf.kind, canonical_number(leaf.text))
                                       : of_text(leaf.kind, leaf.text);
}

std::uint64_t TreeHash::leaf(const TreeNode& node) const {
  if (!rules_.has_value_rules()) return of_leaf(node);
  const std::string text = rules_.normalized(part_, place_, node.text);
  if (text == node.text) return of_leaf(node);
  return of_text(node.kind, text);
}

std::uint64_t TreeHash::subtree(const Tree& tree, std::uint32_t index) {
  if (budget_ == 0) return 0;
  --budget_;
  const TreeNode& node = tree[index];
  if (rules_.has_value_rules() && rules_.ignoring(part_, place_) != nullptr) return kOdd;
  if (!node.container()) return leaf(node);
  std::uint64_t hash = mixed(static_cast<std::uint64_t>(node.kind), node.size);
  std::size_t position = 0;
  for_each_child(tree, index, [&](std::uint32_t child) {
    const bool element = node.kind == TreeKind::Array;
    place_.push_back({tree[child].key, position++, element});
    const std::uint64_t own = subtree(tree, child);
    place_.pop_back();
    // A sum does not know the order.
    hash = element ? mixed(hash, own)
                   : hash + mixed(std::hash<std::string_view>{}(tree[child].key), own);
  });
  return hash;
}

std::uint64_t TreeHash::of(const Tree& tree, std::uint32_t index, std::span<const JsonStep> above) {
  place_.assign(above.begin(), above.end());
  place_.push_back({{}, 0, true});
  return subtree(tree, index);
}

}  // namespace gray
