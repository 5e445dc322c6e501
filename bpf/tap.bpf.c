/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * XDP on a dedicated port: select, tag, timestamp, put gray_frame_meta in front of the frame and
 * hand it to the AF_XDP socket of its queue. A redirect takes the frame away, so what is captured
 * does not reach the stack; all other frames are dropped, or passed unchanged by option.
 */
#define gray_context	xdp_md
#define GRAY_LOAD_BYTES bpf_xdp_load_bytes
#include "bpf/cursor.h"
#include "bpf/flow.h"
#include "bpf/select.h"

struct { /* RX queue -> AF_XDP socket; user space fills it */
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, GRAY_MAX_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

/* The longest frame that the sockets take: user space sets it when it has bound them. */
volatile __u32 longest = GRAY_TAP_CHUNK;

/* Weak: what does not call it loads on a kernel without it (before 6.3). */
extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym __weak;

/* The metadata area, or 0. */
static __always_inline struct gray_frame_meta *grow_meta(struct xdp_md *ctx)
{
	struct gray_frame_meta *meta;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return 0;
	meta = (void *)(long)ctx->data_meta;
	return (void *)(meta + 1) <= (void *)(long)ctx->data ? meta : 0;
}

/* GRAY_CAPTURED when the frame is on its way to a socket; else why not, and it is as it came. */
static __always_inline __u32 deliver(struct xdp_md *ctx, const struct gray_frame_meta *filled)
{
	__u32 queue = ctx->rx_queue_index;
	struct gray_frame_meta *meta;

	if (!bpf_map_lookup_elem(&xsks, &queue))
		return GRAY_NO_SOCKET;
	if (filled->wire_len > longest)
		return GRAY_TOO_LONG;
	meta = grow_meta(ctx);
	if (!meta)
		return GRAY_NO_META;
	*meta = *filled;
	if (bpf_redirect_map(&xsks, queue, 0) == XDP_REDIRECT)
		return GRAY_CAPTURED;
	bpf_xdp_adjust_meta(ctx, sizeof(*meta)); /* the socket went away just now */
	return GRAY_NO_SOCKET;
}

/* By the NIC's clock where it stamped the frame, else by ours; a stamp of 0 is none. */
static __always_inline void stamp(struct xdp_md *ctx, struct gray_frame_meta *meta,
				  const bool hardware)
{
	__u64 time_ns = 0;

	if (hardware && !bpf_xdp_metadata_rx_timestamp(ctx, &time_ns) && time_ns)
		meta->flags |= GRAY_F_HW_TIME;
	else
		time_ns = bpf_ktime_get_tai_ns();
	meta->time_ns = time_ns;
}

static __always_inline __u32 capture(struct xdp_md *ctx, const struct gray_config *now,
				     __u32 length, const bool hardware)
{
	struct gray_cursor cursor = {.context = ctx, .end = length};
	struct gray_packet packet = {};
	struct gray_frame_meta meta = {
		.ifindex = ctx->ingress_ifindex,
		.wire_len = length,
		.cap_len = length,
		.queue = ctx->rx_queue_index,
	};
	__u32 verdict = gray_decide(now, &cursor, 0, &packet, &meta.tag);

	if (verdict)
		return verdict;
	meta.flags = packet.flags;
	stamp(ctx, &meta, hardware);
	if (meta.tag)
		gray_flow_count(ctx, &packet, meta.tag, meta.ifindex, length, meta.time_ns);
	return deliver(ctx, &meta);
}

static __always_inline int take(struct xdp_md *ctx, const bool hardware)
{
	const struct gray_config *now = gray_config_now();
	__u32 length = bpf_xdp_get_buff_len(ctx);
	__u32 verdict;

	if (!now)
		return XDP_PASS;
	gray_count(GRAY_SEEN, 1);
	gray_count(GRAY_SEEN_BYTES, length);
	verdict = capture(ctx, now, length, hardware);
	gray_count(verdict, 1);
	if (verdict == GRAY_CAPTURED) {
		gray_count(GRAY_CAPTURED_BYTES, length);
		return XDP_REDIRECT;
	}
	return now->pass_unselected ? XDP_PASS : XDP_DROP;
}

SEC("xdp.frags")
int tap_ingress(struct xdp_md *ctx)
{
	return take(ctx, false);
}

/* The same, bound to one interface when it is loaded: only so it may ask the driver. */
SEC("?xdp.frags")
int tap_hw_ingress(struct xdp_md *ctx)
{
	return take(ctx, true);
}

char _license[] SEC("license") = "Dual BSD/GPL";
