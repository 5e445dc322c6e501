/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table: tag -> what each endpoint has sent of the selected frames, shared by all CPUs.
 * Not a BPF hash map: with a million flows every cache line that a frame touches is a miss, and an
 * LRU map touches four to six, this table about two: the bucket's marks, which change with its
 * flows only, and the sender's side.
 *
 * A flow's slot is one of the eight ways of either of two buckets. A byte of the tag marks each
 * taken way, and the eight marks of a bucket are one word, so that the right slot is found without
 * a look at the others. When both buckets are full, the least recently seen flow of the first makes
 * room and is counted. Two CPUs that see a flow's first two frames in the same instant may give it
 * two slots; a frame in flight on another CPU may be added to the flow that took its flow's slot.
 */
#pragma once

#include "bpf/maps.h"
#include "bpf/parse.h"

/* User space sizes the three of them alike, and flow_buckets, before it loads the program. */
struct { /* bucket -> the marks of its ways, 0: free */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} flow_marks SEC(".maps");

struct { /* side * slots + slot, which is bucket * ways + way */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct gray_flow_side);
} flow_sides SEC(".maps");

struct { /* slot -> what only a flow's first frame writes */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gray_flow_id);
} flow_ids SEC(".maps");

const volatile __u32 flow_buckets = 1;

#define GRAY_NO_SLOT	   0xffffffff
#define GRAY_FLOW_TRIES	   4
#define GRAY_EVERY_BYTE(b) (0x0101010101010101ULL * (b))

/* Not the tag's upper bits: a sample keeps the flows in which these are 0. */
static __always_inline __u32 gray_flow_bucket(__u64 hash)
{
	return (hash & 0xffffffff) * flow_buckets >> 32;
}

static __always_inline __u32 gray_flow_other_bucket(__u64 tag)
{
	return gray_flow_bucket((tag * 0x9e3779b97f4a7c15ULL) >> 32);
}

struct gray_icmp { /* how every ICMP message begins */
	__u8 type;
	__u8 code;
};

static __always_inline __u64 gray_flow_mark(__u64 tag)
{
	__u64 mark = tag >> 32 & 0xff;

	return mark ? mark : 0xff;
}

/* The top bit of every byte of `marks` that is `mark`; above a true one there may be false ones. */
static __always_inline __u64 gray_ways_with(__u64 marks, __u64 mark)
{
	__u64 differ = marks ^ GRAY_EVERY_BYTE(mark);

	return (differ - GRAY_EVERY_BYTE(1)) & ~differ & GRAY_EVERY_BYTE(0x80);
}

/* 0 … 7, of gray_ways_with() that is not 0. */
static __always_inline __u32 gray_first_way(__u64 ways)
{
	return ((ways & -ways) >> 7) * 0x0001020304050607ULL >> 56;
}

static __always_inline struct gray_flow_side *gray_flow_side_at(__u32 slot, __u32 side)
{
	__u32 at = side * flow_buckets * GRAY_FLOW_WAYS + slot;

	return bpf_map_lookup_elem(&flow_sides, &at);
}

/* Whose tag stands in a slot: side 0 or 1 what that endpoint's last frame said, else its owner's.
 */
static __always_inline __u64 gray_flow_tag_at(__u32 slot, __u32 side)
{
	const struct gray_flow_side *sent;
	const struct gray_flow_id *id;

	if (side < 2) {
		sent = gray_flow_side_at(slot, side);
		return sent ? sent->tag : 0;
	}
	id = bpf_map_lookup_elem(&flow_ids, &slot);
	return id ? id->tag : 0;
}

#define GRAY_OWNER 2

/* The slot of the tag in one bucket, or GRAY_NO_SLOT. */
static __always_inline __u32 gray_flow_in(__u32 bucket, __u64 tag, __u32 side)
{
	const __u64 *marks = bpf_map_lookup_elem(&flow_marks, &bucket);
	__u64 ways;
	__u32 i, slot;

	if (!marks)
		return GRAY_NO_SLOT;
	ways = gray_ways_with(*marks, gray_flow_mark(tag));
	for (i = 0; i < GRAY_FLOW_WAYS && ways; i++) {
		slot = bucket * GRAY_FLOW_WAYS + gray_first_way(ways);
		if (gray_flow_tag_at(slot, side) == tag)
			return slot;
		ways &= ways - 1;
	}
	return GRAY_NO_SLOT;
}

