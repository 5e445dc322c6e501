/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The step that asks a tcpdump expression. gray_expression() is room: user space writes the
 * translated expression into the object before it opens it (userspace/kernel/filter/room.h), and
 * the verifier takes out what stays empty. A tail call would cost more and is not allowed in
 * device-bound XDP programs.
 *
 * Before including this file a program defines gray_context and GRAY_LOAD_BYTES as for cursor.h,
 * and GRAY_VLAN_IN_SKB where the kernel takes a VLAN tag off a frame.
 */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define GRAY_EXPRESSION_ROOM "4096" /* instructions */

/* Set before load, together with the room; without an expression nothing is called. */
const volatile __u8 has_expression;

/* 0 rejects the frame. What stands here lets every frame pass. */
__noinline int gray_expression(struct gray_context *context, __u32 wire_len)
{
	int keep;

	asm volatile("%0 = 1\n"
		     "if %0 == 1 goto +" GRAY_EXPRESSION_ROOM "\n"
		     ".rept " GRAY_EXPRESSION_ROOM "\n"
		     "goto +0\n"
		     ".endr\n"
		     : "=r"(keep)
		     : "r"(context), "r"(wire_len));
	return keep;
}

#ifdef GRAY_VLAN_IN_SKB
enum {
	GRAY_TAG_AT = 12, /* behind both MAC addresses */
	GRAY_TAG_SIZE = 4,
};

/* Of the frame as it was on the wire, where the tag that the kernel took off stands in it. */
static __always_inline long gray_load_wire(struct __sk_buff *skb, __u32 at, __u8 *to,
					   const __u32 size)
{
	__u32 tag, i;

	if (!skb->vlan_present || at + size <= GRAY_TAG_AT)
		return GRAY_LOAD_BYTES(skb, at, to, size);
	if (at >= GRAY_TAG_AT + GRAY_TAG_SIZE)
		return GRAY_LOAD_BYTES(skb, at - GRAY_TAG_SIZE, to, size);
	tag = bpf_ntohs(skb->vlan_proto) << 16 | skb->vlan_tci;
#pragma unroll
	for (i = 0; i < size; i++, at++) {
		if (at - GRAY_TAG_AT < GRAY_TAG_SIZE)
			to[i] = tag >> (24 - 8 * (at - GRAY_TAG_AT));
		else if (GRAY_LOAD_BYTES(skb, at < GRAY_TAG_AT ? at : at - GRAY_TAG_SIZE, to + i,
					 1))
			return -1;
	}
	return 0;
}
#else
#define gray_load_wire GRAY_LOAD_BYTES
#endif

/*
 * For expressions: the big-endian number of `size` bytes (1, 2 or 4) at `offset` of the frame as it
 * was on the wire, negative when it does not reach there. Costs a call or two, so it is for what
 * cannot be read in place: bytes that are not in the linear part of the frame.
 */
__noinline long gray_expression_load(struct gray_context *context, __u32 offset, __u32 size)
{
	__u8 byte;
	__be16 half;
	__be32 word;

	if (offset > 1 << 30)
		return -1;
	if (size == sizeof(byte))
		return gray_load_wire(context, offset, &byte, sizeof(byte)) ? -1 : byte;
	if (size == sizeof(half))
		return gray_load_wire(context, offset, (void *)&half, sizeof(half))
			       ? -1
			       : bpf_ntohs(half);
	if (size == sizeof(word))
		return gray_load_wire(context, offset, (void *)&word, sizeof(word))
			       ? -1
			       : (long)(__u32)bpf_ntohl(word);
	return -1;
}

static __always_inline bool gray_matches(struct gray_context *context, __u32 wire_len)
{
	return !has_expression || gray_expression(context, wire_len);
}
