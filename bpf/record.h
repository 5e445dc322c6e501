/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a copy of a frame leaves the kernel: as a record in the BPF ring buffer of the CPU that runs
 * the program. Reserving takes the ring's lock, and a second CPU at the same ring would cost each
 * frame several times what the whole copy does. Before including this file a program defines what
 * cursor.h asks for; it has gray_copy_frame of its own.
 */
#pragma once

#include "bpf/cursor.h"

struct gray_ring { /* user space makes the real ones, of the size that it wants */
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct { /* CPU -> its ring of gray_frame_meta and cap_len bytes of frame; CPUs may share one */
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* user space sets the number of CPUs before load */
	__type(key, __u32);
	__array(values, struct gray_ring);
} rings SEC(".maps");

#define GRAY_PAGE	 4096
#define GRAY_TOUCH_PAGES 256

/* The reader is woken each time as much has been added: a power of two, set before load. */
const volatile __u32 wakeup_bytes = 1 << 20;

/* Copies the first `length` bytes as they were on the wire; `to` has room for `size`. 0 is good. */
static __always_inline long gray_copy_frame(struct gray_context *ctx, __u8 *to, __u32 length,
					    const __u32 size);

/* A wakeup costs more than a copy. Who comes with less in the ring is found by the reader's poll.
 */
static __always_inline __u64 gray_submit_flags(void *ring, __u32 added)
{
	__u64 after = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	__u64 crossed = (after ^ (after - added)) & ~((__u64)wakeup_bytes - 1);

	return crossed ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/*
 * The length of a copy as the verifier wants to know it, from 1 to `size`; false when it is not.
 * Linux 6.1 learns no lower bound from a comparison with 0.
 */
static __always_inline bool gray_fits(__u64 *length, const __u32 size)
{
	*length = ((*length - 1) & 0xffff) + 1;
	asm volatile("" : "+r"(*length)); /* keeps the check right before its use */
	return *length <= size;
}

/* Copies `bytes` from the front and as many from the end, which overlap; length <= 2 * bytes. */
static __always_inline bool gray_copy_ends(struct gray_context *ctx, __u8 *to, __u32 length,
					   const __u32 bytes)
{
	__u8 *front = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 at = (__u64)length - bytes; /* 64 bits: Linux 6.1 knows no bounds of narrower ones */
	__u8 *back;

	asm volatile("" : "+r"(at)); /* keeps the check below right before its use */
	if (at > bytes || (void *)(front + bytes) > end)
		return false;
	back = front + at;
	if ((void *)(back + bytes) > end)
		return false;
	__builtin_memcpy(__builtin_assume_aligned(to, 8), __builtin_assume_aligned(front, 8),
			 bytes);
	__builtin_memcpy(__builtin_assume_aligned(to + at, 8), __builtin_assume_aligned(back, 8),
			 bytes);
	return true;
}

/*
 * A frame of 32 to 128 bytes in the first piece, without the call of the helper, which costs more
 * than so short a copy. False when it is not such a frame.
 */
static __always_inline bool gray_copy_short(struct gray_context *ctx, __u8 *to, __u32 length)
{
	if (length < 64)
		return gray_copy_ends(ctx, to, length, 32);
	return gray_copy_ends(ctx, to, length, 64);
}

static __always_inline __u32 gray_copy_record(struct gray_context *ctx, void *ring,
					      const struct gray_frame_meta *meta, const __u32 size)
{
	struct gray_frame_meta *record = bpf_ringbuf_reserve(ring, sizeof(*meta) + size, 0);

	if (!record)
		return GRAY_RING_FULL;
	*record = *meta;
	if (gray_copy_frame(ctx, (__u8 *)(record + 1), meta->cap_len, size)) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		return GRAY_COPY_FAILED;
	}
	bpf_ringbuf_submit(record, gray_submit_flags(ring, sizeof(*meta) + size));
	return GRAY_CAPTURED;
}

/*
 * Takes a ring's pages into use, as long as nothing is in the ring: leaves discarded records, a
 * page each, for the reader to pass over. The first access to a page can cost more than ten copies
 * (a hypervisor's shadow page tables), and production should not pay for that. The number of
 * records made; fewer than GRAY_TOUCH_PAGES when the ring is full of them.
 */
static __always_inline int gray_touch_ring(__u32 ring_number)
{
	void *ring = bpf_map_lookup_elem(&rings, &ring_number);
	void *record;
	int i;

	for (i = 0; ring && i < GRAY_TOUCH_PAGES; i++) {
		record = bpf_ringbuf_reserve(ring, GRAY_PAGE - BPF_RINGBUF_HDR_SZ, 0);
		if (!record)
			break;
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
	}
	return i;
}

/* GRAY_CAPTURED, or why not. A ring wants constant sizes: the smallest class that holds the copy.
 */
static __always_inline __u32 gray_deliver(struct gray_context *ctx,
					  const struct gray_frame_meta *meta)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	__u32 length = meta->cap_len;

	if (!ring)
		return GRAY_RING_FULL;
	if (length <= 128)
		return gray_copy_record(ctx, ring, meta, 128);
	if (length <= 256)
		return gray_copy_record(ctx, ring, meta, 256);
	if (length <= 512)
		return gray_copy_record(ctx, ring, meta, 512);
	if (length <= 1024)
		return gray_copy_record(ctx, ring, meta, 1024);
	if (length <= 1536)
		return gray_copy_record(ctx, ring, meta, 1536);
	if (length <= 3072)
		return gray_copy_record(ctx, ring, meta, 3072);
	if (length <= 6144)
		return gray_copy_record(ctx, ring, meta, 6144);
	if (length <= 12288)
		return gray_copy_record(ctx, ring, meta, 12288);
	if (length <= 24576)
		return gray_copy_record(ctx, ring, meta, 24576);
	if (length <= 40960)
		return gray_copy_record(ctx, ring, meta, 40960);
	return gray_copy_record(ctx, ring, meta, 65536);
}
