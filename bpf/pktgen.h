/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the packet generator's program and user space both know: the payload of its frames, its
 * orders and its counts. Multi-byte payload fields are in network order.
 */
#pragma once

#include <linux/types.h>

enum {
	PKTGEN_MAGIC = 0x67726179, /* "gray" */
	PKTGEN_MIN_SIZE = 60,	   /* Ethernet's least, without checksum */
	PKTGEN_MAX_SIZE = 3400,	   /* what fits a page beside headroom and the kernel's own */
	PKTGEN_PORTS = 50000,	   /* source ports of one address */
	PKTGEN_MAX_FLOWS = 10000000,
};

struct pktgen_payload { /* right behind the UDP header */
	__u32 magic;
	__u32 sequence; /* 0 … count - 1 */
	__u64 time_ns;	/* CLOCK_TAI when the frame left the program */
} __attribute__((packed));

struct pktgen_orders {
	__u64 count; /* frames to send in all */
	__u64 rate;  /* frames a second, 0: as fast as it goes */
	__u32 ifindex;
	__u32 flows;	/* five-tuples, by source port and address, in turn */
	__u32 first_ip; /* source address of the first PKTGEN_PORTS flows, in host order */
	__u16 first_port;
	__u16 ip_sum; /* the ones' complement sum of the IP header without the source address */
};

struct pktgen_state {
	__u64 started_ns; /* CLOCK_TAI at the first frame */
	__u64 last_ns;
	__u64 sent;
};
