// Two bodies side by side, as rows for a page: what differs with what stands around it, scrubbed
// and printable, bounded. Made on the Judge's thread, of the few exchanges that are kept to look
// at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/compare/compare.h"
#include "replay/scrub/scrubber.h"
#include "replay/send/trial.h"

namespace gray {

struct TreeRow {
  enum class Kind : std::uint8_t {
    Same,
    Different,
    Noise,    ///< differs, and production differs from itself there
    Ignored,  ///< differs where a rule says not to look
    Folded,   ///< `folded` siblings that are equal
    Open,     ///< an object or array; what follows is in it
    Close,
  };
  Kind kind = Kind::Same;
  std::string production = {};  ///< "price: 1"; empty: not there
  std::string canary = {};
  std::uint32_t folded = 0;
};

struct SideBySide {
  static constexpr std::size_t kMaxRows = 200;
  static constexpr std::size_t kMaxText = 160;  ///< bytes of one side of a row

  std::vector<TreeRow> rows;  ///< empty: nothing in them differs, or they are no trees
  bool cut = false;           ///< more rows would have followed
};

/// Values pair as they did in `comparison`, which is of the same trial: equal subtrees are one row,
/// and of many equal siblings in a row the first are shown.
SideBySide side_by_side(const Trial& trial, const Comparison& comparison,
                        const Comparator& comparator, const Scrubber& scrubber);

}  // namespace gray
