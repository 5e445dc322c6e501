// Sizes the flow table of a skeleton before it is loaded. Private to this module.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>

#include "userspace/base/errors.h"
#include "userspace/kernel/flow_map.h"

namespace gray {

/// `skeleton`: opened, of a program that includes bpf/flow.h. Returns the table's buckets.
template <class S>
std::uint32_t size_flow_table(S& skeleton, std::uint32_t entries) {
  const std::uint32_t buckets = FlowMap::buckets_for(entries);
  const std::uint32_t slots = buckets * GRAY_FLOW_WAYS;
  check(bpf_map__set_max_entries(skeleton->maps.flow_marks, buckets), "size the flow table");
  check(bpf_map__set_max_entries(skeleton->maps.flow_sides, 2 * slots), "size the flow table");
  check(bpf_map__set_max_entries(skeleton->maps.flow_ids, slots), "size the flow table");
  skeleton->rodata->flow_buckets = buckets;
  return buckets;
}

/// Of a loaded one.
template <class S>
FlowMap map_flow_table(S& skeleton, std::uint32_t buckets) {
  return FlowMap({.marks = bpf_map__fd(skeleton->maps.flow_marks),
                  .sides = bpf_map__fd(skeleton->maps.flow_sides),
                  .ids = bpf_map__fd(skeleton->maps.flow_ids)},
                 buckets);
}

}  // namespace gray
