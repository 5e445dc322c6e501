// Hashes of subtrees that are equal as the rules say: for elements that have moved, and for sets. A
// budget keeps a hostile nest from being hashed once a level. One thread uses one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "replay/compare/rules.h"
#include "replay/compare/tree.h"

namespace gray {

class TreeHash {
 public:
  TreeHash(std::string_view part, const CompareRules& rules) : part_(part), rules_(rules) {}

  /// Members count in any order, numbers by value, values as normalizers spell them, and what is
  /// ignored not at all. `above` is the place of the array the element stands in.
  std::uint64_t of(const Tree& tree, std::uint32_t index, std::span<const JsonStep> above);
  static std::uint64_t of_leaf(const TreeNode& leaf);

  /// So many nodes more may be hashed; then exhausted() is true and of() says nothing any more.
  void allow(std::size_t nodes) noexcept { budget_ += nodes; }
  bool exhausted() const noexcept { return budget_ == 0; }

 private:
  std::uint64_t subtree(const Tree& tree, std::uint32_t index);
  std::uint64_t leaf(const TreeNode& node) const;

  std::string_view part_;
  const CompareRules& rules_;
  std::vector<JsonStep> place_;
  std::size_t budget_ = 0;
};

}  // namespace gray
