/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the receiver of the packet replay's benchmark and tests, and user space, both know.
 */
#pragma once

#include <linux/types.h>

enum {
	ARRIVALS_MAX = 1 << 20, /* records; frames beyond are only counted */
	ARRIVALS_SEQUENCE_AT =
		42, /* Ethernet, IPv4 and UDP without options: the first payload byte */
};

struct arrival {
	__u64 time_ns;	/* CLOCK_TAI when the program saw the frame */
	__u32 sequence; /* four bytes at ARRIVALS_SEQUENCE_AT, as they stand; 0 in shorter frames */
	__u32 length;	/* bytes */
};

struct arrival_count {
	__u64 frames;
	__u64 bytes;
	__u64 first_ns; /* CLOCK_TAI */
	__u64 last_ns;
};
