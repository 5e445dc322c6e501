/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The least that an XDP program can do for AF_XDP: every frame goes to its queue's socket, or, when
 * it has none, away. What a capture is measured against.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct { /* RX queue -> AF_XDP socket; user space fills it */
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

SEC("xdp")
int to_socket(struct xdp_md *ctx)
{
	return bpf_redirect_map(&xsks, ctx->rx_queue_index, XDP_DROP);
}

char _license[] SEC("license") = "Dual BSD/GPL";
