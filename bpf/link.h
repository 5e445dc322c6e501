/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a link header to an IP header: Ethernet, 802.1Q and QinQ, PPPoE, MPLS (IP or an Ethernet
 * pseudowire below it), 802.3 with SNAP. userspace/packet/link.cc does the same, step by step.
 */
#pragma once

#include <linux/if_ether.h>

#include "bpf/walk.h"

enum gray_next { /* gray_walk.type where no EtherType says what is next */
		 GRAY_NEXT_ETHERNET = 0x10000,
		 GRAY_NEXT_PPP,
		 GRAY_NEXT_IP,
};

enum {
	GRAY_ETHER_BRIDGED = 0x6558, /* an Ethernet frame, in GRE and GENEVE */
	GRAY_ETHER_QINQ_OLD = 0x9100,
	GRAY_ETHER_LEAST = 0x0600, /* below, it is an 802.3 length */
	GRAY_PPP_IPV4 = 0x0021,
	GRAY_PPP_IPV6 = 0x0057,
	GRAY_PPP_MPLS = 0x0281,
};

struct gray_vlan {
	__be16 tci;
	__be16 next;
};

struct gray_label { /* RFC 3032 §2.1 */
	__u8 byte[4];
};

struct gray_pppoe { /* RFC 2516 §4 */
	__u8 version_type;
	__u8 code;
	__be16 session;
	__be16 length;
} __attribute__((packed));

struct gray_snap {
	__u8 llc[3];
	__u8 organisation[3];
	__be16 type;
} __attribute__((packed));

static __always_inline bool gray_is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD) ||
	       type == bpf_htons(GRAY_ETHER_QINQ_OLD);
}

static __always_inline __u32 gray_step_ethernet(struct gray_context *ctx, struct gray_walk *walk)
{
	struct ethhdr ethernet;

	if (!gray_take(ctx, walk, &ethernet))
		return GRAY_ODD_RUNT;
	walk->type = bpf_ntohs(ethernet.h_proto);
	walk->vlans = 0;
	return GRAY_STEP_MORE;
}

static __always_inline __u32 gray_step_vlan(struct gray_context *ctx, struct gray_walk *walk)
{
	struct gray_vlan tag;

	if (++walk->vlans > GRAY_MAX_VLANS || !gray_take(ctx, walk, &tag))
		return GRAY_ODD_VLAN;
	walk->type = bpf_ntohs(tag.next);
	return GRAY_STEP_MORE;
}

/* Whether an IP header that makes sense stands `ahead` bytes behind the walk. */
static __always_inline bool gray_looks_like_ip(struct gray_context *ctx,
					       const struct gray_walk *walk, __u32 ahead)
{
	struct {
		__u8 version;
		__u8 class;
		__be16 length4;
		__be16 length6;
	} ip;
	__u32 at = walk->at + ahead;

	if (at + 20 > walk->end || !gray_read(ctx, at, &ip))
		return false;
	if (ip.version >> 4 == 4)
		return (ip.version & 15) >= 5 && at + bpf_ntohs(ip.length4) <= walk->wire;
	return ip.version >> 4 == 6 && at + 40 <= walk->end &&
	       at + bpf_ntohs(ip.length6) + 40 <= walk->wire;
}

static __always_inline bool gray_looks_like_ethernet(struct gray_context *ctx,
						     const struct gray_walk *walk, __u32 ahead)
{
	struct ethhdr ethernet;
	__u32 at = walk->at + ahead;

	if (at + sizeof(ethernet) > walk->end || !gray_read(ctx, at, &ethernet))
		return false;
	if (gray_is_vlan(ethernet.h_proto))
		return true;
	return (ethernet.h_proto == bpf_htons(ETH_P_IP) ||
		ethernet.h_proto == bpf_htons(ETH_P_IPV6)) &&
	       gray_looks_like_ip(ctx, walk, ahead + sizeof(ethernet));
}

/*
 * A label stack does not say what follows it: IP by its version, else an Ethernet pseudowire, with
 * a control word (RFC 4448 §4.6) or without.
 */
__noinline __u32 gray_below_labels(struct gray_context *ctx, struct gray_walk *walk)
{
	struct gray_label word;

	if (!walk)
		return GRAY_STEP_NONE;
	if (gray_looks_like_ip(ctx, walk, 0))
		return GRAY_STEP_IP;
	if (!gray_peek(ctx, walk, &word))
		return GRAY_STEP_NONE;
	if (word.byte[0] >> 4 == 0 && gray_looks_like_ethernet(ctx, walk, sizeof(word)))
		walk->at += sizeof(word);
	else if (!gray_looks_like_ethernet(ctx, walk, 0))
		return GRAY_STEP_NONE;
	return gray_step_ethernet(ctx, walk);
}

