#include "replay/inject/fidelity.h"

#include <gtest/gtest.h>

#include <random>

namespace gray {
namespace {

constexpr std::uint64_t kUs = 1000;
constexpr std::uint64_t kClock = 1ULL << 63;  // where the other clock stands, far from ours

TEST(Fidelity, NothingSentIsNothingSaid) {
  const FidelityReport report = Fidelity().report();
  EXPECT_EQ(report.frames, 0u);
  EXPECT_EQ(report.p50_ns, 0u);
  EXPECT_EQ(report.max_ns, 0u);
  EXPECT_EQ(report.drift_ppm, 0);
}

TEST(Fidelity, AConstantDelayIsNoError) {
  Fidelity fidelity;
  for (std::uint64_t i = 0; i < 5000; ++i)
    fidelity.add(0, i, i * 100 * kUs, kClock + i * 100 * kUs + 4321);
  const FidelityReport report = fidelity.report();
  EXPECT_EQ(report.frames, 5000u);
  EXPECT_EQ(report.max_ns, 0u);
  EXPECT_EQ(report.late, 0u);
  EXPECT_EQ(report.reordered, 0u);
  EXPECT_DOUBLE_EQ(report.drift_ppm, 0);
}

TEST(Fidelity, ALateFirstFrameIsTheOnlyOneWithAnError) {
  Fidelity fidelity;
  for (std::uint64_t i = 0; i < 3000; ++i)
    fidelity.add(0, i, i * 100 * kUs, kClock + i * 100 * kUs + (i == 0 ? 40 * kUs : 0));
  const FidelityReport report = fidelity.report();
  EXPECT_EQ(report.p999_ns, 0u);
  EXPECT_NEAR(static_cast<double>(report.max_ns), 40'000, 400);
}

TEST(Fidelity, PercentilesAreOfTheAbsoluteError) {
  Fidelity fidelity;
  // Of 10,000: 1 % 20 µs early, 0.1 % 300 µs late, the others even between -200 and +200 ns.
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    std::uint64_t left = i * 1000 * kUs + (i % 401) - 200;
    if (i % 100 == 50) left -= 20 * kUs;
    if (i % 1000 == 7) left += 300 * kUs;
    fidelity.add(0, i, i * 1000 * kUs, kClock + left);
  }
  const FidelityReport report = fidelity.report();
  EXPECT_NEAR(static_cast<double>(report.p50_ns), 100, 6);
  EXPECT_NEAR(static_cast<double>(report.p99_ns), 20'000, 400);
  EXPECT_NEAR(static_cast<double>(report.max_ns), 300'000, 3000);
  EXPECT_EQ(report.late, 10u);
}

TEST(Fidelity, DriftIsTheSlopeAndSingleStallsDoNotBendIt) {
  std::mt19937_64 random(1);
  Fidelity fidelity;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const std::uint64_t due = i * 100 * kUs;
    std::uint64_t left = due + due / 200'000 + random() % 1000;  // 5 ppm slow
    if (i > 19'900) left += 5000 * kUs;
    fidelity.add(0, i, due, kClock + left);
  }
  EXPECT_NEAR(fidelity.report().drift_ppm, 5, 0.2);
}

TEST(Fidelity, DriftOfALongRunKeepsToItsMemory) {
  Fidelity fidelity;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    const std::uint64_t due = i * 2592 * kUs * 1000;  // 30 days
    fidelity.add(0, i, due, due - due / 1'000'000);
  }
  EXPECT_NEAR(fidelity.report().drift_ppm, -1, 0.01);
}

TEST(Fidelity, FramesThatWereOvertakenAreCounted) {
  Fidelity fidelity;
  for (const std::uint64_t number : {0U, 1U, 3U, 2U, 4U, 7U, 5U, 6U})
    fidelity.add(0, number, number * kUs, kClock + number * kUs);
  EXPECT_EQ(fidelity.report().reordered, 3u);
}

TEST(Fidelity, TwoInterfacesAreTwoOrders) {
  Fidelity fidelity;
  fidelity.add(1, 3, 3 * kUs, kClock);
  fidelity.add(0, 0, 0, kClock);
  fidelity.add(0, 1, kUs, kClock);
  fidelity.add(1, 4, 4 * kUs, kClock);
  EXPECT_EQ(fidelity.report().reordered, 0u);
}

TEST(Fidelity, BurstsThatWereNotScheduledAreSeen) {
  Fidelity fidelity;
  for (std::uint64_t i = 0; i < 100; ++i) {
    // Scheduled 100 µs apart; the first ten leave together, when the tenth is due.
    const std::uint64_t due = i * 100 * kUs;
    fidelity.add(0, i, due, kClock + (i < 10 ? 900 * kUs + i * 500 : due));
  }
  const FidelityReport report = fidelity.report();
  EXPECT_EQ(report.wanted, (FidelityReport::Bursts{100}));
  EXPECT_EQ(report.sent, (FidelityReport::Bursts{90, 0, 0, 1}));
}

}  // namespace
}  // namespace gray
