/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs of a production host do with every frame, whichever hook has it: decide, stamp,
 * count, copy. Nothing here touches the frame.
 */
#pragma once

#include "bpf/flow.h"
#include "bpf/record.h"
#include "bpf/select.h"

/* The counter of what became of the frame; `length` bytes of it are where the program reads. */
static __always_inline __u32 gray_copy(struct gray_context *ctx, const struct gray_config *now,
				       __u32 length, __u32 vlans, struct gray_frame_meta *meta)
{
	struct gray_cursor cursor = {.context = ctx, .end = length};
	struct gray_packet packet = {};
	__u32 verdict = gray_decide(now, &cursor, vlans, &packet, &meta->tag);

	if (verdict)
		return verdict;
	meta->time_ns = bpf_ktime_get_tai_ns();
	meta->flags = packet.flags;
	if (meta->tag)
		gray_flow_count(ctx, &packet, meta->tag, meta->ifindex, meta->wire_len,
				meta->time_ns);
	return gray_deliver(ctx, meta);
}

/* `meta` has ifindex, wire_len, queue and direction. */
static __always_inline void gray_observe(struct gray_context *ctx, __u32 length, __u32 vlans,
					 struct gray_frame_meta *meta)
{
	const struct gray_config *now = gray_config_now();
	__u64 *counts = gray_counters_now();
	__u32 verdict;

	if (!now || !counts)
		return;
	meta->cap_len = meta->wire_len < now->snaplen ? meta->wire_len : now->snaplen;
	counts[GRAY_SEEN]++;
	counts[GRAY_SEEN_BYTES] += meta->wire_len;
	verdict = gray_copy(ctx, now, length, vlans, meta);
	if (verdict < GRAY_COUNTER_MAX)
		counts[verdict]++;
	if (verdict == GRAY_CAPTURED)
		counts[GRAY_CAPTURED_BYTES] += meta->cap_len;
}
