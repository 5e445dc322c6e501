#include "tools/grayxdp/flow_table.h"

#include <gtest/gtest.h>

#include "tools/grayxdp/flow_order.h"
#include "tools/grayxdp/flow_print.h"
#include "userspace/base/errors.h"
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
  ASSERT_EQ(table.slots(), 1u);
  FlowRecord record;
  ASSERT_TRUE(table.read(0, record));
  const FlowTotals& flow = record.flow;
  const std::size_t client = record.id.key.port[0] == __builtin_bswap16(5000) ? 0 : 1;
  EXPECT_EQ(flow.first_side, client);
  EXPECT_EQ(flow.packets[client], 2u);
  EXPECT_EQ(flow.bytes[client], 2 * there.size());
  EXPECT_EQ(flow.packets[1 - client], 1u);
  EXPECT_EQ(flow.first_ns, 1000u);
  EXPECT_EQ(flow.last_ns, 1002u);
}

TEST(FlowTable, FragmentsAndTunnelsBelongToTheFlowInside) {
  const auto datagram = PacketBuilder()
                            .ipv4("192.0.2.1", "192.0.2.2")
                            .udp(40000, 4789)
                            .vxlan(1)
                            .eth()
                            .ipv4("10.0.0.1", "10.0.0.2")
                            .tcp(5000, 80)
                            .filler(200)
                            .bytes();
  const auto payload = std::span(datagram).subspan(20);
  const auto fragment = [&](std::uint16_t at, std::size_t length) {
    return PacketBuilder()
        .eth()
        .ipv4("192.0.2.1", "192.0.2.2")
        .fragment(at, at + length < payload.size())
        .protocol(17)
        .payload(payload.subspan(at, length))
        .bytes();
  };
  FlowTable table(7);
  for (const auto& bytes : {fragment(0, 120), fragment(120, payload.size() - 120)})
    table.add({.bytes = bytes, .wire_len = static_cast<std::uint32_t>(bytes.size())});
  ASSERT_EQ(table.slots(), 1u);
  FlowRecord record;
  ASSERT_TRUE(table.read(0, record));
  EXPECT_EQ(record.id.key.proto, 6);
  EXPECT_EQ(record.id.key.port[0], __builtin_bswap16(5000));
  EXPECT_EQ(record.flow.packets[0], 2u);
}

TEST(FlowTable, FramesOfNoFlowAreCounted) {
  const std::vector<std::uint8_t> arp(60, 0);
  FlowTable table(0);
  table.add({.bytes = arp, .wire_len = 60});
  EXPECT_EQ(table.slots(), 0u);
  EXPECT_EQ(table.without_flow(), 1u);
}

// One frame each at 1000, 3000, 2000 ns, of 3, 1 and 2 packets.
FlowTable three_flows() {
  FlowTable table(0);
  const auto add = [&](std::uint16_t port, std::initializer_list<std::uint64_t> times) {
    const auto bytes = PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(port, 53).bytes();
    for (const std::uint64_t time : times)
      table.add(
          {.bytes = bytes, .time_ns = time, .wire_len = static_cast<std::uint32_t>(bytes.size())});
  };
  add(1, {1000, 1001, 1002});
  add(2, {3000});
  add(3, {2000, 2500});
  return table;
}

TEST(FlowOrder, IsWhatWasAskedFor) {
  const FlowTable table = three_flows();
  using Slots = std::vector<std::uint32_t>;
  EXPECT_EQ(order_flows(table, FlowOrder::First, 0), (Slots{0, 2, 1}));
  EXPECT_EQ(order_flows(table, FlowOrder::Last, 0), (Slots{1, 2, 0}));
  EXPECT_EQ(order_flows(table, FlowOrder::Packets, 0), (Slots{0, 2, 1}));
  EXPECT_EQ(order_flows(table, FlowOrder::Bytes, 2), (Slots{0, 2}));
  EXPECT_EQ(order_flows(table, FlowOrder::Duration, 1), (Slots{2}));
  EXPECT_EQ(order_flows(table, FlowOrder::Rate, 0), (Slots{0, 2, 1}));
  EXPECT_EQ(parse_flow_order("rate"), FlowOrder::Rate);
  EXPECT_THROW(parse_flow_order("size"), UsageError);
}

std::string id_of_first_flow(const std::vector<std::uint8_t>& bytes) {
  FlowTable table(0);
  table.add({.bytes = bytes, .wire_len = static_cast<std::uint32_t>(bytes.size())});
  FlowRecord record;
  return table.slots() == 1 && table.read(0, record) ? flow_community_id(record) : "";
}

// The ids are those of the specification's reference data.
TEST(FlowPrint, CommunityIdOfIcmpIsThatOfTheFirstMessage) {
  const auto echo = PacketBuilder().eth().ipv4("192.168.0.89", "192.168.0.1").icmp(8, 0).bytes();
  EXPECT_EQ(id_of_first_flow(echo), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
  const auto answer = PacketBuilder().eth().ipv4("192.168.0.1", "192.168.0.89").icmp(0, 0).bytes();
  EXPECT_EQ(id_of_first_flow(answer), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
}

}  // namespace
}  // namespace gray
