#include "tools/grayxdp/flow_table.h"

#include <algorithm>

#include "bpf/tag.h"

namespace gray {

void FlowTable::add(const Frame& frame) {
  ++frames_;
  const Packet packet = decode(frame);
  if (!packet.is_ip) {
    ++without_flow_;
    return;
  }
  const FlowKey key = flow_key(packet);
  const std::uint64_t tag = gray_flow_tag(&key.key, seed_);
  auto [entry, is_new] = flows_.try_emplace(tag);
  gray_flow& flow = entry->second;
  if (is_new) flow.key = key.key;
  gray_flow_side& side = flow.side[key.reversed ? 1 : 0];
  if (side.packets == 0 || frame.time_ns < side.first_ns) side.first_ns = frame.time_ns;
  side.last_ns = std::max<std::uint64_t>(side.last_ns, frame.time_ns);
  ++side.packets;
  side.bytes += frame.wire_len;
  side.tcp_flags |= packet.has_tcp ? packet.tcp_flags : 0;
}

std::vector<FlowRecord> FlowTable::records() const {
  std::vector<FlowRecord> records;
  records.reserve(flows_.size());
  for (const auto& [tag, flow] : flows_) records.push_back({tag, flow});
  std::sort(records.begin(), records.end(), [](const FlowRecord& a, const FlowRecord& b) {
    return first_ns(a.flow) < first_ns(b.flow);
  });
  return records;
}

std::uint64_t first_ns(const gray_flow& flow) noexcept {
  const std::uint64_t a = flow.side[0].packets > 0 ? flow.side[0].first_ns : ~std::uint64_t{0};
  const std::uint64_t b = flow.side[1].packets > 0 ? flow.side[1].first_ns : ~std::uint64_t{0};
  return std::min(a, b);
}

std::uint64_t last_ns(const gray_flow& flow) noexcept {
  return std::max(flow.side[0].last_ns, flow.side[1].last_ns);
}

}  // namespace gray
