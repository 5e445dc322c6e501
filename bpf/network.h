/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From an IP header to the ports: IPv4 with options, IPv6 with extension headers (RFC 8200), TCP,
 * UDP and SCTP; which fragment of which datagram it is. userspace/packet/ip.cc does the same.
 */
#pragma once

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/extensions.h"
#include "bpf/tag.h"
#include "bpf/walk.h"

enum {
	GRAY_IP_MORE_FRAGMENTS = 0x2000,
	GRAY_IP_OFFSET = 0x1fff,
	GRAY_IP6_MORE_FRAGMENTS = 0x0001,
	GRAY_IP6_OFFSET = 0xfff8,
	GRAY_SCTP_HEADER = 12,
};

struct gray_extension { /* how every IPv6 extension header begins, and the fragment header whole */
	__u8 next;
	__u8 length;
	__be16 fragment; /* offset and M bit */
	__be32 id;
};

struct gray_ports { /* how TCP, UDP and SCTP begin */
	__be16 source;
	__be16 dest;
};

/* A sound IP header was read: from here on this layer is the packet. */
static __always_inline void gray_begin_layer(struct gray_walk *walk, __u8 family)
{
	walk->fragment = GRAY_WHOLE;
	__builtin_memset(&walk->packet.key, 0, sizeof(walk->packet.key));
	walk->packet.key.family = family;
	walk->packet.tcp_flags = 0;
	walk->packet.upper = 0;
}

/*
 * A datagram's fragments have source, destination and id in common, and in IPv4 the protocol (RFC
 * 791): mixed, as no two of what is remembered at a time will come to the same.
 */
static __always_inline __u64 gray_datagram(const struct gray_flow_key *key, __u32 id)
{
	__u64 mixed = (__u64)id << 32 | key->family << 8 | (key->family == 4 ? key->proto : 0);
	__u64 word[4];
	int i;

	__builtin_memcpy(word, key->addr, sizeof(word));
	for (i = 0; i < 4; i++)
		mixed = gray_mix(mixed ^ word[i]) + 0x9e3779b97f4a7c15ULL;
	return mixed;
}

static __always_inline void gray_note_fragment(struct gray_walk *walk, bool later, __u32 id)
{
	walk->fragment = later ? GRAY_LATER_FRAGMENT : GRAY_FIRST_FRAGMENT;
	walk->packet.flags |= GRAY_F_FRAGMENT;
	walk->datagram = gray_datagram(&walk->packet.key, id);
}

static __always_inline __u32 gray_step_ipv4(struct gray_context *ctx, struct gray_walk *walk)
{
	__u32 header, total, fragment;
	struct iphdr ip;

	if (!gray_peek(ctx, walk, &ip))
		return GRAY_ODD_IP;
	header = ip.ihl * 4;
	/* 0 is a super-frame's length, too long to say (BIG TCP): it ends with the frame. */
	total = ip.tot_len ? bpf_ntohs(ip.tot_len) : walk->wire - walk->at;
	if (header < sizeof(ip) || total < header || !gray_limit(walk, total))
		return GRAY_ODD_IP;
	walk->at += header;

	gray_begin_layer(walk, 4);
	walk->packet.key.addr[0][10] = walk->packet.key.addr[0][11] = 0xff;
	walk->packet.key.addr[1][10] = walk->packet.key.addr[1][11] = 0xff;
	__builtin_memcpy(&walk->packet.key.addr[0][12], &ip.saddr, 4);
	__builtin_memcpy(&walk->packet.key.addr[1][12], &ip.daddr, 4);
	walk->packet.key.proto = ip.protocol;
	fragment = bpf_ntohs(ip.frag_off);
	if (fragment & (GRAY_IP_MORE_FRAGMENTS | GRAY_IP_OFFSET))
		gray_note_fragment(walk, fragment & GRAY_IP_OFFSET, ip.id);
	return 0;
}

/* One extension header; 0, GRAY_ODD_EXT, or GRAY_STEP_NONE where the ports are next. */
static __always_inline __u32 gray_step_extension(struct gray_context *ctx, struct gray_walk *walk)
{
	struct gray_extension extension;
	__u8 proto = walk->packet.key.proto;
	__u32 length, fragment;

	if (!gray_peek(ctx, walk, &extension))
		return GRAY_ODD_EXT;
	length = (extension.length + 1) * 8;
	if (proto == IPPROTO_FRAGMENT)
		length = sizeof(extension);
	if (proto == IPPROTO_AH)
		length = (extension.length + 2) * 4; /* RFC 4302 §2.2 */
	if (walk->at + length > walk->wire)
		return GRAY_ODD_EXT;
	walk->at += length;
	walk->packet.key.proto = extension.next;
	if (proto != IPPROTO_FRAGMENT)
		return 0;
	/* Neither offset nor more to come: an atomic fragment (RFC 6946) is a whole datagram. */
	fragment = bpf_ntohs(extension.fragment);
	if (fragment & (GRAY_IP6_MORE_FRAGMENTS | GRAY_IP6_OFFSET))
		gray_note_fragment(walk, fragment & GRAY_IP6_OFFSET, extension.id);
	return walk->fragment == GRAY_LATER_FRAGMENT ? GRAY_STEP_NONE : 0;
}

