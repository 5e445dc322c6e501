/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tc, both directions of a production interface: copies what is selected into a BPF ring buffer
 * with time, tag and direction, as the frame is on the wire (a VLAN tag that the kernel took off is
 * put back into the copy). Always lets the packet go on; never changes, drops or delays it.
 */
#define gray_context	__sk_buff
#define GRAY_LOAD_BYTES bpf_skb_load_bytes
#define GRAY_VLAN_IN_SKB
#include "bpf/cursor.h"

#include "bpf/copy.h"

#define GRAY_TC_NEXT  -1 /* TCX_NEXT and TC_ACT_UNSPEC: the next program decides */
#define GRAY_MAC_PAIR 12 /* destination and source, in front of the VLAN tag */

static __always_inline long gray_copy_frame(struct __sk_buff *skb, __u8 *to, __u32 length,
					    const __u32 size)
{
	struct gray_vlan tag;
	__u64 left = length;

	if (!skb->vlan_present) {
		if (size <= 128 && gray_copy_short(skb, to, length))
			return 0;
		if (!gray_fits(&left, size))
			return -1;
		return bpf_skb_load_bytes(skb, 0, to, left);
	}
	if (bpf_skb_load_bytes(skb, 0, to, GRAY_MAC_PAIR))
		return -1;
	tag.tci = skb->vlan_proto;
	tag.next = bpf_htons(skb->vlan_tci);
	__builtin_memcpy(to + GRAY_MAC_PAIR, &tag, sizeof(tag));
	if (length <= GRAY_MAC_PAIR + sizeof(tag))
		return 0;
	left -= GRAY_MAC_PAIR + sizeof(tag);
	if (!gray_fits(&left, size - GRAY_MAC_PAIR - sizeof(tag)))
		return -1;
	return bpf_skb_load_bytes(skb, GRAY_MAC_PAIR, to + GRAY_MAC_PAIR + sizeof(tag), left);
}

static __always_inline int observe(struct __sk_buff *skb, __u8 direction)
{
	struct gray_frame_meta meta = {
		.ifindex = skb->ifindex,
		.wire_len = skb->len + (skb->vlan_present ? sizeof(struct gray_vlan) : 0),
		.direction = direction,
	};

	gray_observe(skb, skb->len, skb->vlan_present ? 1 : 0, &meta);
	return GRAY_TC_NEXT;
}

SEC("tc")
int host_ingress(struct __sk_buff *skb)
{
	return observe(skb, GRAY_DIR_IN);
}

SEC("tc")
int host_egress(struct __sk_buff *skb)
{
	return observe(skb, GRAY_DIR_OUT);
}

/* Run by user space before the others are attached. */
SEC("syscall")
int touch_ring(const __u32 *ring_number)
{
	return gray_touch_ring(*ring_number);
}

char _license[] SEC("license") = "Dual BSD/GPL";
