/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What both programs decide alike: whether a frame goes on, and with which tag. The order is
 * disabled, expression, parse, excluded, selection, sample; the first that says no is the one
 * counted. What is selected and tagged is the innermost flow; excludes count on every layer around
 * it, too.
 */
#pragma once

#include "bpf/expression.h"
#include "bpf/maps.h"
#include "bpf/parse.h"
#include "bpf/tag.h"

static __always_inline bool gray_has_proto(const struct gray_config *now, __u8 proto)
{
	__u32 i;

	for (i = 0; i < GRAY_MAX_PROTOS && i < now->proto_count; i++)
		if (now->protos[i] == proto)
			return true;
	return false;
}

static __always_inline bool gray_has_port(const struct gray_config *now,
					  const struct gray_flow_key *key)
{
	__u32 i;

	for (i = 0; i < GRAY_MAX_PORTS && i < now->port_count; i++)
		if (now->ports[i] == key->port[0] || now->ports[i] == key->port[1])
			return true;
	return false;
}

static __always_inline bool gray_in_net(const struct gray_net *net, const __u8 *address)
{
	__u32 word[4];

	__builtin_memcpy(word, address, 16);
	/* One branch, not four: the verifier walks every way through the loop around this. */
	return !(((word[0] & net->mask[0]) ^ net->addr[0]) |
		 ((word[1] & net->mask[1]) ^ net->addr[1]) |
		 ((word[2] & net->mask[2]) ^ net->addr[2]) |
		 ((word[3] & net->mask[3]) ^ net->addr[3]));
}

static __always_inline bool gray_has_net(const struct gray_config *now,
					 const struct gray_flow_key *key)
{
	__u32 i;

	for (i = 0; i < GRAY_MAX_NETS && i < now->net_count; i++)
		if (gray_in_net(&now->nets[i], key->addr[0]) ||
		    gray_in_net(&now->nets[i], key->addr[1]))
			return true;
	return false;
}

/* 0 when the frame fits every list that is not empty, else the counter. */
static __noinline __u32 gray_filter(const struct gray_config *now, const struct gray_packet *packet)
{
	if (!now->proto_count && !now->port_count && !now->net_count)
		return 0;
	if (packet->flags & GRAY_F_ODD)
		return GRAY_MALFORMED;
	if (!packet->key.family)
		return GRAY_FILTERED;
	if (now->proto_count && !gray_has_proto(now, packet->key.proto))
		return GRAY_FILTERED;
	if (now->net_count && !gray_has_net(now, &packet->key))
		return GRAY_FILTERED;
	if (now->port_count && packet->orphan)
		return GRAY_FRAGMENT;
	if (now->port_count && !gray_has_port(now, &packet->key))
		return GRAY_FILTERED;
	return 0;
}

/*
 * 0 when the frame goes on, else the SELECT counter. Fills `packet` (zeroed) and `tag`. `vlans`:
 * how many tags the kernel took off the frame.
 */
static __always_inline __u32 gray_decide(const struct gray_config *now, struct gray_cursor *cursor,
					 __u32 vlans, struct gray_packet *packet, __u64 *tag)
{
	__u32 verdict;

	*tag = 0;
	if (!now->enabled)
		return GRAY_DISABLED;
	if (!gray_matches(cursor->context, cursor->end + vlans * sizeof(struct gray_vlan)))
		return GRAY_FILTERED;
	verdict = gray_parse(cursor->context, now, packet, cursor->end, vlans);
	if (verdict)
		gray_count(verdict, 1);
	if (packet->excluded)
		return GRAY_EXCLUDED;
	verdict = gray_filter(now, packet);
	if (verdict)
		return verdict;
	if (!packet->key.family || (packet->flags & GRAY_F_ODD))
		return 0;
	*tag = gray_flow_tag(&packet->key, now->seed);
	return *tag > now->sample_max ? GRAY_SAMPLED : 0;
}
