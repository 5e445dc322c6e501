/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table: tag -> what each endpoint has sent of the selected frames. Least recently seen
 * flows make room for new ones. Shared by all CPUs, as the two directions of a flow often are.
 */
#pragma once

#include "bpf/maps.h"
#include "bpf/parse.h"

struct { /* user space sets the size before it loads the program */
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct gray_flow);
} flows SEC(".maps");

static __always_inline void gray_flow_add(struct gray_flow_side *side, __u32 bytes, __u64 now_ns,
					  __u8 tcp_flags)
{
	if (!side->first_ns)
		side->first_ns = now_ns;
	side->last_ns = now_ns;
	__sync_fetch_and_add(&side->packets, 1);
	__sync_fetch_and_add(&side->bytes, bytes);
	if (tcp_flags & ~side->tcp_flags) /* most frames show no new flag: no atomic then */
		__sync_fetch_and_or(&side->tcp_flags, tcp_flags);
}

static __noinline void gray_flow_count(const struct gray_packet *packet, __u64 tag, __u32 ifindex,
				       __u32 bytes, __u64 now_ns)
{
	struct gray_flow *flow = bpf_map_lookup_elem(&flows, &tag);

	if (!flow) {
		struct gray_flow fresh = {.key = packet->key, .ifindex = ifindex};
		long error = bpf_map_update_elem(&flows, &tag, &fresh, BPF_NOEXIST);

		if (!error)
			gray_count(GRAY_FLOW_NEW, 1);
		flow = bpf_map_lookup_elem(&flows, &tag); /* ours, or another CPU's */
		if (!flow) {
			gray_count(GRAY_FLOW_FULL, 1);
			return;
		}
	}
	if (packet->flags & GRAY_F_REVERSED)
		gray_flow_add(&flow->side[1], bytes, now_ns, packet->tcp_flags);
	else
		gray_flow_add(&flow->side[0], bytes, now_ns, packet->tcp_flags);
}
