#include "tools/grayxdp/flow_order.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "userspace/base/clock.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::array<std::pair<std::string_view, FlowOrder>, 6> kNames{{
    {"first", FlowOrder::First},
    {"last", FlowOrder::Last},
    {"packets", FlowOrder::Packets},
    {"bytes", FlowOrder::Bytes},
    {"duration", FlowOrder::Duration},
    {"rate", FlowOrder::Rate},
}};

// What is shown first has the smallest.
std::uint64_t sort_key(const FlowTotals& flow, FlowOrder order) noexcept {
  constexpr double kMilli = 1000;
  switch (order) {
    case FlowOrder::First:
      return flow.first_ns;
    case FlowOrder::Last:
      return ~std::uint64_t{flow.last_ns};
    case FlowOrder::Packets:
      return ~packets(flow);
    case FlowOrder::Bytes:
      return ~bytes(flow);
    case FlowOrder::Duration:
      return ~duration_ns(flow);
    case FlowOrder::Rate:
      return ~static_cast<std::uint64_t>(rate(flow) * kMilli);
  }
  return 0;
}

}  // namespace

FlowOrder parse_flow_order(const std::string& name) {
  for (const auto& [known, order] : kNames)
    if (known == name) return order;
  throw UsageError("sort by '" + name + "': want first, last, packets, bytes, duration or rate");
}

std::vector<std::uint32_t> order_flows(const FlowSet& flows, FlowOrder order, std::size_t limit) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> keys;
  FlowRecord record;
  for (std::uint32_t slot = 0; slot < flows.slots(); ++slot)
    if (flows.read(slot, record)) keys.emplace_back(sort_key(record.flow, order), slot);
  const std::size_t shown = limit == 0 ? keys.size() : std::min(limit, keys.size());
  std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(shown), keys.end());
  std::vector<std::uint32_t> slots(shown);
  std::transform(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(shown), slots.begin(),
                 [](const auto& key) { return key.second; });
  return slots;
}

std::uint64_t packets(const FlowTotals& flow) noexcept {
  return flow.packets[0] + flow.packets[1];
}

std::uint64_t bytes(const FlowTotals& flow) noexcept {
  return flow.bytes[0] + flow.bytes[1];
}

std::uint64_t duration_ns(const FlowTotals& flow) noexcept {
  return flow.last_ns - std::min(flow.first_ns, flow.last_ns);
}

double rate(const FlowTotals& flow) noexcept {
  const std::uint64_t ns = duration_ns(flow);
  return ns == 0 ? 0
                 : static_cast<double>(packets(flow)) * static_cast<double>(kNsPerSecond) /
                       static_cast<double>(ns);
}

}  // namespace gray
