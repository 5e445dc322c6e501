#include "replay/gate/statistics.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace gray {
namespace {

constexpr double kZ = 1.959963984540054;  // of 95 %, both sides
constexpr double kConfidence = 0.95;
constexpr std::uint64_t kMaxExact = 20'000;

// The z above which `tail` of the normal distribution lies.
double normal_quantile(double tail) noexcept {
  double low = 0, high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(middle / std::sqrt(2.0)) > tail ? low : high) = middle;
  }
  return low;
}

/// Ranks, from 1, of the values that enclose the quantile; 0 or above `count` are none.
struct Ranks {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

// Value k of `count` is at most the quantile with the probability that k or more are below it.
Ranks exact_ranks(std::uint64_t count, double quantile, double tail) noexcept {
  const auto n = static_cast<double>(count);
  const double log_p = std::log(quantile), log_q = std::log1p(-quantile);
  Ranks ranks{0, count + 1};
  double below = 0;  // P(fewer than rank values lie below the quantile)
  for (std::uint64_t rank = 1; rank <= count; ++rank) {
    const auto k = static_cast<double>(rank - 1);
    below += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) + k * log_p +
                      (n - k) * log_q);
    if (below <= tail) ranks.low = rank;
    if (below >= 1 - tail) {
      ranks.high = rank;
      break;
    }
  }
  return ranks;
}

Ranks normal_ranks(std::uint64_t count, double quantile, double tail) noexcept {
  const double mean = static_cast<double>(count) * quantile;
  const double half = normal_quantile(tail) * std::sqrt(mean * (1 - quantile));
  const double low = std::floor(mean - half);
  return {low < 1 ? 0 : static_cast<std::uint64_t>(low),
          static_cast<std::uint64_t>(std::ceil(mean + half)) + 1};
}

double value_at(const Histogram& values, std::uint64_t rank) noexcept {
  std::uint64_t seen = 0;
  double found = 0;
  values.for_each([&](std::uint64_t value, std::uint64_t count) {
    if (seen < rank) found = static_cast<double>(value);
    seen += count;
  });
  return found;
}

}  // namespace

Interval wilson(std::uint64_t hits, std::uint64_t trials) noexcept {
  if (trials == 0) return {0, 1};
  const auto n = static_cast<double>(trials);
  const double p = static_cast<double>(hits) / n;
  const double z2 = kZ * kZ;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {hits == 0 ? 0 : std::max(0.0, middle - half),
          hits == trials ? 1 : std::min(1.0, middle + half)};
}

std::uint64_t least_sample(double share) noexcept {
  if (share <= 0) return 0;
  if (share >= 1) return 1;
  return static_cast<std::uint64_t>(std::ceil(std::log(1 - kConfidence) / std::log1p(-share)));
}

std::optional<Interval> quantile_interval(const Histogram& values, double quantile,
                                          double tail) noexcept {
  const std::uint64_t count = values.count();
  if (count == 0) return std::nullopt;
  const Ranks ranks =
      count <= kMaxExact ? exact_ranks(count, quantile, tail) : normal_ranks(count, quantile, tail);
  if (ranks.low == 0 || ranks.high > count) return std::nullopt;
  return Interval{value_at(values, ranks.low), value_at(values, ranks.high)};
}

QuantileRatio quantile_ratio(const Histogram& production, const Histogram& canary,
                             double quantile) noexcept {
  QuantileRatio ratio;
  const auto before = static_cast<double>(production.percentile(quantile));
  if (before <= 0 || canary.count() == 0) return ratio;
  ratio.ratio = static_cast<double>(canary.percentile(quantile)) / before;
  const auto left = quantile_interval(production, quantile, 0.0125);
  const auto right = quantile_interval(canary, quantile, 0.0125);
  if (left && right && left->low > 0)
    ratio.interval = Interval{right->low / left->high, right->high / left->low};
  return ratio;
}

MannWhitney mann_whitney(const Histogram& production, const Histogram& canary) {
  std::map<std::uint64_t, std::pair<double, double>> buckets;  // value: production's, the canary's
  production.for_each([&](std::uint64_t value, std::uint64_t count) {
    buckets[value].first += static_cast<double>(count);
  });
  canary.for_each([&](std::uint64_t value, std::uint64_t count) {
    buckets[value].second += static_cast<double>(count);
  });
  MannWhitney test;
  const auto n = static_cast<double>(production.count()), m = static_cast<double>(canary.count());
  if (n == 0 || m == 0) return test;
  double below = 0, ties = 0;  // production's values below the bucket; sum of t^3 - t
  for (const auto& [value, counts] : buckets) {
    test.u += counts.second * (below + counts.first / 2);
    below += counts.first;
    const double tied = counts.first + counts.second;
    ties += tied * tied * tied - tied;
  }
  test.slower = test.u / (n * m);
  const double all = n + m;
  const double variance = n * m / 12 * ((all + 1) - ties / (all * (all - 1)));
  if (all < 2 || variance <= 0) return test;
  // Continuity correction: U moves in steps.
  const double distance = std::max(0.0, std::fabs(test.u - n * m / 2) - 0.5);
  test.z = std::copysign(distance / std::sqrt(variance), test.u - n * m / 2);
  test.p = std::erfc(distance / std::sqrt(2 * variance));
  test.known = production.count() >= MannWhitney::kLeast && canary.count() >= MannWhitney::kLeast;
  return test;
}

}  // namespace gray
