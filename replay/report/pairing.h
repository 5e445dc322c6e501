// Joins what the canary answered with what the baseline answered to the same request. Bounded: when
// too many wait for their other half, the oldest goes on without. One thread uses one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "replay/send/trial.h"

namespace gray {

class Pairing {
 public:
  static constexpr std::size_t kMaxWaiting = 4'096;

  struct Pair {
    Trial canary;
    std::optional<Trial> baseline;  ///< absent: it did not come in time
  };

  /// What can be judged now: usually nothing or one pair. A baseline's trial without a canary's is
  /// dropped when it is the oldest.
  std::optional<Pair> add(Trial&& trial, bool is_baseline);
  /// The rest, one by one, when no more will come: in the order production was asked, whichever
  /// order the answers came in.
  std::optional<Pair> take_rest();

 private:
  // An exchange of a later round of a loop has the id of the first, and a connection of its own.
  using Key = std::pair<ExchangeId, std::uint64_t>;
  struct Half {
    Trial trial;
    bool is_baseline = false;
  };

  std::map<Key, Half> waiting_;
  std::deque<Key> order_;    // some are gone already
  std::vector<Trial> rest_;  // the first to be taken at the end
};

}  // namespace gray
