/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a frame to the canonical key of its innermost flow. A plain frame (Ethernet, up to two VLAN
 * tags, IP without options or extension headers, TCP, UDP that is no tunnel, ICMP) is read in one
 * go; all others, and all that is odd, by a walk through their headers. Reads the frame, never
 * writes it. userspace/packet finds the same flow for every frame.
 */
#pragma once

#include "bpf/endpoint.h"
#include "bpf/fragment.h"
#include "bpf/link.h"
#include "bpf/network.h"
#include "bpf/tunnel.h"

/* Orders the endpoints, bytewise by (address, port). */
static __always_inline void gray_canonicalise(struct gray_packet *packet)
{
	struct gray_flow_key *key = &packet->key;
	__u64 low[2], high[2];
	__u16 port;

	__builtin_memcpy(low, key->addr[0], 16);
	__builtin_memcpy(high, key->addr[1], 16);
	if (low[0] == high[0] && low[1] == high[1]) {
		if (bpf_ntohs(key->port[0]) <= bpf_ntohs(key->port[1]))
			return;
	} else if (low[0] == high[0] ? bpf_be64_to_cpu(low[1]) < bpf_be64_to_cpu(high[1])
				     : bpf_be64_to_cpu(low[0]) < bpf_be64_to_cpu(high[0])) {
		return;
	}
	__builtin_memcpy(key->addr[0], high, 16);
	__builtin_memcpy(key->addr[1], low, 16);
	port = key->port[0];
	key->port[0] = key->port[1];
	key->port[1] = port;
	packet->flags |= GRAY_F_REVERSED;
}

/*
 * Follows a later fragment, notes a first one, and looks whether the layer is excluded. False when
 * the flow is settled with it.
 */
static __always_inline bool gray_settle_layer(const struct gray_config *now, struct gray_walk *walk)
{
	if (walk->fragment == GRAY_LATER_FRAGMENT && gray_follow_fragment(walk))
		return false;
	if (walk->fragment == GRAY_LATER_FRAGMENT) {
		walk->packet.orphan = 1;
		gray_count(GRAY_FRAGMENT_ORPHAN, 1);
	}
	if (walk->fragment == GRAY_FIRST_FRAGMENT)
		gray_meet_first_fragment(walk);
	if (now->exclude_count && gray_excluded(now, &walk->packet.key))
		walk->packet.excluded = 1;
	return walk->fragment != GRAY_LATER_FRAGMENT;
}

/*
 * From an IP header that is `depth` tunnels deep down to the innermost layer; 0, or the counter of
 * what is odd there.
 */
__noinline __u32 gray_descend(struct gray_context *ctx, const struct gray_config *now,
			      struct gray_walk *walk, __u32 depth)
{
	__u32 i, odd = 0;

	if (!now || !walk)
		return GRAY_ODD_IP;
	for (i = 0; i <= GRAY_MAX_TUNNEL_DEPTH; i++, depth++) {
		odd = gray_network(ctx, walk);
		if (odd == GRAY_ODD_IP && depth > 0)
			return 0; /* no tunnel, but the payload of the layer around it */
		if (odd || !gray_settle_layer(now, walk))
			break;
		if (depth >= now->tunnel_depth || gray_tunnel(ctx, now, walk) != GRAY_STEP_IP)
			break;
	}
	if (odd && walk->packet.key.family && now->exclude_count &&
	    gray_excluded(now, &walk->packet.key))
		walk->packet.excluded = 1;
	return odd;
}

struct gray_start {   /* where a walk begins */
	__u32 length; /* of the frame */
	__u32 vlans;  /* tags that were already taken off it */
	__u32 at;     /* 0, or the payload of a UDP datagram, which the packet holds already */
	__u32 end;    /* of that */
};

