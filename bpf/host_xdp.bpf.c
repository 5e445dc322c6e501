/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * XDP on a production interface, in place of host.bpf.c's ingress: a frame is copied as it came
 * from the wire, before there is an skb and before GRO merges it. Works on the maps of host.bpf.c,
 * which keeps the egress. Always lets the frame go on; never changes or drops it.
 */
#define gray_context	xdp_md
#define GRAY_LOAD_BYTES bpf_xdp_load_bytes
#include "bpf/cursor.h"

#include "bpf/copy.h"

static __always_inline long gray_copy_frame(struct xdp_md *ctx, __u8 *to, __u32 length,
					    const __u32 size)
{
	__u64 left = length;

	if (size <= 128 && gray_copy_short(ctx, to, length))
		return 0;
	if (!gray_fits(&left, size))
		return -1;
	return bpf_xdp_load_bytes(ctx, 0, to, left);
}

SEC("xdp.frags")
int host_xdp(struct xdp_md *ctx)
{
	struct gray_frame_meta meta = {
		.ifindex = ctx->ingress_ifindex,
		.wire_len = bpf_xdp_get_buff_len(ctx),
		.queue = ctx->rx_queue_index,
		.direction = GRAY_DIR_IN,
	};

	gray_observe(ctx, meta.wire_len, 0, &meta);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
