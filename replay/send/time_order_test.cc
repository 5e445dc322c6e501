#include "replay/send/time_order.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gray {
namespace {

struct Seen final : ExchangeSink {
  void exchange(Exchange&& exchange) override {
    list.push_back(std::to_string(exchange.request.first_byte_ns) + exchange.request.target);
  }
  void connection_end(std::uint64_t stream) override {
    list.push_back("end " + std::to_string(stream));
  }
  std::vector<std::string> list;
};

Exchange at(std::uint64_t time, std::string name = "", std::size_t body = 0) {
  Exchange exchange;
  exchange.request.first_byte_ns = time;
  exchange.request.target = std::move(name);
  exchange.request.body.assign(body, 'b');
  return exchange;
}

TEST(TimeOrder, WhatBeganFirstGoesFirst) {
  Seen seen;
  TimeOrder order({}, seen);
  for (const std::uint64_t time : {5U, 3U, 9U, 1U}) order.exchange(at(time));
  order.exchange(at(3, "second"));
  EXPECT_TRUE(seen.list.empty());
  order.flush();
  EXPECT_EQ(seen.list, (std::vector<std::string>{"1", "3", "3second", "5", "9"}));
  EXPECT_EQ(order.late(), 0u);
}

TEST(TimeOrder, AnEndIsBehindAllOfItsConnection) {
  Seen seen;
  TimeOrder order({}, seen);
  order.exchange(at(7));
  order.exchange(at(2));
  order.connection_end(1);
  order.exchange(at(8));
  order.flush();
  EXPECT_EQ(seen.list, (std::vector<std::string>{"2", "7", "end 1", "8"}));
}

TEST(TimeOrder, WhatIsSettledDoesNotWait) {
  Seen seen;
  TimeOrder order({}, seen);
  for (const std::uint64_t time : {5U, 3U, 9U}) order.exchange(at(time));
  order.release(5);
  EXPECT_EQ(seen.list, (std::vector<std::string>{"3"}));
  order.exchange(at(5, "second"));
  order.connection_end(4);
  order.release(9);
  EXPECT_EQ(seen.list, (std::vector<std::string>{"3", "5", "5second"}));
  order.release(10);
  EXPECT_EQ(seen.list, (std::vector<std::string>{"3", "5", "5second", "9", "end 4"}));
  EXPECT_EQ(order.late(), 0u);
}

// An answer alone, whose request was not captured.
TEST(TimeOrder, WhatHasNoRequestIsNotLate) {
  Seen seen;
  TimeOrder order({}, seen);
  order.exchange(at(5));
  order.release(6);
  order.exchange(at(0, "answer"));
  order.exchange(at(7));
  order.flush();
  EXPECT_EQ(seen.list, (std::vector<std::string>{"5", "0answer", "7"}));
  EXPECT_EQ(order.late(), 0u);
}

TEST(TimeOrder, LooksAheadByABoundedNumber) {
  Seen seen;
  TimeOrder order({.max_exchanges = 2}, seen);
  order.exchange(at(10));
  order.exchange(at(20));
  EXPECT_TRUE(seen.list.empty());
  order.exchange(at(30));
  EXPECT_EQ(seen.list, (std::vector<std::string>{"10"}));
  order.exchange(at(5));
  EXPECT_EQ(order.late(), 1u);
  EXPECT_EQ(seen.list, (std::vector<std::string>{"10", "5"}));
  Ledger ledger;
  order.account(ledger);
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.stages().at(0).held, 2u);
  order.flush();
  EXPECT_EQ(order.taken(), 4u);
}

TEST(TimeOrder, AndOfBytes) {
  Seen seen;
  TimeOrder order({.max_bytes = 100'000}, seen);
  for (std::uint64_t time = 1; time <= 5; ++time) order.exchange(at(time, "", 40'000));
  EXPECT_EQ(seen.list.size(), 3u);
}

}  // namespace
}  // namespace gray
