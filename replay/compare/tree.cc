#include "replay/compare/tree.h"

namespace gray {

std::string_view TreeBuilder::keep(std::string_view text) {
  return text.empty() ? std::string_view{} : tree_.decoded_.emplace_back(text);
}

TreeNode* TreeBuilder::add(TreeKind kind, std::string_view key) {
  const bool second_root = open_.empty() && !tree_.nodes_.empty();
  if (failed_ || second_root || tree_.nodes_.size() >= Tree::kMaxNodes) {
    failed_ = true;
    return nullptr;
  }
  if (!open_.empty()) ++tree_.nodes_[open_.back()].size;
  const auto index = static_cast<std::uint32_t>(tree_.nodes_.size());
  TreeNode& node = tree_.nodes_.emplace_back();
  node.key = keep(key);
  node.kind = kind;
  node.next = index + 1;
  return &node;
}

void TreeBuilder::open(TreeKind container, std::string_view key) {
  if (open_.size() >= Tree::kMaxDepth || add(container, key) == nullptr) {
    failed_ = true;
    return;
  }
  open_.push_back(static_cast<std::uint32_t>(tree_.nodes_.size() - 1));
}

void TreeBuilder::close() {
  if (failed_ || open_.empty()) {
    failed_ = true;
    return;
  }
  tree_.nodes_[open_.back()].next = static_cast<std::uint32_t>(tree_.nodes_.size());
  open_.pop_back();
}

void TreeBuilder::leaf(TreeKind kind, std::string_view text, std::string_view key) {
  if (TreeNode* node = add(kind, key)) node->text = keep(text);
}

std::optional<Tree> TreeBuilder::take() {
  if (failed_ || !open_.empty() || tree_.nodes_.empty()) return std::nullopt;
  return std::move(tree_);
}

}  // namespace gray
