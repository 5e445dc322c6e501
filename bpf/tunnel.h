/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which packets are tunnels, and where the packet inside begins. A well-known port is only a hint:
 * the header must be exact, and what it holds must be IP, else the packet is taken for what it is
 * outside. userspace/packet/tunnel.cc does the same.
 */
#pragma once

#include "bpf/link.h"

enum { /* EtherTypes that only GRE carries */
       GRAY_GRE_PPP = 0x880b,
       GRAY_GRE_ERSPAN2 = 0x88be,
       GRAY_GRE_ERSPAN3 = 0x22eb,
};

enum {
	GRAY_GRE_CHECKSUM = 0x8000,
	GRAY_GRE_ROUTING = 0x4000,
	GRAY_GRE_KEY = 0x2000,
	GRAY_GRE_SEQUENCE = 0x1000,
	GRAY_GRE_PPTP_ACK = 0x0080,
	GRAY_GRE_VERSION = 0x0007,
};

struct gray_tunnel_header { /* of VXLAN, GENEVE, GTP-U and AYIYA */
	__u8 byte[8];
};

/* What kind of tunnel the ports (network order) stand for; enum gray_tunnel. */
__noinline __u32 gray_tunnel_of(const struct gray_config *now, __be16 source, __be16 dest)
{
	const struct gray_tunnel_port *tunnel;
	__u32 i;

	if (!now)
		return GRAY_TUNNEL_NONE;
	for (i = 0; i < GRAY_MAX_TUNNEL_PORTS && i < now->tunnel_port_count; i++) {
		tunnel = &now->tunnel_ports[i];
		if (tunnel->port == dest || (tunnel->either && tunnel->port == source))
			return tunnel->kind;
	}
	return GRAY_TUNNEL_NONE;
}

static __always_inline bool gray_may_be_tunnel(const struct gray_config *now, __be16 source,
					       __be16 dest)
{
	return now->tunnel_hint &
	       (GRAY_TUNNEL_BIT(bpf_ntohs(source)) | GRAY_TUNNEL_BIT(bpf_ntohs(dest)));
}

/* GRAY_STEP_MORE: the walk stands at what walk->type says. Otherwise it is no tunnel. */

static __always_inline __u32 gray_enter(struct gray_walk *walk, __u32 type, __u32 header)
{
	if (walk->at + header > walk->wire)
		return GRAY_STEP_NONE;
	walk->at += header;
	walk->type = type;
	walk->vlans = 0;
	return GRAY_STEP_MORE;
}

/* RFC 7348 §5: the I flag, and zeros where zeros must be. */
static __always_inline __u32 gray_open_vxlan(struct gray_walk *walk,
					     const struct gray_tunnel_header *vxlan)
{
	if (vxlan->byte[0] != 8 || vxlan->byte[1] | vxlan->byte[2] | vxlan->byte[3] ||
	    vxlan->byte[7])
		return GRAY_STEP_NONE;
	return gray_enter(walk, GRAY_NEXT_ETHERNET, sizeof(*vxlan));
}

/* RFC 8926 §3.4 */
static __always_inline __u32 gray_open_geneve(struct gray_walk *walk,
					      const struct gray_tunnel_header *geneve)
{
	if (geneve->byte[0] >> 6 || geneve->byte[7])
		return GRAY_STEP_NONE;
	return gray_enter(walk, geneve->byte[2] << 8 | geneve->byte[3],
			  sizeof(*geneve) + (geneve->byte[0] & 0x3f) * 4);
}

/* 3GPP TS 29.281 §5.2: each extension header says its length in words and the next one's type. */
static __always_inline bool gray_skip_gtp_extensions(struct gray_context *ctx,
						     struct gray_walk *walk, __u8 next)
{
	__u8 words, i;

	for (i = 0; i < GRAY_MAX_GTP_EXTENSIONS && next; i++) {
		if (!gray_peek(ctx, walk, &words) || !words || !gray_has(walk, words * 4))
			return false;
		walk->at += words * 4;
		if (!gray_read(ctx, walk->at - 1, &next))
			return false;
	}
	return !next;
}

/* 3GPP TS 29.281 §5.1, version 1, G-PDU only. */
static __always_inline __u32 gray_open_gtp(struct gray_context *ctx, struct gray_walk *walk,
					   const struct gray_tunnel_header *gtp)
{
	struct {
		__be16 sequence;
		__u8 npdu;
		__u8 next;
	} optional;

	if ((gtp->byte[0] & 0xf8) != 0x30 || gtp->byte[1] != 0xff)
		return GRAY_STEP_NONE;
	walk->at += sizeof(*gtp);
	if (!gray_limit(walk, gtp->byte[2] << 8 | gtp->byte[3]))
		return GRAY_STEP_NONE;
	if (gtp->byte[0] & 7) { /* sequence number, N-PDU number and next type come together */
		if (!gray_take(ctx, walk, &optional))
			return GRAY_STEP_NONE;
		if (gtp->byte[0] & 4 && !gray_skip_gtp_extensions(ctx, walk, optional.next))
			return GRAY_STEP_NONE;
	}
	return gray_enter(walk, GRAY_NEXT_IP, 0);
}

/*
 * RFC 4380 §5.1.1: authentication and origin indication may stand before the IPv6 packet, which
 * fills the datagram to its end.
 */
