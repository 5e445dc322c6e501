// Two bodies that were scrubbed whole, and where in them the values of the raw ones stand. Made for
// one comparison, by one thread; scrubs nothing before something is asked for.
#pragma once

#include <cstdint>
#include <vector>

#include "replay/compare/body_tree.h"
#include "replay/scrub/scrubber.h"

namespace gray {

class ShownBodies {
 public:
  /// Both must outlive this.
  ShownBodies(const TreePair& raw, const Scrubber& scrubber) : raw_(raw), scrubber_(scrubber) {}

  struct Value {
    const TreeNode* node = nullptr;  ///< null: it is not there, or was dropped
    bool hidden = false;             ///< nothing of its body may be shown
  };
  /// Of nodes of the raw trees, or null.
  Value production(const TreeNode* node) { return value(raw_.production, node, production_); }
  Value canary(const TreeNode* node) { return value(raw_.canary, node, canary_); }

 private:
  struct Side {
    const Tree* tree = nullptr;
    std::vector<std::uint32_t> places;  ///< in `tree`, by index in the raw one
  };
  Value value(const Tree& raw, const TreeNode* node, const Side& side);
  void scrub();

  const TreePair& raw_;
  const Scrubber& scrubber_;
  bool scrubbed_ = false;
  ShownTrees trees_;
  Side production_, canary_;
};

}  // namespace gray
