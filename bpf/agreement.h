// The kernel's parsers and user space's on one frame: the same flow, the same direction, the same
// oddness. Tests only.
#pragma once

#include "bpf/test_run.h"
#include "userspace/packet/fragment_tracker.h"
#include "userspace/packet/packet.h"

namespace gray {

/// Runs `frame` through a bench that selects everything, and `tracker`, which has seen what the
/// bench has. Returns the flow, or none. Fails fatally where they differ.
inline void expect_agreement(Bench& bench, FragmentTracker& tracker, const Frame& frame,
                             std::optional<FlowKey>* flow_out = nullptr) {
  const Packet packet = decode(frame, tracker.tunnels());
  const std::optional<FlowKey> flow = tracker.flow(packet);
  if (flow_out != nullptr) *flow_out = flow;
  const Outcome outcome = bench.run({frame.bytes.begin(), frame.bytes.end()});
  const bool odd = !flow && packet.odd != Odd::NotIp;
  ASSERT_EQ(outcome.records.size(), 1U) << reasons(outcome.counted);
  const gray_frame_meta& meta = outcome.meta();
  ASSERT_EQ((meta.flags & GRAY_F_ODD) != 0, odd)
      << reasons(outcome.counted) << ", user space: " << to_string(packet.odd);
  ASSERT_EQ((meta.flags & GRAY_F_FRAGMENT) != 0, packet.fragment);
  ASSERT_EQ(meta.tag, flow ? gray_flow_tag(&flow->key, Bench::kSeed) : 0);
  if (flow) {
    ASSERT_EQ((meta.flags & GRAY_F_REVERSED) != 0, flow->reversed);
  }
}

}  // namespace gray