/* The walk into what may be a tunnel, when the packet was read up to there. */
static __always_inline __u32 gray_walk_on(struct gray_context *ctx, const struct gray_config *now,
					  struct gray_walk *walk, const struct gray_start *start)
{
	walk->at = start->at;
	walk->end = walk->wire = start->end;
	if (!gray_settle_layer(now, walk) || !now->tunnel_depth ||
	    gray_tunnel(ctx, now, walk) != GRAY_STEP_IP)
		return 0;
	return gray_descend(ctx, now, walk, 1);
}

/*
 * Fills a packet that is zeroed but for start->at. 0, or an ODD counter: then flags has GRAY_F_ODD,
 * and the key is good for its addresses at most.
 */
__noinline __u32 gray_walk(struct gray_context *ctx, const struct gray_config *now,
			   struct gray_packet *packet, const struct gray_start *start)
{
	struct gray_walk walk = {};
	__u32 odd;

	if (!now || !packet || !start)
		return 0;
	if (start->at) {
		walk.packet = *packet;
		odd = gray_walk_on(ctx, now, &walk, start);
	} else {
		walk.end = walk.wire = start->length;
		walk.type = GRAY_NEXT_ETHERNET;
		odd = gray_link(ctx, &walk, start->vlans);
		if (odd == GRAY_STEP_NONE)
			return 0;
		if (odd == GRAY_STEP_IP)
			odd = gray_descend(ctx, now, &walk, 0);
	}
	*packet = walk.packet;
	if (odd)
		packet->flags |= GRAY_F_ODD;
	if (!packet->key.family)
		return odd;
	gray_canonicalise(packet);
	if (walk.first_count && !odd)
		gray_remember_fragments(&walk, packet);
	return odd;
}

struct gray_plain { /* a plain frame's upper layer */
	__u32 at;
	__u32 length; /* of the datagram from there */
	__u8 proto;
};

/*
 * The readers of plain frames see the frame by pointers only; each says false as soon as the frame
 * is anything else.
 */

#define gray_look(ctx, at, type)                                                                   \
	({                                                                                         \
		type *header_ = (void *)(long)(ctx)->data + (at);                                  \
		(void *)(header_ + 1) <= (void *)(long)(ctx)->data_end ? header_ : 0;              \
	})

static __always_inline bool gray_plain_ipv4(struct gray_context *ctx, __u32 at, __u32 length,
					    struct gray_packet *packet, struct gray_plain *upper)
{
	const struct iphdr *ip = gray_look(ctx, at, struct iphdr);
	__u32 total;

	if (!ip || *(const __u8 *)ip != 0x45 ||
	    ip->frag_off & bpf_htons(GRAY_IP_MORE_FRAGMENTS | GRAY_IP_OFFSET))
		return false;
	total = bpf_ntohs(ip->tot_len);
	if (total < sizeof(*ip) || at + total > length)
		return false;
	*upper = (struct gray_plain){at + sizeof(*ip), total - sizeof(*ip), ip->protocol};
	packet->key.addr[0][10] = packet->key.addr[0][11] = 0xff;
	packet->key.addr[1][10] = packet->key.addr[1][11] = 0xff;
	__builtin_memcpy(&packet->key.addr[0][12], &ip->saddr, 4);
	__builtin_memcpy(&packet->key.addr[1][12], &ip->daddr, 4);
	packet->key.family = 4;
	return true;
}

static __always_inline bool gray_plain_ipv6(struct gray_context *ctx, __u32 at, __u32 length,
					    struct gray_packet *packet, struct gray_plain *upper)
{
	const struct ipv6hdr *ip = gray_look(ctx, at, struct ipv6hdr);
	__u32 payload;

	if (!ip || *(const __u8 *)ip >> 4 != 6)
		return false;
	payload = bpf_ntohs(ip->payload_len);
	if (!payload || at + sizeof(*ip) + payload > length)
		return false;
	*upper = (struct gray_plain){at + sizeof(*ip), payload, ip->nexthdr};
	__builtin_memcpy(packet->key.addr[0], __builtin_assume_aligned(&ip->saddr, 8), 16);
	__builtin_memcpy(packet->key.addr[1], __builtin_assume_aligned(&ip->daddr, 8), 16);
	packet->key.family = 6;
	return true;
}