__noinline __u32 gray_extensions(struct gray_context *ctx, struct gray_walk *walk)
{
	__u32 i, step;

	if (!walk)
		return GRAY_ODD_EXT;
	for (i = 0; i < GRAY_MAX_EXT_HEADERS; i++) {
		/* Linux 6.1 refuses a loop that clang has turned to begin in its middle. */
		asm volatile("" : "+r"(i));
		if (!gray_is_extension(walk->packet.key.proto))
			return 0;
		step = gray_step_extension(ctx, walk);
		if (step)
			return step == GRAY_STEP_NONE ? 0 : step;
	}
	return gray_is_extension(walk->packet.key.proto) ? GRAY_ODD_EXT : 0;
}

static __always_inline __u32 gray_step_ipv6(struct gray_context *ctx, struct gray_walk *walk)
{
	struct ipv6hdr ip;
	__u32 length;

	if (!gray_take(ctx, walk, &ip))
		return GRAY_ODD_IP;
	length = ip.payload_len ? bpf_ntohs(ip.payload_len) : walk->wire - walk->at;
	if (!gray_limit(walk, length))
		return GRAY_ODD_IP;
	gray_begin_layer(walk, 6);
	__builtin_memcpy(walk->packet.key.addr[0], &ip.saddr, 16);
	__builtin_memcpy(walk->packet.key.addr[1], &ip.daddr, 16);
	walk->packet.key.proto = ip.nexthdr;
	return gray_extensions(ctx, walk);
}

static __always_inline __u32 gray_step_tcp(struct gray_context *ctx, struct gray_walk *walk)
{
	struct tcphdr tcp;

	if (!gray_peek(ctx, walk, &tcp) || tcp.doff < 5 || walk->at + tcp.doff * 4 > walk->wire)
		return GRAY_ODD_L4;
	walk->packet.key.port[0] = tcp.source;
	walk->packet.key.port[1] = tcp.dest;
	walk->packet.tcp_flags = ((__u8 *)&tcp)[13];
	return 0;
}

/* Goes on behind the header: a tunnel may be in it. Length 0 is a datagram above 64 KB (RFC 2675).
 */
static __always_inline __u32 gray_step_udp(struct gray_context *ctx, struct gray_walk *walk)
{
	struct udphdr udp;
	__u32 length;

	if (!gray_peek(ctx, walk, &udp))
		return GRAY_ODD_L4;
	length = udp.len ? bpf_ntohs(udp.len) : walk->wire - walk->at;
	if (length < sizeof(udp) || !gray_limit(walk, length))
		return GRAY_ODD_L4;
	walk->at += sizeof(udp);
	walk->packet.key.port[0] = udp.source;
	walk->packet.key.port[1] = udp.dest;
	return 0;
}

static __always_inline __u32 gray_step_ports(struct gray_context *ctx, struct gray_walk *walk,
					     __u32 header)
{
	struct gray_ports ports;

	if (!gray_has(walk, header) || !gray_peek(ctx, walk, &ports))
		return GRAY_ODD_L4;
	walk->packet.key.port[0] = ports.source;
	walk->packet.key.port[1] = ports.dest;
	return 0;
}

/*
 * Of a first fragment the ports are enough, and what its headers say of lengths is about the whole
 * datagram: of the rest of this walk, too.
 */
static __always_inline __u32 gray_step_first_fragment(struct gray_context *ctx,
						      struct gray_walk *walk)
{
	__u8 proto = walk->packet.key.proto;

	walk->wire = walk->at + GRAY_UNKNOWN_LENGTH;
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_SCTP)
		return 0;
	if (gray_step_ports(ctx, walk, sizeof(struct gray_ports)))
		return GRAY_ODD_L4;
	if (proto == IPPROTO_UDP)
		walk->at += sizeof(struct udphdr);
	return 0;
}

static __always_inline __u32 gray_step_upper(struct gray_context *ctx, struct gray_walk *walk)
{
	if (walk->fragment == GRAY_LATER_FRAGMENT)
		return 0;
	walk->packet.upper = walk->at;
	if (walk->fragment == GRAY_FIRST_FRAGMENT)
		return gray_step_first_fragment(ctx, walk);
	switch (walk->packet.key.proto) {
	case IPPROTO_TCP:
		return gray_step_tcp(ctx, walk);
	case IPPROTO_UDP:
		return gray_step_udp(ctx, walk);
	case IPPROTO_SCTP:
		return gray_step_ports(ctx, walk, GRAY_SCTP_HEADER);
	}
	return 0; /* ICMP, ESP, OSPF, ...: a flow without ports */
}

/*
 * Reads the IP header that the walk stands at, and what follows it. 0, or the counter of what is
 * odd. With GRAY_ODD_IP the packet is the layer around it still, in all other cases it is this one,
 * and the walk stands at what may be a tunnel.
 */
__noinline __u32 gray_network(struct gray_context *ctx, struct gray_walk *walk)
{
	__u8 version;
	__u32 odd = GRAY_ODD_IP;

	if (!walk || !gray_peek(ctx, walk, &version))
		return GRAY_ODD_IP;
	if (version >> 4 == 4)
		odd = gray_step_ipv4(ctx, walk);
	else if (version >> 4 == 6)
		odd = gray_step_ipv6(ctx, walk);
	return odd ? odd : gray_step_upper(ctx, walk);
}
