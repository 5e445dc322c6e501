#include "tools/grayxdp/flow_table.h"

#include <gtest/gtest.h>

#include "userspace/packet/build.h"

namespace gray {
namespace {

TEST(FlowTable, BothDirectionsAreOneFlowWithASideEach) {
  const auto there =
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(5000, 80).payload("GET").bytes();
  const auto back =
      PacketBuilder().eth().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 5000).payload("200 OK").bytes();
  FlowTable table(7);
  std::uint64_t now = 1000;
  for (const auto* bytes : {&there, &back, &there})
    table.add(
        {.bytes = *bytes, .time_ns = now++, .wire_len = static_cast<std::uint32_t>(bytes->size())});
  const auto records = table.records();
  ASSERT_EQ(records.size(), 1u);
  const gray_flow& flow = records[0].flow;
  const std::size_t client = flow.key.port[0] == __builtin_bswap16(5000) ? 0 : 1;
  EXPECT_EQ(flow.side[client].packets, 2u);
  EXPECT_EQ(flow.side[client].bytes, 2 * there.size());
  EXPECT_EQ(flow.side[1 - client].packets, 1u);
  EXPECT_EQ(first_ns(flow), 1000u);
  EXPECT_EQ(last_ns(flow), 1002u);
}

TEST(FlowTable, FramesOfNoFlowAreCounted) {
  const std::vector<std::uint8_t> arp(60, 0);
  FlowTable table(0);
  table.add({.bytes = arp, .wire_len = 60});
  EXPECT_EQ(table.records().size(), 0u);
  EXPECT_EQ(table.without_flow(), 1u);
}

}  // namespace
}  // namespace gray
