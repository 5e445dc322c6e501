// Two JSON trees walked in step: where do they differ? One call is on one thread, takes time in
// proportion to the trees, and recurses no deeper than they are, which JsonTree bounds.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "replay/compare/ignore.h"
#include "replay/compare/json_tree.h"

namespace gray {

/// Views into the trees, valid during the call that brings it.
struct JsonDifference {
  std::span<const JsonStep> place;
  std::uint64_t place_hash = 0;          ///< the same place has the same hash, in whatever tree
  const JsonNode* production = nullptr;  ///< null: not there
  const JsonNode* canary = nullptr;      ///< null: not there

  /// "json.$.a.b[0]", printable, at most kMaxShown bytes.
  std::string field() const;
};

/// Returns whether to go on.
using JsonDifferenceSink = std::function<bool(const JsonDifference&)>;

/// Members pair by name, in any order (a name that stands twice in the order it stands), elements
/// by position, numbers are equal by value. What `ignores` names is not looked into.
void diff_json(const JsonTree& production, const JsonTree& canary, const IgnoreSet& ignores,
               const JsonDifferenceSink& found);

/// A value for people: JSON text, "{3 members}" or "[1 element]"; empty for null.
std::string show(const JsonNode* node);

}  // namespace gray
