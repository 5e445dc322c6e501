// Formulas against values worked out by hand, or known from the literature.
#include "replay/gate/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace gray {
namespace {

Histogram of(const std::vector<std::uint64_t>& values) {
  Histogram histogram;
  for (const std::uint64_t value : values) histogram.record(value);
  return histogram;
}

TEST(Wilson, KnownIntervals) {
  // 10 of 100: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z² = 3.841459.
  EXPECT_NEAR(wilson(10, 100).low, 0.05523, 5e-5);
  EXPECT_NEAR(wilson(10, 100).high, 0.17437, 5e-5);
  // 5 of 10: 0.5 ± 1.959964 √(0.025 + 0.00960365) / 1.3841459.
  EXPECT_NEAR(wilson(5, 10).low, 0.23659, 5e-5);
  EXPECT_NEAR(wilson(5, 10).high, 0.76341, 5e-5);
  EXPECT_EQ(wilson(0, 10).low, 0);
  EXPECT_NEAR(wilson(0, 10).high, 3.841459 / 13.841459, 1e-6);
  EXPECT_EQ(wilson(10, 10).high, 1);
  EXPECT_EQ(wilson(0, 0).high, 1);
}

TEST(LeastSample, IsTheRuleOfThree) {
  EXPECT_EQ(least_sample(0.01), 299u);
  EXPECT_EQ(least_sample(0.005), 598u);
  EXPECT_EQ(least_sample(0.05), 59u);
  EXPECT_EQ(least_sample(0.5), 5u);
  EXPECT_EQ(least_sample(0), 0u);
  EXPECT_EQ(least_sample(1), 1u);
  for (const double share : {0.3, 0.07, 0.001}) {
    const auto n = static_cast<double>(least_sample(share));
    EXPECT_LE(std::pow(1 - share, n), 0.05);
    EXPECT_GT(std::pow(1 - share, n - 1), 0.05);
  }
}

TEST(QuantileInterval, IsTheBinomialsOwn) {
  // Median of 10: P(B(10, ½) <= 1) = 11/1024 = 0.0107 <= 0.025 < P(B <= 2) = 56/1024: the second
  // and the ninth value, as in any table of the sign test.
  const auto median = quantile_interval(of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), 0.5);
  ASSERT_TRUE(median);
  EXPECT_EQ(median->low, 2);
  EXPECT_EQ(median->high, 9);
  // Of five values 2/32 lie outside: too few for 95 %.
  EXPECT_FALSE(quantile_interval(of({1, 2, 3, 4, 5}), 0.5));
  EXPECT_TRUE(quantile_interval(of({1, 2, 3, 4, 5, 6}), 0.5));
  EXPECT_FALSE(quantile_interval(Histogram{}, 0.5));
  // p99 needs 0.99^n <= 0.025: 368 values.
  Histogram values;
  for (int i = 0; i < 367; ++i) values.record(static_cast<std::uint64_t>(i));
  EXPECT_FALSE(quantile_interval(values, 0.99));
  values.record(367);
  EXPECT_TRUE(quantile_interval(values, 0.99));
}

// Of many samples of one distribution 95 % of the intervals must hold the true quantile.
TEST(QuantileInterval, HoldsTheTruthAsOftenAsItSays) {
  std::mt19937_64 random(7);
  int held = 0;
  constexpr int kRounds = 400;
  for (int round = 0; round < kRounds; ++round) {
    Histogram values;
    for (int i = 0; i < 500; ++i) values.record(random() % 100'000);
    const auto interval = quantile_interval(values, 0.9);
    ASSERT_TRUE(interval);
    held += interval->low <= 90'000 * 1.01 && interval->high >= 90'000 * 0.99 ? 1 : 0;
  }
  EXPECT_GE(held, kRounds * 93 / 100);
}

TEST(QuantileInterval, NormalAgreesWithExact) {
  Histogram below, above;
  for (std::uint64_t i = 0; i < 20'000; ++i) below.record(i);
  for (std::uint64_t i = 0; i < 20'001; ++i) above.record(i);
  const auto exact = quantile_interval(below, 0.9), normal = quantile_interval(above, 0.9);
  ASSERT_TRUE(exact && normal);
  EXPECT_NEAR(exact->low, normal->low, 200);  // the histogram's own step there is 128
  EXPECT_NEAR(exact->high, normal->high, 200);
}

TEST(QuantileRatio, OfTwiceIsTwo) {
  Histogram production, canary;
  for (std::uint64_t i = 1; i <= 1'000; ++i) {
    production.record(i * 1'000);
    canary.record(i * 2'000);
  }
  const QuantileRatio ratio = quantile_ratio(production, canary, 0.5);
  EXPECT_NEAR(ratio.ratio, 2, 0.03);
  ASSERT_TRUE(ratio.interval);
  EXPECT_LT(ratio.interval->low, 1.95);
  EXPECT_GT(ratio.interval->low, 1.6);
  EXPECT_GT(ratio.interval->high, 2.05);
  EXPECT_EQ(quantile_ratio(Histogram{}, canary, 0.5).ratio, 0);
  EXPECT_FALSE(quantile_ratio(of({1, 2}), of({3, 4}), 0.99).interval);
}

// The definition: pairs in which the second is larger, ties half.
double pairs(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  double u = 0;
  for (const auto x : a)
    for (const auto y : b) u += y > x ? 1 : y == x ? 0.5 : 0;
  return u;
}

TEST(MannWhitney, CountsPairs) {
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::uint64_t> a(25), b(30);
    for (auto& value : a) value = random() % 40;
    for (auto& value : b) value = random() % 50;
    const MannWhitney test = mann_whitney(of(a), of(b));
    EXPECT_DOUBLE_EQ(test.u, pairs(a, b));
    EXPECT_DOUBLE_EQ(test.slower, test.u / 750);
  }
}

TEST(MannWhitney, KnownValues) {
  // 1…20 against 11…30: U = 300 + … by the definition, no ties within, 10 across.
  std::vector<std::uint64_t> a, b;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    a.push_back(i);
    b.push_back(i + 10);
  }
  const MannWhitney test = mann_whitney(of(a), of(b));
  EXPECT_DOUBLE_EQ(test.u, 350);  // 400 pairs: 45 lost, 10 tied
  // variance = 400/12 (41 - 60/1560) = 1365.385; z = (350 - 200 - ½)/36.9511 = 4.04589.
  EXPECT_NEAR(test.z, 4.04589, 1e-4);
  EXPECT_NEAR(test.p, 5.213e-5, 1e-7);
  EXPECT_TRUE(test.known);
  EXPECT_NEAR(mann_whitney(of(b), of(a)).z, -test.z, 1e-12);
}

TEST(MannWhitney, SaysNothingWhereNothingIsKnown) {
  EXPECT_FALSE(mann_whitney(Histogram{}, of({1})).known);
  EXPECT_FALSE(mann_whitney(of(std::vector<std::uint64_t>(19, 1)), of({1, 2})).known);
  const auto tied =
      mann_whitney(of(std::vector<std::uint64_t>(50, 7)), of(std::vector<std::uint64_t>(50, 7)));
  EXPECT_FALSE(tied.known);
  EXPECT_EQ(tied.p, 1);
  EXPECT_EQ(tied.slower, 0.5);
}

}  // namespace
}  // namespace gray
