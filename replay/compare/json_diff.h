// Walks two JSON trees in step and says where they differ. One JsonDiff is for one pair of bodies,
// on one thread; its time and what it adds are bounded, whatever the bodies are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/compare/compare.h"
#include "replay/compare/json_tree.h"

namespace gray {

class JsonDiff {
 public:
  JsonDiff(const IgnoreSet& ignores, const Scrubber& scrubber, Comparison& out)
      : ignores_(ignores), scrubber_(scrubber), out_(out) {}

  void compare(const JsonTree& production, const JsonTree& canary);

 private:
  /// A node of either tree, or none.
  struct Side {
    const JsonTree* tree = nullptr;
    std::uint32_t index = 0;
    const JsonNode& operator*() const noexcept { return (*tree)[index]; }
    const JsonNode* operator->() const noexcept { return &(*tree)[index]; }
    explicit operator bool() const noexcept { return tree != nullptr; }
  };
  static std::vector<std::uint32_t> by_key(Side object);
  static bool same_names_in_order(Side production, Side canary) noexcept;

  void walk(Side production, Side canary);
  void walk_objects(Side production, Side canary);
  void walk_arrays(Side production, Side canary);
  void step(JsonStep to, Side production, Side canary);
  bool same_scrubbed(const JsonNode& production, const JsonNode& canary);
  void differ(Side production, Side canary);
  std::string show(Side side);

  /// The path as rules have it; keys longer than kMaxShown are cut.
  const std::string& field();
  std::string shown_field() const;

  const IgnoreSet& ignores_;
  const Scrubber& scrubber_;
  Comparison& out_;
  std::vector<JsonStep> path_;
  std::string field_;               // of the first built_.size() steps of path_
  std::vector<std::size_t> built_;  // length of field_ after each
  std::uint64_t unequal_ = 0;
};

}  // namespace gray
