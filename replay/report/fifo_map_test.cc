#include "replay/report/fifo_map.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <string>

namespace gray {
namespace {

TEST(FifoMap, FindsWhatWasAddedAndNothingElse) {
  FifoMap<int> map;
  EXPECT_EQ(map.find("a"), nullptr);
  map.add("a", 1);
  map.add("", 2);
  ASSERT_NE(map.find("a"), nullptr);
  EXPECT_EQ(*map.find("a"), 1);
  EXPECT_EQ(*map.find(""), 2);
  EXPECT_EQ(map.find("b"), nullptr);
  map.forget_oldest();
  EXPECT_EQ(map.find("a"), nullptr);
  EXPECT_EQ(map.oldest(), 2);
  EXPECT_EQ(map.size(), 1u);
}

// Against a map and a queue: keys come back after they were forgotten, and collide in the index.
TEST(FifoMap, IsAsTheModelAfterManyChanges) {
  std::mt19937 random(4);
  FifoMap<int> map;
  std::map<std::string, int> model;
  std::deque<std::string> order;
  for (int step = 0; step < 50'000; ++step) {
    const std::string key = std::to_string(random() % 400);
    int* const found = map.find(key);
    const auto expected = model.find(key);
    ASSERT_EQ(found != nullptr, expected != model.end()) << step;
    if (found != nullptr) {
      ASSERT_EQ(*found, expected->second);
      *found = expected->second = step;
    } else {
      map.add(std::string(key), int{step});
      model.emplace(key, step);
      order.push_back(key);
    }
    const std::size_t most = 1 + random() % 200;
    while (order.size() > most) {
      ASSERT_EQ(map.oldest(), model.at(order.front()));
      map.forget_oldest();
      model.erase(order.front());
      order.pop_front();
    }
    ASSERT_EQ(map.size(), order.size());
  }
  for (const auto& [key, value] : model) EXPECT_EQ(*map.find(key), value);
}

}  // namespace
}  // namespace gray