/* Takes a free way of the bucket. GRAY_FLOW_WAYS: there is none, or another CPU was quicker. */
static __always_inline __u32 gray_flow_claim(__u32 bucket, __u64 tag)
{
	__u64 *marks = bpf_map_lookup_elem(&flow_marks, &bucket);
	__u64 before, ways;
	__u32 way;

	if (!marks)
		return GRAY_FLOW_WAYS;
	before = *marks;
	ways = gray_ways_with(before, 0);
	if (!ways)
		return GRAY_FLOW_WAYS;
	way = gray_first_way(ways) & (GRAY_FLOW_WAYS - 1);
	if (__sync_val_compare_and_swap(marks, before, before | gray_flow_mark(tag) << way * 8) !=
	    before)
		return GRAY_FLOW_WAYS;
	return way;
}

/* When the flow that owns a slot was seen last. */
static __always_inline __u64 gray_flow_last_ns(__u32 slot, __u64 tag)
{
	const struct gray_flow_side *sent;
	__u64 last_ns = 0;
	__u32 side;

	for (side = 0; side < 2; side++) {
		sent = gray_flow_side_at(slot, side);
		if (sent && sent->tag == tag && sent->last_ns > last_ns)
			last_ns = sent->last_ns;
	}
	return last_ns;
}

/* Takes the way of the bucket's least recently seen flow. A tag of 0: another CPU is at it. */
static __always_inline __u32 gray_flow_evict(__u32 bucket, __u64 tag)
{
	__u64 *marks = bpf_map_lookup_elem(&flow_marks, &bucket);
	__u64 last_ns, found, oldest_ns = ~0ULL, oldest_tag = 0;
	__u32 way, slot, oldest = GRAY_FLOW_WAYS;
	struct gray_flow_id *id;

	for (way = 0; way < GRAY_FLOW_WAYS; way++) {
		slot = bucket * GRAY_FLOW_WAYS + way;
		found = gray_flow_tag_at(slot, GRAY_OWNER);
		last_ns = gray_flow_last_ns(slot, found);
		if (!found || last_ns >= oldest_ns)
			continue;
		oldest = way;
		oldest_ns = last_ns;
		oldest_tag = found;
	}
	if (oldest >= GRAY_FLOW_WAYS || !marks)
		return GRAY_FLOW_WAYS;
	slot = bucket * GRAY_FLOW_WAYS + oldest;
	id = bpf_map_lookup_elem(&flow_ids, &slot);
	if (!id || __sync_val_compare_and_swap(&id->tag, oldest_tag, 0) != oldest_tag)
		return GRAY_FLOW_WAYS;
	__sync_fetch_and_xor(marks, (gray_flow_mark(oldest_tag) ^ gray_flow_mark(tag))
					    << oldest * 8);
	gray_count(GRAY_FLOW_EVICTED, 1);
	return oldest;
}

/* How many ways are taken, of at most all. */
static __always_inline __u32 gray_flow_fill(__u32 bucket)
{
	const __u64 *marks = bpf_map_lookup_elem(&flow_marks, &bucket);
	__u64 top;

	if (!marks)
		return GRAY_FLOW_WAYS;
	top = *marks | *marks << 4;
	top |= top << 2;
	top |= top << 1;
	top &= GRAY_EVERY_BYTE(0x80);
	return (top >> 7) * GRAY_EVERY_BYTE(1) >> 56;
}

/*
 * These are global functions of numbers only, which the verifier walks once, not on every way that
 * leads to them. The slot in which an endpoint of the flow has sent already; or, for GRAY_OWNER,
 * the flow's.
 */
__noinline __u32 gray_flow_find(__u64 tag, __u32 side)
{
	__u32 slot = gray_flow_in(gray_flow_bucket(tag), tag, side);

	return slot != GRAY_NO_SLOT ? slot : gray_flow_in(gray_flow_other_bucket(tag), tag, side);
}

