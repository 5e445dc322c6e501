/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tc, both directions of a production interface: copies what is selected into a BPF ring buffer,
 * with time, tag and direction, as the frame is on the wire (a VLAN tag that the kernel took off is
 * put back into the copy). Always lets the packet go on; never changes, drops or delays it.
 */
#define GRAY_LOAD_BYTES bpf_skb_load_bytes
#include "bpf/cursor.h"
#include "bpf/flow.h"
#include "bpf/select.h"

#define GRAY_TC_NEXT  -1 /* TCX_NEXT and TC_ACT_UNSPEC: the next program decides */
#define GRAY_MAC_PAIR 12 /* destination and source, in front of the VLAN tag */

struct { /* gray_frame_meta and cap_len bytes of frame; user space sets the size before load */
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 32 << 20);
} ring SEC(".maps");

/* The reader is woken each time as much has been added: a power of two, set before load. */
const volatile __u32 wakeup_bytes = 1 << 20;

/* A wakeup costs more than a copy. Who comes with less in the ring is found by the reader's poll.
 */
static __always_inline __u64 submit_flags(__u32 added)
{
	__u64 before = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	__u64 crossed = (before ^ (before - added)) & ~((__u64)wakeup_bytes - 1);

	return crossed ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* The first `length` bytes as they were on the wire. `to` has room for `size`, never less. */
static __always_inline long copy_frame(struct __sk_buff *skb, __u8 *to, __u32 length,
				       const __u32 size)
{
	struct gray_vlan tag;

	asm volatile("" : "+r"(length)); /* keeps the check below right before its use */
	if (length == 0 || length > size)
		return -1;
	if (!skb->vlan_present)
		return bpf_skb_load_bytes(skb, 0, to, length);
	if (bpf_skb_load_bytes(skb, 0, to, GRAY_MAC_PAIR))
		return -1;
	tag.tci = skb->vlan_proto;
	tag.next = bpf_htons(skb->vlan_tci);
	__builtin_memcpy(to + GRAY_MAC_PAIR, &tag, sizeof(tag));
	if (length <= GRAY_MAC_PAIR + sizeof(tag))
		return 0;
	length -= GRAY_MAC_PAIR + sizeof(tag);
	asm volatile("" : "+r"(length));
	if (length == 0 || length > size - GRAY_MAC_PAIR - sizeof(tag))
		return -1;
	return bpf_skb_load_bytes(skb, GRAY_MAC_PAIR, to + GRAY_MAC_PAIR + sizeof(tag), length);
}

static __always_inline __u32 copy_record(struct __sk_buff *skb, const struct gray_frame_meta *meta,
					 const __u32 size)
{
	struct gray_frame_meta *record = bpf_ringbuf_reserve(&ring, sizeof(*meta) + size, 0);

	if (!record)
		return GRAY_RING_FULL;
	*record = *meta;
	if (copy_frame(skb, (__u8 *)(record + 1), meta->cap_len, size)) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		return GRAY_COPY_FAILED;
	}
	bpf_ringbuf_submit(record, submit_flags(sizeof(*meta) + size));
	return GRAY_CAPTURED;
}

/* The ring wants constant sizes: the smallest class that holds the copy. */
static __always_inline __u32 deliver(struct __sk_buff *skb, const struct gray_frame_meta *meta)
{
	__u32 length = meta->cap_len;

	if (length <= 128)
		return copy_record(skb, meta, 128);
	if (length <= 256)
		return copy_record(skb, meta, 256);
	if (length <= 512)
		return copy_record(skb, meta, 512);
	if (length <= 1024)
		return copy_record(skb, meta, 1024);
	if (length <= 1536)
		return copy_record(skb, meta, 1536);
	if (length <= 3072)
		return copy_record(skb, meta, 3072);
	if (length <= 6144)
		return copy_record(skb, meta, 6144);
	if (length <= 12288)
		return copy_record(skb, meta, 12288);
	if (length <= 24576)
		return copy_record(skb, meta, 24576);
	if (length <= 40960)
		return copy_record(skb, meta, 40960);
	return copy_record(skb, meta, 65536);
}

static __always_inline __u32 capture(struct __sk_buff *skb, const struct gray_config *now,
				     struct gray_frame_meta *meta)
{
	struct gray_cursor cursor = {.context = skb, .end = skb->len};
	struct gray_packet packet = {};
	__u32 verdict = gray_decide(now, &cursor, skb->vlan_present ? 1 : 0, &packet, &meta->tag);

	if (verdict)
		return verdict;
	meta->time_ns = bpf_ktime_get_tai_ns();
	meta->flags = packet.flags;
	if (meta->tag)
		gray_flow_count(&packet, meta->tag, meta->ifindex, meta->wire_len, meta->time_ns);
	return deliver(skb, meta);
}

static __always_inline int observe(struct __sk_buff *skb, __u8 direction)
{
	const struct gray_config *now = gray_config_now();
	struct gray_frame_meta meta = {
		.ifindex = skb->ifindex,
		.wire_len = skb->len + (skb->vlan_present ? sizeof(struct gray_vlan) : 0),
		.direction = direction,
	};
	__u32 verdict;

	if (!now)
		return GRAY_TC_NEXT;
	meta.cap_len = meta.wire_len < now->snaplen ? meta.wire_len : now->snaplen;
	gray_count(GRAY_SEEN, 1);
	gray_count(GRAY_SEEN_BYTES, meta.wire_len);
	verdict = capture(skb, now, &meta);
	gray_count(verdict, 1);
	if (verdict == GRAY_CAPTURED)
		gray_count(GRAY_CAPTURED_BYTES, meta.cap_len);
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

char _license[] SEC("license") = "Dual BSD/GPL";
