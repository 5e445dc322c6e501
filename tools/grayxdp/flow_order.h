// In which order flows are shown, and how many of them. A million of them are sorted by a key and a
// slot each, sixteen bytes; the flows stay where they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/grayxdp/flow_table.h"

namespace gray {

/// First: the oldest first. Last: the one seen last first. The others: the most first.
enum class FlowOrder { First, Last, Packets, Bytes, Duration, Rate };

/// "first", "last", …; throws UsageError.
FlowOrder parse_flow_order(const std::string& name);

/// The slots of at most `limit` flows (0: of all) in that order.
std::vector<std::uint32_t> order_flows(const FlowSet& flows, FlowOrder order, std::size_t limit);

std::uint64_t packets(const FlowTotals& flow) noexcept;
std::uint64_t bytes(const FlowTotals& flow) noexcept;
std::uint64_t duration_ns(const FlowTotals& flow) noexcept;
/// Packets a second over the flow's life; 0 of a flow that has no duration.
double rate(const FlowTotals& flow) noexcept;

}  // namespace gray
