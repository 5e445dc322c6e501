/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Later fragments have no ports, and none of the headers inside a tunnel that was cut: they belong
 * to the flow that their first fragment was found to belong to, when that one came before them and
 * is still remembered. userspace/packet/fragment_tracker.cc does the same.
 */
#pragma once

#include "bpf/maps.h"
#include "bpf/walk.h"

struct gray_fragment { /* what the first fragment was */
	struct gray_flow_key key;
	__u8 flags; /* GRAY_F_REVERSED */
	__u8 excluded;
	__u8 pad[6];
};

struct { /* gray_walk.datagram -> the flow of its first fragment; the programs fill it */
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GRAY_MAX_FRAGMENTED);
	__type(key, __u64);
	__type(value, struct gray_fragment);
} fragments SEC(".maps");

/* The outermost and the innermost are remembered: more were never cut on one way. */
static __always_inline void gray_meet_first_fragment(struct gray_walk *walk)
{
	if (walk->first_count)
		walk->first[1] = walk->datagram;
	else
		walk->first[0] = walk->datagram;
	walk->first_count = walk->first_count ? 2 : 1;
}

/* Makes `packet` (canonical) what all fragments of the datagrams that begin here are. */
__noinline int gray_remember_fragments(const struct gray_walk *walk,
				       const struct gray_packet *packet)
{
	struct gray_fragment first = {};
	__u64 outermost, innermost; /* Linux 6.1 takes keys from the stack only */

	if (!walk || !packet)
		return 0;
	first.key = packet->key;
	first.flags = packet->flags & GRAY_F_REVERSED;
	first.excluded = packet->excluded;

	outermost = walk->first[0];
	innermost = walk->first[1];
	if (walk->first_count > 0)
		bpf_map_update_elem(&fragments, &outermost, &first, BPF_ANY);
	if (walk->first_count > 1)
		bpf_map_update_elem(&fragments, &innermost, &first, BPF_ANY);
	return 0;
}

/* Gives a later fragment the flow of its first one; false when that was not seen. */
static __always_inline bool gray_follow_fragment(struct gray_walk *walk)
{
	__u64 datagram = walk->datagram;
	const struct gray_fragment *first = bpf_map_lookup_elem(&fragments, &datagram);

	if (!first)
		return false;
	walk->packet.key = first->key;
	walk->packet.flags |= first->flags;
	walk->packet.excluded |= first->excluded;
	return true;
}
