/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a frame to its canonical flow key: Ethernet, 802.1Q and QinQ, IPv4 with options, IPv6 with
 * extension headers (RFC 8200), the ports of TCP, UDP and SCTP. Reads the frame, never writes it.
 *
 * Serves XDP and tc alike: before including this file a program defines gray_context and
 * gray_load(cursor, to), which copies sizeof(*to) bytes at the cursor, or says false.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>

#include "bpf/cursor.h"

enum {
	GRAY_IP_MORE_FRAGMENTS = 0x2000,
	GRAY_IP_OFFSET = 0x1fff,
	GRAY_IP6_MORE_FRAGMENTS = 0x0001,
	GRAY_IP6_OFFSET = 0xfff8,
	GRAY_SCTP_HEADER = 12,
	GRAY_PROTO_HIP = 139,	/* RFC 7401 */
	GRAY_PROTO_SHIM6 = 140, /* RFC 5533 */
};

struct gray_vlan {
	__be16 tci;
	__be16 next;
};

struct gray_extension { /* how every IPv6 extension header begins */
	__u8 next;
	__u8 length;
	__be16 fragment; /* the fragment header's offset and M bit */
};

struct gray_ports { /* how TCP, UDP and SCTP begin */
	__be16 source;
	__be16 dest;
};

/* What is known of a frame; key.family is 0 as long as no IP header was understood. */
struct gray_packet {
	struct gray_flow_key key __attribute__((aligned(8)));
	__u8 flags; /* gray_frame_flags */
	__u8 tcp_flags;
	__u8 later_fragment; /* without a header that has ports */
};

static __always_inline bool gray_is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* The parsers move the cursor behind their header; 0, or the counter that says what is odd. */

static __always_inline __u32 gray_parse_ethernet(struct gray_cursor *cursor, __u32 vlans,
						 __be16 *type)
{
	struct ethhdr ethernet;
	struct gray_vlan vlan;
	__u32 i;

	if (!gray_load(cursor, &ethernet))
		return GRAY_ODD_RUNT;
	cursor->at += sizeof(ethernet);
	*type = ethernet.h_proto;
#pragma unroll
	for (i = 0; i < GRAY_MAX_VLANS; i++) {
		if (!gray_is_vlan(*type))
			return 0;
		if (vlans + i >= GRAY_MAX_VLANS || !gray_load(cursor, &vlan))
			return GRAY_ODD_VLAN;
		cursor->at += sizeof(vlan);
		*type = vlan.next;
	}
	return gray_is_vlan(*type) ? GRAY_ODD_VLAN : 0;
}

/*
 * Ends the cursor where the datagram of `length` bytes ends; false when that is outside the frame.
 * A length of 0 is a super-frame's, too long to say (BIG TCP, jumbograms): it ends with the frame.
 */
static __always_inline bool gray_limit(struct gray_cursor *cursor, __u32 length)
{
	if (!length)
		return true;
	if (cursor->at + length > cursor->end)
		return false;
	cursor->end = cursor->at + length;
	return true;
}

static __always_inline __u32 gray_parse_ipv4(struct gray_cursor *cursor, struct gray_packet *packet)
{
	__u32 header, total, fragment;
	struct iphdr ip;

	if (!gray_load(cursor, &ip))
		return GRAY_ODD_IP;
	header = ip.ihl * 4;
	total = bpf_ntohs(ip.tot_len);
	if (ip.version != 4 || header < sizeof(ip) || (total && total < header) ||
	    !gray_limit(cursor, total) || cursor->at + header > cursor->end)
		return GRAY_ODD_IP;
	cursor->at += header;

	packet->key.addr[0][10] = packet->key.addr[0][11] = 0xff;
	packet->key.addr[1][10] = packet->key.addr[1][11] = 0xff;
	__builtin_memcpy(&packet->key.addr[0][12], &ip.saddr, 4);
	__builtin_memcpy(&packet->key.addr[1][12], &ip.daddr, 4);
	packet->key.family = 4;
	packet->key.proto = ip.protocol;
	fragment = bpf_ntohs(ip.frag_off);
	if (fragment & (GRAY_IP_MORE_FRAGMENTS | GRAY_IP_OFFSET))
		packet->flags |= GRAY_F_FRAGMENT;
	packet->later_fragment = (fragment & GRAY_IP_OFFSET) != 0;
	return 0;
}

static __always_inline void gray_note_fragment(struct gray_packet *packet, __u32 fragment)
{
	/* Neither offset nor more to come: an atomic fragment (RFC 6946) is a whole datagram. */
	if (fragment & (GRAY_IP6_MORE_FRAGMENTS | GRAY_IP6_OFFSET))
		packet->flags |= GRAY_F_FRAGMENT;
	if (fragment & GRAY_IP6_OFFSET)
		packet->later_fragment = 1;
}

static __always_inline bool gray_is_extension(__u8 proto)
{
	switch (proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case GRAY_PROTO_HIP:
	case GRAY_PROTO_SHIM6:
		return true;
	}
	return false;
}

