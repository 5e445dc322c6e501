// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The laboratory's packet generator. BPF_PROG_TEST_RUN runs it on live frames, over and over; each
 * run either completes the template frame and sends it out of an interface, or, when it is not yet
 * time or all have been sent, drops it. So pace and count are exact and no user-space thread is in
 * the way. It runs on one CPU at a time.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/pktgen.h"

#define NS_PER_SECOND 1000000000ULL

const volatile struct pktgen_orders orders; /* set before load */
struct pktgen_state state;

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	struct pktgen_payload payload;
} __attribute__((packed));

/* How many frames should have left after so long; seconds apart, lest the product overflow. */
static __always_inline __u64 due(__u64 elapsed_ns)
{
	__u64 seconds = elapsed_ns / NS_PER_SECOND;
	__u64 rest = elapsed_ns % NS_PER_SECOND;

	return 1 + seconds * orders.rate + rest * orders.rate / NS_PER_SECOND;
}

/* The five-tuple of flow `number`. */
static __always_inline void give_flow(struct frame *frame, __u32 number)
{
	__u32 ip = orders.first_ip + number / PKTGEN_PORTS;
	__u32 sum = orders.ip_sum + (ip >> 16) + (ip & 0xffff);

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	frame->ip.saddr = bpf_htonl(ip);
	frame->ip.check = bpf_htons(~sum);
	frame->udp.source = bpf_htons(orders.first_port + number % PKTGEN_PORTS);
}

SEC("xdp")
int pktgen(struct xdp_md *ctx)
{
	struct frame *frame = (void *)(long)ctx->data;
	__u64 now = bpf_ktime_get_tai_ns();

	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	if (state.sent >= orders.count)
		return XDP_DROP;
	if (state.sent == 0)
		state.started_ns = now;
	if (orders.rate && state.sent >= due(now - state.started_ns))
		return XDP_DROP;
	give_flow(frame, state.sent % orders.flows);
	frame->payload.sequence = bpf_htonl(state.sent);
	frame->payload.time_ns = bpf_cpu_to_be64(now);
	state.last_ns = now;
	state.sent++;
	return bpf_redirect(orders.ifindex, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
