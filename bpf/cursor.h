/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How the parsers read a header: by a bounds-checked pointer where it lies in the frame's first
 * piece, by a helper's copy where it lies in pages or fragments. Cannot read outside the frame.
 * Before including this file a program says what it is given: gray_context (xdp_md or __sk_buff)
 * and GRAY_LOAD_BYTES, the helper.
 */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/shared.h"

/* How far a pointer reaches: the verifier wants to know. What is beyond is copied. */
#define GRAY_MAX_DIRECT 0x7fff

struct gray_cursor { /* the frame that gray_decide() is asked about */
	struct gray_context *context;
	__u32 at;
	__u32 end;
};

/*
 * Reads sizeof(*to) bytes at `offset` of the frame, or says false. Most headers lie in the first
 * piece, and a look there costs a few instructions; a helper's call costs more than all else that
 * is done for a header. Packed headers are copied as if they were aligned: BPF may read a frame
 * unaligned, but clang does not know and would take it byte by byte. `to` is a variable of the
 * caller's, which stands on the stack.
 */
#define gray_read(ctx, offset, to)                                                                 \
	({                                                                                         \
		__u64 at_ = (offset);                                                              \
		bool near_ = at_ <= GRAY_MAX_DIRECT;                                               \
		bool read_ = true;                                                                 \
		void *from_;                                                                       \
                                                                                                   \
		/* The verifier needs the mask; clang, which knows `near_`, would leave it out. */ \
		asm volatile("%0 &= 0x7fff" : "+r"(at_));                                          \
		from_ = (void *)(long)(ctx)->data + at_;                                           \
		if (near_ && from_ + sizeof(*(to)) <= (void *)(long)(ctx)->data_end)               \
			__builtin_memcpy(to, __builtin_assume_aligned(from_, 8), sizeof(*(to)));   \
		else                                                                               \
			read_ = !GRAY_LOAD_BYTES(ctx, (__u32)(offset), to, sizeof(*(to)));         \
		read_;                                                                             \
	})
