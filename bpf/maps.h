/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two maps that every program has, and counting. User space writes `config`, sums `counters`.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/shared.h"

struct { /* the one gray_config */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gray_config);
} config SEC(".maps");

struct { /* one array by enum gray_counter; each CPU counts for itself, without atomics */
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[GRAY_COUNTER_MAX]);
} counters SEC(".maps");

static __always_inline const struct gray_config *gray_config_now(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&config, &key);
}

/* This CPU's, for those who count several times a frame; 0 only for the verifier. */
static __always_inline __u64 *gray_counters_now(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&counters, &key);
}

static __always_inline void gray_count(__u32 counter, __u64 n)
{
	__u64 *counts = gray_counters_now();

	if (counts && counter < GRAY_COUNTER_MAX)
		counts[counter] += n;
}
