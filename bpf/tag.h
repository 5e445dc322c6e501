/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow tag: a keyed 64-bit mix of the canonical five-tuple. Both compilers build it from this
 * one text, so a frame has the same tag in the kernel, in user space and on every host that uses
 * the same seed. It spreads flows and samples them; it is no defence against an attacker who knows
 * the seed.
 */
#pragma once

#include "bpf/shared.h"

#ifdef __cplusplus
#define GRAY_INLINE inline
#else
#define GRAY_INLINE static __attribute__((always_inline)) inline
#endif

/* The finaliser of MurmurHash3 (public domain): every input bit reaches every output bit. */
GRAY_INLINE __u64 gray_mix(__u64 h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	h ^= h >> 33;
	return h;
}

/* Never 0, which means "no flow". The key is canonical (gray_flow_key). */
GRAY_INLINE __u64 gray_flow_tag(const struct gray_flow_key *key, __u64 seed)
{
	__u64 word[5];
	__u64 tag = seed ^ 0x9e3779b97f4a7c15ULL;
	int i;

	__builtin_memcpy(word, key, sizeof(word));
	for (i = 0; i < 5; i++)
		tag = gray_mix(tag ^ word[i]) + 0x9e3779b97f4a7c15ULL;
	tag = gray_mix(tag);
	return tag ? tag : 1;
}
