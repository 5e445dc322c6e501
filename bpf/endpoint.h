/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Endpoints that are grayxdp's own or a canary's: what they send and get is never mirrored.
 */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/shared.h"

static __always_inline bool gray_same_address(const __u8 *a, const __u8 *b)
{
	__u64 left[2], right[2];

	__builtin_memcpy(left, a, 16);
	__builtin_memcpy(right, b, 16);
	return !((left[0] ^ right[0]) | (left[1] ^ right[1]));
}

static __always_inline bool gray_is_endpoint(const struct gray_endpoint *endpoint,
					     const struct gray_flow_key *key, int side)
{
	return (!endpoint->port || endpoint->port == key->port[side]) &&
	       gray_same_address(endpoint->addr, key->addr[side]);
}

/* The key need not be canonical. */
__noinline bool gray_excluded(const struct gray_config *now, const struct gray_flow_key *key)
{
	__u32 i;

	if (!now || !key)
		return false;
	for (i = 0; i < GRAY_MAX_EXCLUDES && i < now->exclude_count; i++)
		if (gray_is_endpoint(&now->excludes[i], key, 0) ||
		    gray_is_endpoint(&now->excludes[i], key, 1))
			return true;
	return false;
}
