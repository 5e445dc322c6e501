// LineOrder: in order of time as long as what is held allows it; what is late is counted.
#include "tools/grayxdp/line_order.h"

#include <gtest/gtest.h>

#include <sstream>

namespace gray {
namespace {

TEST(LineOrder, GivesLinesOutInOrderOfTime) {
  std::ostringstream out;
  LineOrder order(out, 1'000'000);
  order.add({3}, "c");
  order.add({1}, "a");
  order.add({3}, "d");
  order.add({2}, "b");
  EXPECT_EQ(out.str(), "");
  order.release(3);
  EXPECT_EQ(out.str(), "ab");
  order.finish();
  EXPECT_EQ(out.str(), "abcd");
  EXPECT_EQ(order.late(), 0U);
}

TEST(LineOrder, HoldsNoMoreThanItMayAndCountsWhatIsLate) {
  std::ostringstream out;
  LineOrder order(out, 1000);
  for (std::uint64_t i = 0; i < 100; ++i) order.add({100 + i}, std::string(90, 'x'));
  EXPECT_GT(out.str().size(), 90U * 90);
  EXPECT_EQ(order.late(), 0U);
  order.add({50}, "late");
  EXPECT_EQ(order.late(), 1U);
  order.finish();
  EXPECT_EQ(out.str().size(), 90U * 100 + 4);
}

}  // namespace
}  // namespace gray
