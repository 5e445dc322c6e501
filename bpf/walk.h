/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known of a frame, and the walk through its headers by which it becomes known. The steps
 * of the walk (link.h, network.h, tunnel.h) are global functions: the verifier looks at each once,
 * however often and in whatever order they are called.
 */
#pragma once

#include <linux/in.h>

#include <bpf/bpf_endian.h>

#include "bpf/cursor.h"

/* What is known of a frame; key.family is 0 as long as no IP header was understood. */
struct gray_packet {
	struct gray_flow_key key __attribute__((aligned(8)));
	__u8 flags; /* gray_frame_flags */
	__u8 tcp_flags;
	__u8 orphan;   /* a later fragment, and its first one was not seen: no ports */
	__u8 excluded; /* one of its layers is to or from an excluded endpoint */
	__u32 upper;   /* offset of its TCP, UDP, ICMP, ... header; 0 in a later fragment */
};

/*
 * Lengths are checked against `wire`, bytes are read up to `end`. The two differ in the first
 * fragment of a datagram, whose inner headers tell the length of what is cut to pieces.
 */
struct gray_walk {
	__u32 at;	  /* the next header, from the frame's start */
	__u32 end;	  /* of the datagram in the frame: nothing is read there and beyond */
	__u32 wire;	  /* where the datagram ended before it was cut; >= end */
	__u32 type;	  /* EtherType of what is next, or GRAY_NEXT_* */
	__u32 vlans;	  /* tags since the last Ethernet header */
	__u8 fragment;	  /* gray_fragment_kind of the layer read last */
	__u8 first_count; /* first fragments met: the outermost in first[0], the innermost in [1] */
	__u8 pad[2];
	__u64 datagram; /* what the fragments of the layer read last have in common, and no others
			 */
	__u64 first[2];
	struct gray_packet packet; /* the innermost layer that was understood; not yet canonical */
};

enum gray_fragment_kind { GRAY_WHOLE, GRAY_FIRST_FRAGMENT, GRAY_LATER_FRAGMENT };

/* What a step found. Counters of odd things are used as results, too. */
enum gray_step {
	GRAY_STEP_MORE = GRAY_COUNTER_MAX, /* another header of the link layer: walk->type */
	GRAY_STEP_PPP,
	GRAY_STEP_LABELS, /* MPLS */
	GRAY_STEP_BELOW,  /* what a label stack does not say */
	GRAY_STEP_IP,	  /* an IP header */
	GRAY_STEP_NONE,	  /* nothing to follow, and nothing wrong */
};

/* The length of a datagram of which only the first fragment is known. */
#define GRAY_UNKNOWN_LENGTH 0xffff

static __always_inline bool gray_has(const struct gray_walk *walk, __u32 size)
{
	return walk->at + size <= walk->end;
}

/* Ends the walk's datagram after `length` bytes more; false when it would not have been so long. */
static __always_inline bool gray_limit(struct gray_walk *walk, __u32 length)
{
	if (walk->at + length > walk->wire)
		return false;
	walk->wire = walk->at + length;
	if (walk->end > walk->wire)
		walk->end = walk->wire;
	return true;
}

/* Reads what is next, and stays there; false when the datagram has not as much. */
#define gray_peek(ctx, walk, to) (gray_has(walk, sizeof(*(to))) && gray_read(ctx, (walk)->at, to))

/* Reads what is next, and goes on behind it. */
#define gray_take(ctx, walk, to)                                                                   \
	(gray_peek(ctx, walk, to) ? ((walk)->at += sizeof(*(to)), true) : false)