static __always_inline bool gray_plain_tcp(struct gray_context *ctx, const struct gray_plain *upper,
					   struct gray_packet *packet)
{
	const struct tcphdr *tcp = gray_look(ctx, upper->at, struct tcphdr);

	if (!tcp || tcp->doff < 5 || tcp->doff * 4 > upper->length)
		return false;
	packet->key.port[0] = tcp->source;
	packet->key.port[1] = tcp->dest;
	packet->tcp_flags = ((const __u8 *)tcp)[13];
	return true;
}

/* With start->at when it may be a tunnel: then it is no plain frame, but the packet is good. */
static __always_inline bool gray_plain_udp(struct gray_context *ctx, const struct gray_config *now,
					   const struct gray_plain *upper,
					   struct gray_packet *packet, struct gray_start *start)
{
	const struct udphdr *udp = gray_look(ctx, upper->at, struct udphdr);
	__u32 length;

	if (!udp)
		return false;
	length = bpf_ntohs(udp->len);
	if (length < sizeof(*udp) || length > upper->length)
		return false;
	packet->key.port[0] = udp->source;
	packet->key.port[1] = udp->dest;
	if (gray_may_be_tunnel(now, udp->source, udp->dest) &&
	    gray_tunnel_of(now, udp->source, udp->dest) != GRAY_TUNNEL_NONE) {
		start->at = upper->at + sizeof(*udp);
		start->end = upper->at + length;
	}
	return !start->at;
}

static __always_inline bool gray_plain(struct gray_context *ctx, const struct gray_config *now,
				       struct gray_packet *packet, struct gray_start *start)
{
	const struct ethhdr *ethernet = gray_look(ctx, 0, struct ethhdr);
	const struct gray_vlan *tag;
	struct gray_plain upper;
	__u32 i, at = sizeof(*ethernet);
	__be16 type;

	if (!ethernet)
		return false;
	type = ethernet->h_proto;
#pragma unroll
	for (i = 0; i < GRAY_MAX_VLANS && gray_is_vlan(type); i++) {
		tag = gray_look(ctx, at, struct gray_vlan);
		if (!tag || start->vlans + i >= GRAY_MAX_VLANS)
			return false;
		at += sizeof(*tag);
		type = tag->next;
	}
	if (type == bpf_htons(ETH_P_IP)) {
		if (!gray_plain_ipv4(ctx, at, start->length, packet, &upper))
			return false;
	} else if (type != bpf_htons(ETH_P_IPV6) ||
		   !gray_plain_ipv6(ctx, at, start->length, packet, &upper)) {
		return false;
	}
	packet->key.proto = upper.proto;
	packet->upper = upper.at;
	switch (upper.proto) {
	case IPPROTO_TCP:
		return gray_plain_tcp(ctx, &upper, packet);
	case IPPROTO_UDP:
		return gray_plain_udp(ctx, now, &upper, packet, start);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return true;
	}
	return false;
}

/*
 * Fills a zeroed packet, as gray_walk() does, but quicker for most frames. `vlans` tags were
 * already taken off this one of `length` bytes.
 */
static __always_inline __u32 gray_parse(struct gray_context *ctx, const struct gray_config *now,
					struct gray_packet *packet, __u32 length, __u32 vlans)
{
	struct gray_start start = {.length = length, .vlans = vlans};

	if (!gray_plain(ctx, now, packet, &start)) {
		if (!start.at)
			__builtin_memset(packet, 0, sizeof(*packet));
		return gray_walk(ctx, now, packet, &start);
	}
	gray_canonicalise(packet);
	if (now->exclude_count && gray_excluded(now, &packet->key))
		packet->excluded = 1;
	return 0;
}