__noinline __u32 gray_step_mpls(struct gray_context *ctx, struct gray_walk *walk)
{
	struct gray_label label;
	__u32 i;

	if (!walk)
		return GRAY_STEP_NONE;
	for (i = 0; i < GRAY_MAX_MPLS_LABELS; i++) {
		if (!gray_take(ctx, walk, &label))
			return GRAY_ODD_RUNT;
		if (label.byte[2] & 1)
			return GRAY_STEP_BELOW;
	}
	return GRAY_STEP_NONE;
}

/* With address and control bytes or without, the protocol in one byte or two (RFC 1661 §6.5). */
__noinline __u32 gray_step_ppp(struct gray_context *ctx, struct gray_walk *walk)
{
	__u8 first, second;
	__be16 framing;
	__u32 protocol;

	if (!walk)
		return GRAY_STEP_NONE;
	if (gray_peek(ctx, walk, &framing) && framing == bpf_htons(0xff03))
		walk->at += sizeof(framing);
	if (!gray_take(ctx, walk, &first))
		return GRAY_ODD_RUNT;
	protocol = first;
	if (!(first & 1)) {
		if (!gray_take(ctx, walk, &second))
			return GRAY_ODD_RUNT;
		protocol = first << 8 | second;
	}
	if (protocol == GRAY_PPP_IPV4 || protocol == GRAY_PPP_IPV6)
		return GRAY_STEP_IP;
	return protocol == GRAY_PPP_MPLS ? GRAY_STEP_LABELS : GRAY_STEP_NONE;
}

static __always_inline __u32 gray_step_pppoe(struct gray_context *ctx, struct gray_walk *walk)
{
	struct gray_pppoe pppoe;

	if (!gray_take(ctx, walk, &pppoe))
		return GRAY_ODD_RUNT;
	return gray_limit(walk, bpf_ntohs(pppoe.length)) ? GRAY_STEP_PPP : GRAY_STEP_NONE;
}

/* IEEE 802.3 with LLC: only SNAP with an EtherType can hold IP. */
static __always_inline __u32 gray_step_llc(struct gray_context *ctx, struct gray_walk *walk)
{
	struct gray_snap snap;

	if (!gray_take(ctx, walk, &snap) || snap.llc[0] != 0xaa || snap.llc[1] != 0xaa ||
	    snap.llc[2] != 3 || snap.organisation[0] | snap.organisation[1] | snap.organisation[2])
		return GRAY_STEP_NONE;
	walk->type = bpf_ntohs(snap.type);
	return GRAY_STEP_MORE;
}

/* What walk->type says is next. */
__noinline __u32 gray_step_type(struct gray_context *ctx, struct gray_walk *walk)
{
	if (!walk)
		return GRAY_STEP_NONE;
	switch (walk->type) {
	case ETH_P_IP:
	case ETH_P_IPV6:
	case GRAY_NEXT_IP:
		return GRAY_STEP_IP;
	case ETH_P_8021Q:
	case ETH_P_8021AD:
	case GRAY_ETHER_QINQ_OLD:
		return gray_step_vlan(ctx, walk);
	case ETH_P_MPLS_UC:
	case ETH_P_MPLS_MC:
		return GRAY_STEP_LABELS;
	case ETH_P_PPP_SES:
		return gray_step_pppoe(ctx, walk);
	case GRAY_ETHER_BRIDGED:
		return gray_step_ethernet(ctx, walk);
	}
	return walk->type < GRAY_ETHER_LEAST ? gray_step_llc(ctx, walk) : GRAY_STEP_NONE;
}

/* What a step found that is no EtherType, but of the same one's doing. */
static __always_inline __u32 gray_step_on(struct gray_context *ctx, struct gray_walk *walk,
					  __u32 step)
{
	if (step == GRAY_STEP_PPP)
		step = gray_step_ppp(ctx, walk);
	if (step == GRAY_STEP_LABELS)
		step = gray_step_mpls(ctx, walk);
	if (step == GRAY_STEP_BELOW)
		step = gray_below_labels(ctx, walk);
	return step;
}

/*
 * Goes on from walk->type to an IP header: GRAY_STEP_IP, and the walk stands there; GRAY_STEP_NONE,
 * or the counter of what is odd. `vlans` tags of an outermost Ethernet frame were taken off it.
 */
__noinline __u32 gray_link(struct gray_context *ctx, struct gray_walk *walk, __u32 vlans)
{
	__u32 step = GRAY_STEP_MORE;
	__u32 i;

	if (!walk)
		return GRAY_STEP_NONE;
	if (walk->type == GRAY_NEXT_ETHERNET)
		step = gray_step_ethernet(ctx, walk);
	else if (walk->type == GRAY_NEXT_PPP)
		step = gray_step_on(ctx, walk, GRAY_STEP_PPP);
	walk->vlans += vlans;
	for (i = 0; i < GRAY_MAX_LINK_STEPS && step == GRAY_STEP_MORE; i++)
		step = gray_step_on(ctx, walk, gray_step_type(ctx, walk));
	return step == GRAY_STEP_MORE ? GRAY_STEP_NONE : step;
}