/* A slot for a flow that has none, or GRAY_NO_SLOT: the other CPUs were quicker each time. */
__noinline __u32 gray_flow_new(__u64 tag)
{
	__u32 first = gray_flow_bucket(tag), other = gray_flow_other_bucket(tag);
	__u32 i, way, bucket;

	for (i = 0; i < GRAY_FLOW_TRIES; i++) {
		bucket = gray_flow_fill(other) < gray_flow_fill(first) ? other : first;
		way = gray_flow_claim(bucket, tag);
		if (way >= GRAY_FLOW_WAYS && gray_flow_fill(bucket) == GRAY_FLOW_WAYS)
			way = gray_flow_evict(bucket, tag);
		if (way < GRAY_FLOW_WAYS)
			return bucket * GRAY_FLOW_WAYS + way;
	}
	return GRAY_NO_SLOT;
}

/* What a flow's first frame says of it. The tag is written last: then it is found. */
static __always_inline void gray_flow_begin(struct gray_flow_id *id, __u32 slot,
					    struct gray_context *ctx,
					    const struct gray_packet *packet, __u64 tag,
					    __u32 ifindex, __u64 now_ns)
{
	struct gray_flow_side *sent;
	struct gray_icmp icmp;
	__u32 side;

	for (side = 0; side < 2; side++) {
		sent = gray_flow_side_at(slot, side);
		if (sent)
			sent->tag = 0; /* the flow's before */
	}
	id->first_ns = now_ns;
	id->key = packet->key;
	id->ifindex = ifindex;
	id->first_side = packet->flags & GRAY_F_REVERSED ? 1 : 0;
	id->icmp = 0;
	if ((packet->key.proto == IPPROTO_ICMP || packet->key.proto == IPPROTO_ICMPV6) &&
	    packet->upper && gray_read(ctx, packet->upper, &icmp)) {
		id->icmp = 1;
		id->icmp_type = icmp.type;
		id->icmp_code = icmp.code;
	}
	__sync_lock_test_and_set(&id->tag, tag);
	gray_count(GRAY_FLOW_NEW, 1);
}

/* The slot for an endpoint's first frame: its flow's, or a new one; or GRAY_NO_SLOT. */
static __always_inline __u32 gray_flow_join(struct gray_context *ctx,
					    const struct gray_packet *packet, __u64 tag, __u32 side,
					    __u32 ifindex, __u64 now_ns)
{
	__u32 slot = gray_flow_find(tag, GRAY_OWNER);
	struct gray_flow_side *sent;
	struct gray_flow_id *id;

	if (slot == GRAY_NO_SLOT) {
		slot = gray_flow_new(tag);
		id = bpf_map_lookup_elem(&flow_ids, &slot);
		if (!id)
			return GRAY_NO_SLOT;
		gray_flow_begin(id, slot, ctx, packet, tag, ifindex, now_ns);
	}
	sent = gray_flow_side_at(slot, side);
	if (!sent)
		return GRAY_NO_SLOT;
	sent->packets = 0;
	sent->bytes = 0;
	sent->last_ns = now_ns;
	__sync_lock_test_and_set(&sent->tag, tag);
	return slot;
}

static __always_inline void gray_flow_count(struct gray_context *ctx,
					    const struct gray_packet *packet, __u64 tag,
					    __u32 ifindex, __u32 bytes, __u64 now_ns)
{
	__u32 side = packet->flags & GRAY_F_REVERSED ? 1 : 0;
	__u32 slot = gray_flow_find(tag, side);
	struct gray_flow_side *sent;
	__u64 flags;

	if (slot == GRAY_NO_SLOT)
		slot = gray_flow_join(ctx, packet, tag, side, ifindex, now_ns);
	sent = slot != GRAY_NO_SLOT ? gray_flow_side_at(slot, side) : 0;
	if (!sent) {
		gray_count(GRAY_FLOW_FULL, 1);
		return;
	}
	sent->last_ns = now_ns;
	__sync_fetch_and_add(&sent->packets, 1);
	__sync_fetch_and_add(&sent->bytes, bytes);
	flags = (__u64)packet->tcp_flags << GRAY_FLOW_FLAGS_SHIFT;
	if (flags & ~sent->packets) /* most frames show no new one */
		__sync_fetch_and_or(&sent->packets, flags);
}
