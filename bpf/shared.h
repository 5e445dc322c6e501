/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs and user space both know: every structure that crosses the border is
 * defined here, once, for both compilers. Multi-byte fields are in host order unless the name or
 * comment says network order. Addresses are 16 bytes; IPv4 is written as ::ffff:a.b.c.d.
 */
#pragma once

#include <linux/types.h>

enum {
	GRAY_MAX_QUEUES = 64,
	GRAY_MAX_PROTOS = 4,
	GRAY_MAX_PORTS = 16,
	GRAY_MAX_NETS = 16,
	GRAY_MAX_EXCLUDES = 16,
	GRAY_MAX_VLANS = 2,
	GRAY_MAX_EXT_HEADERS = 8,
	GRAY_TAP_FRAME_SIZE = 4096, /* a UMEM frame; what is longer is counted as too_long */
	GRAY_MAX_SNAPLEN = 65535,
};

/*
 * The counters of a kernel stage, one list for the BPF map's index, the ledger's names and the
 * metric names. X(ID, name, kind): STAGE in and out, SELECT what the user asked not to have, LOSS
 * what he did not, NOTE things worth knowing that drop nothing.
 * In every program: SEEN = CAPTURED + all SELECT + all LOSS.
 */
#define GRAY_COUNTERS(X)                                                                           \
	X(SEEN, "seen", STAGE)                                                                     \
	X(CAPTURED, "captured", STAGE)                                                             \
	X(SEEN_BYTES, "seen_bytes", NOTE)                                                          \
	X(CAPTURED_BYTES, "captured_bytes", NOTE)                                                  \
	X(DISABLED, "disabled", SELECT)                                                            \
	X(FILTERED, "filtered", SELECT)                                                            \
	X(FRAGMENT, "fragment", SELECT)                                                            \
	X(MALFORMED, "malformed", SELECT)                                                          \
	X(EXCLUDED, "excluded", SELECT)                                                            \
	X(SAMPLED, "sampled", SELECT)                                                              \
	X(NO_SOCKET, "no_socket", LOSS)                                                            \
	X(TOO_LONG, "too_long", LOSS)                                                              \
	X(NO_META, "no_meta", LOSS)                                                                \
	X(RING_FULL, "ring_full", LOSS)                                                            \
	X(COPY_FAILED, "copy_failed", LOSS)                                                        \
	X(ODD_RUNT, "odd_runt", NOTE)                                                              \
	X(ODD_VLAN, "odd_vlan", NOTE)                                                              \
	X(ODD_IP, "odd_ip_header", NOTE)                                                           \
	X(ODD_EXT, "odd_ipv6_extension", NOTE)                                                     \
	X(ODD_L4, "odd_l4_header", NOTE)                                                           \
	X(FLOW_NEW, "flow_new", NOTE)                                                              \
	X(FLOW_FULL, "flow_full", NOTE)

enum gray_counter {
#define GRAY_COUNTER_ID(id, name, kind) GRAY_##id,
	GRAY_COUNTERS(GRAY_COUNTER_ID)
#undef GRAY_COUNTER_ID
		GRAY_COUNTER_MAX,
};

enum gray_direction {
	GRAY_DIR_UNKNOWN = 0, /* a tap: the wire does not say */
	GRAY_DIR_IN = 1,
	GRAY_DIR_OUT = 2,
};

enum gray_frame_flags {
	GRAY_F_FRAGMENT = 1 << 0, /* an IP fragment, first or later */
	GRAY_F_ODD = 1 << 1,	  /* could not be parsed to its ports; tag is 0 */
	GRAY_F_REVERSED = 1 << 2, /* sender is the second endpoint of the canonical flow key */
};

/*
 * Stands in front of every frame that leaves the kernel: in the XDP metadata area (tap), or at the
 * head of a ring-buffer record (host), there followed by cap_len bytes of frame.
 */
struct gray_frame_meta {
	__u64 time_ns; /* CLOCK_TAI at the hook */
	__u64 tag;     /* flow tag; 0 when the frame belongs to no flow */
	__u32 ifindex;
	__u32 wire_len; /* bytes on the wire (a GSO super-frame counts whole) */
	__u32 cap_len;	/* bytes that follow */
	__u16 queue;
	__u8 flags;	/* gray_frame_flags */
	__u8 direction; /* gray_direction */
};

/* Canonical: endpoint 0 is the lower one by (address, port), bytewise; all padding is zero. */
struct gray_flow_key {
	__u8 addr[2][16];
	__u16 port[2]; /* network order; ICMP: 0; a later fragment: 0 */
	__u8 proto;    /* IPPROTO_* */
	__u8 family;   /* 4 or 6 */
	__u8 pad[2];
};

struct gray_flow_side { /* what one endpoint sent */
	__u64 packets;
	__u64 bytes;
	__u64 first_ns; /* CLOCK_TAI */
	__u64 last_ns;
	__u32 tcp_flags; /* all flags seen, or-ed */
	__u32 pad;
};

struct gray_flow {
	struct gray_flow_key key;
	struct gray_flow_side side[2]; /* [0]: sent by endpoint 0 of the key */
	__u32 ifindex;
	__u32 pad;
};

struct gray_net {
	__u32 addr[4]; /* network order, already masked */
	__u32 mask[4];
};

struct gray_endpoint {
	__u8 addr[16];
	__u16 port; /* network order; 0 is any port */
	__u8 pad[6];
};

/*
 * The one entry of the `config` map; written whole, read by every frame, changeable while running.
 * Selection: a frame goes on when its protocol is one of protos, one of its ports is in ports and
 * one of its addresses in nets; an empty list asks nothing. Excludes are grayxdp's own traffic.
 */
struct gray_config {
	__u64 seed;	       /* of the flow tag; equal on all hosts that sample together */
	__u64 sample_max;      /* a flow is kept when tag <= sample_max; ~0 keeps all */
	__u32 enabled;	       /* the kill switch: 0 stops the mirror here */
	__u32 pass_unselected; /* tap: unselected frames go to the stack, not to /dev/null */
	__u32 snaplen;	       /* host: bytes copied of a frame at most */
	__u32 proto_count;
	__u32 port_count;
	__u32 net_count;
	__u32 exclude_count;
	__u32 pad;
	__u8 protos[GRAY_MAX_PROTOS];
	__u8 pad2[4];
	__u16 ports[GRAY_MAX_PORTS]; /* network order */
	struct gray_net nets[GRAY_MAX_NETS];
	struct gray_endpoint excludes[GRAY_MAX_EXCLUDES];
};

#ifdef __cplusplus
#define GRAY_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size))
#else
#define GRAY_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif
GRAY_ASSERT_SIZE(struct gray_frame_meta, 32);
GRAY_ASSERT_SIZE(struct gray_flow_key, 40);
GRAY_ASSERT_SIZE(struct gray_flow_side, 40);
GRAY_ASSERT_SIZE(struct gray_flow, 128);
GRAY_ASSERT_SIZE(struct gray_net, 32);
GRAY_ASSERT_SIZE(struct gray_endpoint, 24);
GRAY_ASSERT_SIZE(struct gray_config, 16 + 32 + 8 + 32 + 512 + 384);
