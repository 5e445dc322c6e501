#include "replay/send/window.h"

#include <gtest/gtest.h>

#include "replay/send/copies.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

TEST(Moment, RelativeAndUtc) {
  EXPECT_EQ(Moment::parse("90s").ns, 90 * kNsPerSecond);
  EXPECT_TRUE(Moment::parse("90s").relative);
  // date -u -d '2026-11-25 14:00:00' +%s
  for (const char* text :
       {"2026-11-25T14:00:00Z", "2026-11-25 14:00:00", "2026-11-25T14:00:00.0"}) {
    EXPECT_EQ(Moment::parse(text).ns, 1'795'615'200 * kNsPerSecond) << text;
    EXPECT_FALSE(Moment::parse(text).relative);
  }
  EXPECT_EQ(Moment::parse("2024-02-29T00:00:00.25Z").ns, 1'709'164'800'250'000'000u);
  for (const char* text : {"", "x", "2026-11-25", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z",
                           "2026-11-25T24:00:00Z", "2026-11-25T14:00:00+01:00",
                           "2026-11-25T14:00:00.", "1960-01-01T00:00:00Z"})
    EXPECT_THROW(Moment::parse(text), UsageError) << text;
}

TEST(TimeWindow, FromStartToBeforeStop) {
  TimeWindow window(Moment::parse("2ns"), Moment::parse("4ns"));
  std::string taken;
  for (std::uint64_t time = 100; time < 106; ++time) taken += window.contains(time) ? 'y' : 'n';
  EXPECT_EQ(taken, "nnyynn");
  TimeWindow all;
  EXPECT_TRUE(all.contains(5));
}

TEST(Copies, HaveIdsOfTheirOwn) {
  ExchangeId id;
  id.bytes[3] = 7;
  EXPECT_EQ(id_of_copy(id, 0), id);
  EXPECT_NE(id_of_copy(id, 1), id);
  EXPECT_NE(id_of_copy(id, 1), id_of_copy(id, 2));
  EXPECT_EQ(id_of_copy(id, 1), id_of_copy(id, 1));
}

TEST(Copies, AllTimesMove) {
  Exchange exchange;
  exchange.request.first_byte_ns = 1;
  exchange.request.pieces = {{1, 2}};
  exchange.response.emplace();
  exchange.response->last_byte_ns = 3;
  shift_times(exchange, 10);
  EXPECT_EQ(exchange.request.first_byte_ns, 11u);
  EXPECT_EQ(exchange.request.pieces[0].time_ns, 12u);
  EXPECT_EQ(exchange.response->last_byte_ns, 13u);
}

}  // namespace
}  // namespace gray
