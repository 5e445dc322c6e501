#include "replay/send/window.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>

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

TEST(Copies, HaveKeysOfTheirOwnInTheSameForm) {
  const auto key = [](const std::string& value, std::uint64_t copy, const char* method = "POST") {
    Request request;
    request.method = method;
    request.headers = {{"Idempotency-Key", value}, {"x-other", "a1"}};
    give_own_keys(request, copy);
    EXPECT_EQ(request.headers[1].value, "a1");
    return request.headers[0].value;
  };
  const std::string uuid = "5f0c8a1e-7d52-4b3a-9e61-0c2f4d6a8b90";
  std::set<std::string> keys;
  for (std::uint64_t copy = 0; copy < 1000; ++copy) {
    const std::string own = key(uuid, copy);
    keys.insert(own);
    ASSERT_EQ(own.size(), uuid.size());
    EXPECT_EQ(own.substr(0, 8), uuid.substr(0, 8));
    for (std::size_t i = 0; i < uuid.size(); ++i) {
      EXPECT_EQ(std::isdigit(own[i]) != 0, std::isdigit(uuid[i]) != 0) << own;
      EXPECT_EQ(own[i] == '-', uuid[i] == '-') << own;
      EXPECT_LE(own[i], 'f') << own;
    }
  }
  EXPECT_EQ(keys.size(), 1000u);
  EXPECT_EQ(key(uuid, 0), uuid);
  EXPECT_EQ(key(uuid, 1, "GET"), uuid);
  EXPECT_EQ(key("--", 1), "--");
  EXPECT_EQ(key("", 1), "");
  EXPECT_NE(key("Zz9", 1), "Zz9");
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
