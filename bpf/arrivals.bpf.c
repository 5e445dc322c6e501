// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The receiving end of packet replay's benchmark: notes when each frame arrives, and drops it. What
 * it notes is as near to the wire as software can be: nothing was allocated for the frame yet.
 * Frames of one queue are seen one after the other; the interface under test has one.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_helpers.h>

#include "bpf/arrivals.h"

struct { /* in order of arrival; user space maps it */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ARRIVALS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct arrival);
} arrivals SEC(".maps");

struct arrival_count counted;
const volatile __u8 only_count; /* set before load */

static __always_inline __u32 sequence(void *data, void *end)
{
	__u32 *at = data + ARRIVALS_SEQUENCE_AT;

	return (void *)(at + 1) > end ? 0 : *at;
}

SEC("xdp")
int note_arrival(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 now = bpf_ktime_get_tai_ns();
	__u32 index = counted.frames;
	struct arrival *arrival;

	if (!counted.frames)
		counted.first_ns = now;
	counted.last_ns = now;
	counted.bytes += end - data;
	counted.frames++;
	if (only_count)
		return XDP_DROP;
	arrival = bpf_map_lookup_elem(&arrivals, &index);
	if (arrival) {
		arrival->time_ns = now;
		arrival->sequence = sequence(data, end);
		arrival->length = end - data;
	}
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
