#include "tools/grayxdp/flow_table.h"

#include <netinet/in.h>

#include <algorithm>

#include "bpf/tag.h"
#include "userspace/base/clock.h"

namespace gray {

KernelFlows::KernelFlows(const FlowMap& map)
    : map_(map), tai_offset_(static_cast<std::uint64_t>(tai_minus_utc_ns())) {}

bool KernelFlows::read(std::uint32_t slot, FlowRecord& into) const noexcept {
  if (!map_.read(slot, into)) return false;
  into.flow.first_ns -= tai_offset_;
  into.flow.last_ns -= tai_offset_;
  return true;
}

void FlowTable::add(const Frame& frame) {
  ++frames_;
  const Packet packet = decode(frame, tracker_.tunnels());
  const auto key = tracker_.flow(packet);
  if (!key) {
    ++without_flow_;
    return;
  }
  FlowTotals& flow = record_of(packet, *key, gray_flow_tag(&key->key, seed_)).flow;
  const int side = key->reversed ? 1 : 0;
  if (flow.packets[0] + flow.packets[1] == 0 || frame.time_ns < flow.first_ns) {
    flow.first_ns = frame.time_ns;
    flow.first_side = static_cast<std::uint8_t>(side);
  }
  flow.last_ns = std::max<std::uint64_t>(flow.last_ns, frame.time_ns);
  ++flow.packets[side];
  flow.bytes[side] += frame.wire_len;
  if (packet.has_tcp) flow.tcp_flags[side] |= packet.tcp_flags;
}

FlowRecord& FlowTable::record_of(const Packet& packet, const FlowKey& key, std::uint64_t tag) {
  const auto [entry, is_new] = slots_.try_emplace(tag, slots());
  if (!is_new) return records_[entry->second];
  FlowRecord& record = records_.emplace_back();
  record.flow.tag = tag;
  record.id.key = key.key;
  const bool icmp = packet.ip_proto == IPPROTO_ICMP || packet.ip_proto == IPPROTO_ICMPV6;
  const bool later = packet.fragment && !packet.first_fragment;
  if (icmp && !later && packet.payload.size() >= 2) {
    record.flow.icmp = 1;
    record.flow.icmp_type = packet.payload[0];
    record.flow.icmp_code = packet.payload[1];
  }
  return record;
}

}  // namespace gray
