/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table: tag -> what each endpoint has sent of the selected frames, shared by all CPUs, as
 * the two directions of a flow often are. Not a BPF hash map: with a million flows every cache line
 * that a frame touches is a miss, and an LRU map touches four to six, this table about one.
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

struct { /* slot = bucket * ways + way -> what every frame changes: one cache line */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gray_flow);
} flows SEC(".maps");

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

static __always_inline struct gray_flow *gray_flow_at(__u32 bucket, __u32 way)
{
	__u32 slot = bucket * GRAY_FLOW_WAYS + way;

	return bpf_map_lookup_elem(&flows, &slot);
}

/* The slot of the tag in one bucket, or GRAY_NO_SLOT. */
static __always_inline __u32 gray_flow_in(__u32 bucket, __u64 tag)
{
	const __u64 *marks = bpf_map_lookup_elem(&flow_marks, &bucket);
	const struct gray_flow *flow;
	__u64 ways;
	__u32 i, way;

	if (!marks)
		return GRAY_NO_SLOT;
	ways = gray_ways_with(*marks, gray_flow_mark(tag));
	for (i = 0; i < GRAY_FLOW_WAYS && ways; i++) {
		way = gray_first_way(ways);
		flow = gray_flow_at(bucket, way);
		if (flow && flow->tag == tag)
			return bucket * GRAY_FLOW_WAYS + way;
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

/* Takes the way of the bucket's least recently seen flow. A tag of 0: another CPU is at it. */
static __always_inline __u32 gray_flow_evict(__u32 bucket, __u64 tag)
{
	__u64 *marks = bpf_map_lookup_elem(&flow_marks, &bucket);
	__u64 oldest_ns = ~0ULL, oldest_tag = 0;
	__u32 way, oldest = GRAY_FLOW_WAYS;
	struct gray_flow *flow;

	for (way = 0; way < GRAY_FLOW_WAYS; way++) {
		flow = gray_flow_at(bucket, way);
		if (!flow || !flow->tag || flow->last_ns >= oldest_ns)
			continue;
		oldest = way;
		oldest_ns = flow->last_ns;
		oldest_tag = flow->tag;
	}
	if (oldest >= GRAY_FLOW_WAYS || !marks)
		return GRAY_FLOW_WAYS;
	flow = gray_flow_at(bucket, oldest);
	if (!flow || __sync_val_compare_and_swap(&flow->tag, oldest_tag, 0) != oldest_tag)
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
 * Both are global functions of numbers only, which the verifier walks once, not on every way that
 * leads to them.
 */
__noinline __u32 gray_flow_find(__u64 tag)
{
	__u32 slot = gray_flow_in(gray_flow_bucket(tag), tag);

	return slot != GRAY_NO_SLOT ? slot : gray_flow_in(gray_flow_other_bucket(tag), tag);
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
static __always_inline void gray_flow_begin(struct gray_flow *flow, __u32 slot,
					    struct gray_context *ctx,
					    const struct gray_packet *packet, __u64 tag,
					    __u32 ifindex, __u64 now_ns)
{
	struct gray_flow_id *id = bpf_map_lookup_elem(&flow_ids, &slot);
	struct gray_flow fresh = {
		.first_ns = now_ns,
		.last_ns = now_ns,
		.first_side = packet->flags & GRAY_F_REVERSED ? 1 : 0,
	};
	struct gray_icmp icmp;

	if ((packet->key.proto == IPPROTO_ICMP || packet->key.proto == IPPROTO_ICMPV6) &&
	    packet->upper && gray_read(ctx, packet->upper, &icmp)) {
		fresh.icmp = 1;
		fresh.icmp_type = icmp.type;
		fresh.icmp_code = icmp.code;
	}
	*flow = fresh;
	if (id) {
		id->key = packet->key;
		id->ifindex = ifindex;
	}
	__sync_lock_test_and_set(&flow->tag, tag);
	gray_count(GRAY_FLOW_NEW, 1);
}

static __always_inline void gray_flow_count(struct gray_context *ctx,
					    const struct gray_packet *packet, __u64 tag,
					    __u32 ifindex, __u32 bytes, __u64 now_ns)
{
	__u32 side = packet->flags & GRAY_F_REVERSED ? 1 : 0;
	__u32 slot = gray_flow_find(tag);
	bool is_new = slot == GRAY_NO_SLOT;
	struct gray_flow *flow;

	if (is_new)
		slot = gray_flow_new(tag);
	flow = bpf_map_lookup_elem(&flows, &slot);
	if (!flow) {
		gray_count(GRAY_FLOW_FULL, 1);
		return;
	}
	if (is_new)
		gray_flow_begin(flow, slot, ctx, packet, tag, ifindex, now_ns);
	flow->last_ns = now_ns;
	__sync_fetch_and_add(&flow->packets[side], 1);
	__sync_fetch_and_add(&flow->bytes[side], bytes);
	/* Most frames show no new flag. Two CPUs at once: the later frame shows it again. */
	if (packet->tcp_flags & ~flow->tcp_flags[side])
		flow->tcp_flags[side] |= packet->tcp_flags;
}