/* Walks the extension headers up to the one that carries ports. `next` is the first one's type. */
static __always_inline __u32 gray_parse_extensions(struct gray_cursor *cursor,
						   struct gray_packet *packet, __u8 next)
{
	struct gray_extension extension;
	__u32 i, length;

	for (i = 0; i <= GRAY_MAX_EXT_HEADERS; i++) {
		packet->key.proto = next;
		if (!gray_is_extension(next) || packet->later_fragment)
			return 0;
		if (i == GRAY_MAX_EXT_HEADERS || !gray_load(cursor, &extension))
			return GRAY_ODD_EXT;
		length = (extension.length + 1) * 8;
		if (next == IPPROTO_AH)
			length = (extension.length + 2) * 4;
		if (next == IPPROTO_FRAGMENT) {
			length = 8;
			gray_note_fragment(packet, bpf_ntohs(extension.fragment));
		}
		cursor->at += length;
		if (cursor->at > cursor->end)
			return GRAY_ODD_EXT;
		next = extension.next;
	}
	return GRAY_ODD_EXT;
}

static __always_inline __u32 gray_parse_ipv6(struct gray_cursor *cursor, struct gray_packet *packet)
{
	struct ipv6hdr ip;

	if (!gray_load(cursor, &ip) || ip.version != 6)
		return GRAY_ODD_IP;
	cursor->at += sizeof(ip);
	if (!gray_limit(cursor, bpf_ntohs(ip.payload_len)))
		return GRAY_ODD_IP;
	__builtin_memcpy(packet->key.addr[0], &ip.saddr, 16);
	__builtin_memcpy(packet->key.addr[1], &ip.daddr, 16);
	packet->key.family = 6;
	return gray_parse_extensions(cursor, packet, ip.nexthdr);
}

/*
 * For a first fragment (what its TCP or UDP header says of lengths is about the whole datagram) and
 * for SCTP: `header` bytes must be there.
 */
static __always_inline __u32 gray_parse_ports(struct gray_cursor *cursor,
					      struct gray_packet *packet, __u32 header)
{
	struct gray_ports ports;

	if (!gray_inside(cursor, header) || !gray_load(cursor, &ports))
		return GRAY_ODD_L4;
	packet->key.port[0] = ports.source;
	packet->key.port[1] = ports.dest;
	return 0;
}

static __always_inline __u32 gray_parse_tcp(struct gray_cursor *cursor, struct gray_packet *packet)
{
	struct tcphdr tcp;

	if (!gray_load(cursor, &tcp) || tcp.doff < 5 || cursor->at + tcp.doff * 4 > cursor->end)
		return GRAY_ODD_L4;
	packet->key.port[0] = tcp.source;
	packet->key.port[1] = tcp.dest;
	packet->tcp_flags = ((__u8 *)&tcp)[13];
	return 0;
}

static __always_inline __u32 gray_parse_udp(struct gray_cursor *cursor, struct gray_packet *packet)
{
	struct udphdr udp;
	__u32 length;

	if (!gray_load(cursor, &udp))
		return GRAY_ODD_L4;
	length = bpf_ntohs(udp.len); /* 0: a datagram above 64 KB (RFC 2675) */
	if (length && (length < sizeof(udp) || cursor->at + length > cursor->end))
		return GRAY_ODD_L4;
	packet->key.port[0] = udp.source;
	packet->key.port[1] = udp.dest;
	return 0;
}

static __always_inline __u32 gray_parse_l4(struct gray_cursor *cursor, struct gray_packet *packet)
{
	__u8 proto = packet->key.proto;

	if (packet->later_fragment)
		return 0;
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_SCTP)
		return 0; /* ICMP, ESP, OSPF, ...: a flow without ports */
	if (packet->flags & GRAY_F_FRAGMENT)
		return gray_parse_ports(cursor, packet, sizeof(struct gray_ports));
	if (proto == IPPROTO_SCTP)
		return gray_parse_ports(cursor, packet, GRAY_SCTP_HEADER);
	return proto == IPPROTO_TCP ? gray_parse_tcp(cursor, packet)
				    : gray_parse_udp(cursor, packet);
}

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
 * Fills a zeroed packet. `vlans` tags were already taken off the frame. 0, or an ODD counter: then
 * flags has GRAY_F_ODD, and the key is good for its addresses at most.
 */
static __noinline __u32 gray_parse(struct gray_cursor *cursor, __u32 vlans,
				   struct gray_packet *packet)
{
	__be16 type = 0;
	__u32 odd = gray_parse_ethernet(cursor, vlans, &type);

	if (!odd && type == bpf_htons(ETH_P_IP))
		odd = gray_parse_ipv4(cursor, packet);
	else if (!odd && type == bpf_htons(ETH_P_IPV6))
		odd = gray_parse_ipv6(cursor, packet);
	if (!odd && packet->key.family)
		odd = gray_parse_l4(cursor, packet);
	if (odd)
		packet->flags |= GRAY_F_ODD;
	if (packet->key.family)
		gray_canonicalise(packet);
	return odd;
}
