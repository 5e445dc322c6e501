#include "replay/send/lineup.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gray {
namespace {

Exchange exchange(std::uint64_t stream, std::string name) {
  Exchange exchange;
  exchange.stream = stream;
  exchange.request.target = std::move(name);
  return exchange;
}

/// Takes one at `now`: its name, "end 7" for the end of connection 7, "-" when there is none.
std::string take(Lineup& lineup, std::uint64_t now, std::uint64_t* lane = nullptr) {
  const auto waiting = lineup.take(now);
  if (!waiting) return "-";
  if (lane != nullptr) *lane = waiting->lane;
  return waiting->exchange ? waiting->exchange->request.target
                           : "end " + std::to_string(waiting->stream);
}

TEST(Lineup, AConnectionIsInOrderAndOneAtATime) {
  Lineup lineup(Order::Connection);
  lineup.add(exchange(1, "a"), 50, 0);
  lineup.add(exchange(1, "b"), 10, 0);
  lineup.add(exchange(2, "c"), 20, 0);
  lineup.add_end(1, 0);
  EXPECT_EQ(lineup.size(), 3u);
  EXPECT_EQ(lineup.next_due(), 20u);
  EXPECT_EQ(take(lineup, 19), "-");
  EXPECT_EQ(take(lineup, 100), "c");
  EXPECT_EQ(take(lineup, 100), "a");
  EXPECT_EQ(take(lineup, 100), "-");
  EXPECT_EQ(lineup.next_due(), std::nullopt);
  lineup.done(1, 200);
  EXPECT_EQ(take(lineup, 200), "b");
  lineup.done(1, 200);
  EXPECT_EQ(take(lineup, 200), "end 1");
  lineup.done(1, 200);
  EXPECT_FALSE(lineup.empty());
  lineup.done(2, 200);
  EXPECT_TRUE(lineup.empty());
}

TEST(Lineup, GlobalOrderIsTheOrderOfSubmission) {
  Lineup lineup(Order::Global);
  lineup.add(exchange(1, "a"), 50, 0);
  lineup.add(exchange(2, "b"), 10, 0);
  lineup.add_end(1, 0);
  EXPECT_EQ(take(lineup, 49), "-");
  std::uint64_t lane = 9;
  EXPECT_EQ(take(lineup, 50, &lane), "a");
  EXPECT_EQ(take(lineup, 50), "-");
  lineup.done(lane, 60);
  EXPECT_EQ(take(lineup, 60), "b");
  lineup.done(lane, 60);
  EXPECT_EQ(take(lineup, 60), "end 1");
}

TEST(Lineup, WithoutOrderTheEarliestGoes) {
  Lineup lineup(Order::None);
  lineup.add(exchange(1, "a"), 50, 0);
  lineup.add(exchange(1, "b"), 10, 0);
  lineup.add(exchange(1, "c"), 10, 0);
  lineup.add_end(1, 0);
  EXPECT_EQ(take(lineup, 100), "b");
  EXPECT_EQ(take(lineup, 100), "c");
  EXPECT_EQ(take(lineup, 100), "a");
  EXPECT_EQ(take(lineup, 100), "-");
}

TEST(Lineup, AmongEqualsTheOldestLaneIsServedOut) {
  Lineup lineup(Order::Connection);
  for (const char* name : {"a1", "a2"}) lineup.add(exchange(1, name), 0, 0);
  for (const char* name : {"b1", "b2"}) lineup.add(exchange(2, name), 0, 0);
  std::uint64_t lane = 0;
  for (const char* name : {"a1", "a2", "b1", "b2"}) {
    EXPECT_EQ(take(lineup, 0, &lane), name);
    lineup.done(lane, 0);
  }
}

TEST(Lineup, ReadyIsWhenDueAndFirst) {
  Lineup lineup(Order::Connection);
  lineup.add(exchange(1, "a"), 50, 10);
  lineup.add(exchange(1, "b"), 60, 10);
  EXPECT_EQ(lineup.take(100)->ready_ns, 50u);
  lineup.done(1, 200);
  EXPECT_EQ(lineup.take(300)->ready_ns, 200u);
}

TEST(Lineup, GivingUpEmptiesItAndSparesWhatIsUnderWay) {
  Lineup lineup(Order::Connection);
  for (std::uint64_t stream = 0; stream < 5; ++stream) {
    for (const char* name : {"a", "b", "c"}) lineup.add(exchange(stream, name), 0, 0);
    lineup.add_end(stream, 0);
  }
  EXPECT_TRUE(lineup.take(0).has_value());
  std::size_t taken = 0;
  while (const auto waiting = lineup.take_any()) taken += waiting->exchange ? 1 : 0;
  EXPECT_EQ(taken, 14u);
  EXPECT_EQ(lineup.size(), 0u);
  EXPECT_TRUE(lineup.empty());
}

}  // namespace
}  // namespace gray