static __always_inline __u32 gray_open_teredo(struct gray_context *ctx, struct gray_walk *walk)
{
	struct {
		__be16 type;
		__u8 client;
		__u8 value;
	} indication;
	struct {
		__u8 version;
		__u8 rest[3];
		__be16 length;
		__u8 more[2];
	} ip;

	if (gray_has(walk, 13) && gray_peek(ctx, walk, &indication) &&
	    indication.type == bpf_htons(1)) {
		if (!gray_has(walk, 13 + indication.client + indication.value))
			return GRAY_STEP_NONE;
		walk->at += 13 + indication.client + indication.value;
	}
	if (gray_has(walk, 8) && gray_peek(ctx, walk, &indication) && !indication.type)
		walk->at += 8;
	if (!gray_has(walk, 40) || !gray_peek(ctx, walk, &ip) || ip.version >> 4 != 6 ||
	    walk->at + 40 + bpf_ntohs(ip.length) != walk->wire)
		return GRAY_STEP_NONE;
	return gray_enter(walk, GRAY_NEXT_IP, 0);
}

/* draft-massar-v6ops-ayiya-02 §3: identity and signature lengths stand in the header. */
static __always_inline __u32 gray_open_ayiya(struct gray_walk *walk,
					     const struct gray_tunnel_header *ayiya)
{
	if ((ayiya->byte[2] & 15) != 1 ||
	    (ayiya->byte[3] != IPPROTO_IPV6 && ayiya->byte[3] != IPPROTO_IPIP))
		return GRAY_STEP_NONE;
	return gray_enter(walk, GRAY_NEXT_IP,
			  sizeof(*ayiya) + (1U << (ayiya->byte[0] >> 4)) +
				  (ayiya->byte[1] >> 4) * 4);
}

__noinline __u32 gray_open_udp(struct gray_context *ctx, const struct gray_config *now,
			       struct gray_walk *walk)
{
	struct gray_tunnel_header header;
	__u32 kind;

	if (!now || !walk)
		return GRAY_STEP_NONE;
	kind = gray_tunnel_of(now, walk->packet.key.port[0], walk->packet.key.port[1]);
	if (kind == GRAY_TUNNEL_NONE || !gray_peek(ctx, walk, &header))
		return GRAY_STEP_NONE;
	switch (kind) {
	case GRAY_TUNNEL_VXLAN:
		return gray_open_vxlan(walk, &header);
	case GRAY_TUNNEL_GENEVE:
		return gray_open_geneve(walk, &header);
	case GRAY_TUNNEL_GTP:
		return gray_open_gtp(ctx, walk, &header);
	case GRAY_TUNNEL_TEREDO:
		return gray_open_teredo(ctx, walk);
	case GRAY_TUNNEL_AYIYA:
		return gray_open_ayiya(walk, &header);
	}
	return GRAY_STEP_NONE;
}

/* The header between GRE and the mirrored frame; ERSPAN type I has none. */
static __always_inline __u32 gray_open_erspan(struct gray_context *ctx, struct gray_walk *walk,
					      __u32 type, bool has_sequence)
{
	__u32 header = type == GRAY_GRE_ERSPAN3 ? 12 : 8;
	__u8 last;

	if (type == GRAY_GRE_ERSPAN2 && !has_sequence)
		header = 0;
	if (!gray_has(walk, header))
		return GRAY_STEP_NONE;
	if (type == GRAY_GRE_ERSPAN3) {
		if (!gray_read(ctx, walk->at + 11, &last))
			return GRAY_STEP_NONE;
		if (last & 1) /* platform sub-header */
			header += 8;
	}
	return gray_enter(walk, GRAY_NEXT_ETHERNET, header);
}

/* RFC 2784 and 2890; version 1 is PPTP's (RFC 2637 §4.1). */
__noinline __u32 gray_open_gre(struct gray_context *ctx, struct gray_walk *walk)
{
	struct {
		__be16 flags;
		__be16 type;
	} gre;
	__u32 flags, type, step, header = sizeof(gre);

	if (!walk || !gray_peek(ctx, walk, &gre))
		return GRAY_STEP_NONE;
	flags = bpf_ntohs(gre.flags);
	type = bpf_ntohs(gre.type);
	if ((flags & GRAY_GRE_VERSION) > 1 || flags & GRAY_GRE_ROUTING)
		return GRAY_STEP_NONE;
	if (flags & GRAY_GRE_CHECKSUM)
		header += 4;
	if (flags & GRAY_GRE_KEY)
		header += 4;
	if (flags & GRAY_GRE_SEQUENCE)
		header += 4;
	if ((flags & GRAY_GRE_VERSION) == 1 && flags & GRAY_GRE_PPTP_ACK)
		header += 4;
	step = gray_enter(walk, type == GRAY_GRE_PPP ? GRAY_NEXT_PPP : type, header);
	if (step != GRAY_STEP_MORE || (type != GRAY_GRE_ERSPAN2 && type != GRAY_GRE_ERSPAN3))
		return step;
	return gray_open_erspan(ctx, walk, type, flags & GRAY_GRE_SEQUENCE);
}

/* Whether the layer read last is a tunnel around an IP header: then the walk stands there. */
__noinline __u32 gray_tunnel(struct gray_context *ctx, const struct gray_config *now,
			     struct gray_walk *walk)
{
	__u32 step = GRAY_STEP_NONE;

	if (!now || !walk)
		return GRAY_STEP_NONE;
	switch (walk->packet.key.proto) {
	case IPPROTO_UDP:
		step = gray_open_udp(ctx, now, walk);
		break;
	case IPPROTO_GRE:
		step = gray_open_gre(ctx, walk);
		break;
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		step = gray_enter(walk, GRAY_NEXT_IP, 0);
		break;
	case IPPROTO_MPLS:
		step = gray_enter(walk, ETH_P_MPLS_UC, 0);
		break;
	}
	return step == GRAY_STEP_MORE ? gray_link(ctx, walk, 0) : GRAY_STEP_NONE;
}
