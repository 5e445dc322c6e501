// How sure a figure is: intervals and tests that need no assumption about how latencies are
// distributed. All are at 95 %. Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "userspace/base/histogram.h"

namespace gray {

struct Interval {
  double low = 0;
  double high = 0;
};

/// Of a rate, `hits` of `trials` (E. B. Wilson, 1927); 0…1 of none.
Interval wilson(std::uint64_t hits, std::uint64_t trials) noexcept;

/// The least number of trials after which none that failed rules out, at 95 %, that more than
/// `share` of all fail: the n of (1 - share)^n <= 0.05. 0 for a share of 0, which no sample rules
/// out.
std::uint64_t least_sample(double share) noexcept;

/// Between which two of the recorded values the true quantile lies, with at most `tail` on either
/// side (order statistics; the binomial distribution is exact up to 20,000 values, then normal).
/// Absent: too few values.
std::optional<Interval> quantile_interval(const Histogram& values, double quantile,
                                          double tail = 0.025) noexcept;

/// The canary's quantile as a multiple of production's. The interval takes both sides at 97.5 %, so
/// it errs to the wide side. Absent: too few values for it.
struct QuantileRatio {
  double ratio = 0;  ///< 0: one side has no values
  std::optional<Interval> interval;
};
QuantileRatio quantile_ratio(const Histogram& production, const Histogram& canary,
                             double quantile) noexcept;

/// H. B. Mann and D. R. Whitney (1947), two-sided, normal approximation with correction for ties;
/// values of one bucket (0.8 %) are ties.
struct MannWhitney {
  bool known = false;   ///< both sides have kLeast values at least, not all of them tied
  double u = 0;         ///< pairs in which the canary is slower, ties counting half
  double slower = 0.5;  ///< the share of such pairs: 0.5 is no difference
  double z = 0;
  double p = 1;  ///< how likely such a z is when there is no difference

  static constexpr std::uint64_t kLeast = 20;  // below that the normal approximation is rough
};
MannWhitney mann_whitney(const Histogram& production, const Histogram& canary);

}  // namespace gray
