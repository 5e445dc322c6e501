// For tests of the sender: exchanges, options, and a run that checks the law of the ledger.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "replay/send/sender.h"
#include "userspace/base/clock.h"

namespace gray {

inline Exchange make(std::uint64_t stream, std::uint32_t position, std::string target = "/") {
  static std::uint64_t number = 0;
  Exchange exchange;
  ++number;
  std::memcpy(exchange.id.bytes.data(), &number, sizeof(number));
  exchange.stream = stream;
  exchange.position = position;
  exchange.request.method = "GET";
  exchange.request.target = std::move(target);
  exchange.request.version = "1.1";
  exchange.request.headers = {{"Host", "shop.example"}};
  return exchange;
}

inline SendOptions to(const std::string& url, Order order = Order::Connection) {
  SendOptions options;
  options.targets = {Target::parse(url)};
  options.schedule.pace = Pace::TopSpeed;
  options.order = order;
  options.timeout_ns = 2 * kNsPerSecond;
  return options;
}

struct Ran {
  std::vector<Trial> trials;
  SendStats stats;

  std::map<std::string, int> outcomes() const {
    std::map<std::string, int> counts;
    for (const Trial& trial : trials) ++counts[to_string(trial.outcome)];
    return counts;
  }
};
using Outcomes = std::map<std::string, int>;

inline void expect_lawful(const Sender& sender, std::uint64_t held) {
  Ledger ledger;
  sender.account(ledger);
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.stages().at(0).held, held);
}

/// Submits all, runs to the end; every exchange has one trial and the ledger balances.
inline Ran run(SendOptions options, std::vector<Exchange> exchanges) {
  Ran ran;
  Sender sender(std::move(options), [&](Trial&& trial) { ran.trials.push_back(std::move(trial)); });
  const std::size_t count = exchanges.size();
  std::set<ExchangeId> ids;
  for (const Exchange& exchange : exchanges) ids.insert(exchange.id);
  std::thread feeder([&] {
    for (Exchange& exchange : exchanges) {
      EXPECT_TRUE(sender.wait_for_room());
      EXPECT_TRUE(sender.submit(std::move(exchange)));
    }
    sender.close();
  });
  sender.run();
  feeder.join();
  EXPECT_EQ(ran.trials.size(), count);
  for (const Trial& trial : ran.trials) EXPECT_EQ(ids.erase(trial.exchange->id), 1u);
  EXPECT_TRUE(ids.empty());
  expect_lawful(sender, 0);
  ran.stats = sender.stats();
  return ran;
}

}  // namespace gray
