/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where in a frame a parser stands, and how it reads a header there: an XDP program by
 * bounds-checked pointers, a tc program, whose frames may be paged, by copying. Neither can read
 * outside the frame.
 */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/shared.h"

/* No chain of headers that the parser accepts is longer; the verifier wants to know, too. */
#define GRAY_MAX_HEADERS 0x7fff

struct gray_cursor {
	void *context; /* xdp_md or __sk_buff */
	__u32 at;
	__u32 end; /* of the frame, later of the IP datagram in it */
};

static __always_inline bool gray_inside(const struct gray_cursor *cursor, __u32 size)
{
	return cursor->at <= GRAY_MAX_HEADERS && cursor->at + size <= cursor->end;
}

#ifdef GRAY_XDP_DIRECT
#define gray_load(cursor, to)                                                                      \
	({                                                                                         \
		struct xdp_md *xdp_ = (cursor)->context;                                           \
		void *data_end_ = (void *)(long)xdp_->data_end;                                    \
		typeof(to) from_ = (void *)(long)xdp_->data + ((cursor)->at & GRAY_MAX_HEADERS);   \
		bool inside_ =                                                                     \
			gray_inside(cursor, sizeof(*(to))) && (void *)(from_ + 1) <= data_end_;    \
		if (inside_)                                                                       \
			*(to) = *from_;                                                            \
		inside_;                                                                           \
	})
#else
#define gray_load(cursor, to)                                                                      \
	(gray_inside(cursor, sizeof(*(to))) &&                                                     \
	 !GRAY_LOAD_BYTES((cursor)->context, (cursor)->at, to, sizeof(*(to))))
#endif
