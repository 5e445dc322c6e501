#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>

#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/histogram.h"
#include "userspace/base/ledger.h"
#include "userspace/base/spsc_ring.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

TEST(Units, DurationsAreNanoseconds) {
  EXPECT_EQ(parse_duration("30s"), 30 * kNsPerSecond);
  EXPECT_EQ(parse_duration("500us"), 500'000u);
  EXPECT_EQ(parse_duration("2m"), 120 * kNsPerSecond);
  EXPECT_EQ(parse_duration("1.5s"), 1'500'000'000u);
}

TEST(Units, BareNumbersAreRefusedWithAHint) {
  try {
    parse_duration("30");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "duration '30' has no unit: did you mean 30s?");
  }
  EXPECT_THROW(parse_size("32"), UsageError);
  EXPECT_THROW(parse_share("12.5"), UsageError);
  EXPECT_THROW(parse_request_rate("500"), UsageError);
}

TEST(Units, NonsenseIsRefused) {
  for (const char* text : {"", "s", "-1s", "1e400s", "nan%", "1 s", "99999999999999h"})
    EXPECT_THROW(parse_duration(text), UsageError) << text;
  EXPECT_THROW(parse_share("0%"), UsageError);
  EXPECT_THROW(parse_share("101%"), UsageError);
}

TEST(Units, SizesKnowBothKindsOfMega) {
  EXPECT_EQ(parse_size("32MB"), 32'000'000u);
  EXPECT_EQ(parse_size("32MiB"), 32u << 20);
  EXPECT_EQ(parse_size("32mb"), 32'000'000u);
  EXPECT_EQ(parse_size("64K"), 65536u);
}

TEST(Units, ThresholdSelectsItsShareOfHashes) {
  std::mt19937_64 random(1);
  const std::uint64_t threshold = share_threshold(0.125);
  int selected = 0;
  for (int i = 0; i < 100'000; ++i) selected += random() <= threshold;
  EXPECT_NEAR(selected, 12'500, 500);
  EXPECT_EQ(share_threshold(1), ~std::uint64_t{0});
}

TEST(Clock, Iso8601HasNineDigits) {
  EXPECT_EQ(iso8601(1'767'323'045'123'456'789), "2026-01-02T03:04:05.123456789Z");
}

TEST(Errors, SayWhatWasBeingDone) {
  try {
    check(-ENODEV, "attach tap to vb");
    FAIL() << "accepted";
  } catch (const std::system_error& error) {
    EXPECT_STREQ(error.what(), "attach tap to vb: No such device");
  }
}

TEST(Ledger, BalancesWhenEveryFrameHasAName) {
  Ledger ledger;
  ledger.add({.name = "xdp", .in = 10, .out = 7, .drops = {{"filtered", 3, DropKind::Selection}}});
  ledger.add({.name = "rx_ring", .in = 7, .out = 4, .drops = {{"ring_full", 2}}, .held = 1});
  ledger.add({.name = "http", .unit = "exchanges", .in = 2, .out = 2});
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.lost(), 2u);
  EXPECT_EQ(ledger.drop("rx_ring", "ring_full"), 2u);
}

TEST(Ledger, AStageThatLosesSilentlyDoesNotBalance) {
  Ledger ledger;
  ledger.add({.name = "xdp", .in = 10, .out = 9});
  EXPECT_FALSE(ledger.balanced());
}

TEST(Ledger, NeighboursMustAgree) {
  Ledger ledger;
  ledger.add({.name = "xdp", .in = 10, .out = 10});
  ledger.add({.name = "rx_ring", .in = 9, .out = 9});
  EXPECT_FALSE(ledger.balanced());
  std::ostringstream text;
  print(text, ledger);
  EXPECT_NE(text.str().find("NOT BALANCED"), std::string::npos);
}

TEST(Ledger, JsonHasTheDocumentedShape) {
  Ledger ledger;
  ledger.add({.name = "rx_ring", .in = 3, .out = 2, .drops = {{"ring_full", 1}, {"no_frame", 0}}});
  EXPECT_EQ(to_json(ledger).dump(),
            R"([{"stage":"rx_ring","in":3,"out":2,"drops":{"ring_full":1,"no_frame":0}}])");
}

TEST(Histogram, PercentilesAreWithinAPercent) {
  Histogram histogram;
  for (std::uint64_t v = 1; v <= 1'000'000; ++v) histogram.record(v);
  for (const double share : {0.5, 0.9, 0.99, 0.999})
    EXPECT_NEAR(static_cast<double>(histogram.percentile(share)), share * 1e6, share * 1e4);
  EXPECT_EQ(histogram.percentile(1), 1'000'000u);
  EXPECT_EQ(Histogram().percentile(0.5), 0u);
}

TEST(Histogram, HoldsTheWholeRange) {
  Histogram histogram;
  histogram.record(0);
  histogram.record(~std::uint64_t{0});
  EXPECT_EQ(histogram.max(), ~std::uint64_t{0});
  EXPECT_EQ(histogram.percentile(0.25), 0u);
}

TEST(SpscRing, KeepsOrderBetweenTwoThreads) {
  constexpr int kCount = 200'000;
  SpscRing<int> ring(64);
  std::jthread producer([&] {
    for (int i = 0; i < kCount;)
      if (ring.push(i)) ++i;
  });
  for (int expected = 0; expected < kCount;) {
    int value = 0;
    if (!ring.pop(value)) continue;
    ASSERT_EQ(value, expected++);
  }
  EXPECT_EQ(ring.size(), 0u);
}

TEST(SpscRing, RefusesWhenFull) {
  SpscRing<int> ring(4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(i));
  EXPECT_FALSE(ring.push(4));
}

}  // namespace
}  // namespace gray
