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
	GRAY_MAX_LINK_STEPS = 16, /* EtherTypes on the way to an IP header */
	GRAY_MAX_MPLS_LABELS = 16,
	GRAY_MAX_GTP_EXTENSIONS = 8,
	GRAY_MAX_TUNNEL_DEPTH = 8,
	GRAY_MAX_TUNNEL_PORTS = 16,
	GRAY_MAX_FRAGMENTED = 8192, /* datagrams whose first fragment is remembered */
	GRAY_TAP_FRAME_SIZE = 4096, /* a UMEM chunk */
	GRAY_TAP_SMALL_FRAME_SIZE =
		2048,		 /* the same where no frame is longer than an MTU of 1500 */
	GRAY_TAP_HEADROOM = 256, /* of it, in front of the frame: XDP_PACKET_HEADROOM */
	GRAY_TAP_CHUNK = GRAY_TAP_FRAME_SIZE - GRAY_TAP_HEADROOM,
	GRAY_TAP_MAX_FRAME = 65536, /* in several chunks; what is longer is counted as too_long */
	GRAY_MAX_SNAPLEN = 65535,
	GRAY_FLOW_WAYS = 8, /* slots of a bucket of the flow table */
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
	X(FLOW_EVICTED, "flow_evicted", NOTE)                                                      \
	X(FLOW_FULL, "flow_full", NOTE)                                                            \
	X(FRAGMENT_ORPHAN, "fragment_orphan", NOTE)

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
	GRAY_F_HW_TIME = 1 << 3,  /* time_ns is the NIC's stamp, by a clock of its own */
};

/*
 * Stands in front of every frame that leaves the kernel: in the XDP metadata area (tap), or at the
 * head of a ring-buffer record (host), there followed by cap_len bytes of frame.
 */
struct gray_frame_meta {
	__u64 time_ns; /* CLOCK_TAI at the hook, or GRAY_F_HW_TIME */
	__u64 tag;     /* flow tag; 0 when the frame belongs to no flow */
	__u32 ifindex;
	__u32 wire_len; /* bytes on the wire (a GSO super-frame counts whole) */
	__u32 cap_len;	/* bytes that follow */
	__u16 queue;
	__u8 flags;	/* gray_frame_flags */
	__u8 direction; /* gray_direction */
};

/*
 * Canonical: endpoint 0 is the lower one by (address, port), bytewise; all padding is zero. Of the
 * innermost datagram that is reached by config.tunnel_depth.
 */
struct gray_flow_key {
	__u8 addr[2][16];
	__u16 port[2]; /* network order; ICMP: 0; a later fragment whose first is unknown: 0 */
	__u8 proto;    /* IPPROTO_* */
	__u8 family;   /* 4 or 6 */
	__u8 pad[2];
};

/*
 * What one endpoint of a flow has sent: what every frame changes. Frames of the two directions
 * often pass on different CPUs, so no cache line is written by both.
 */
struct gray_flow_side {
	__u64 tag; /* another than the flow's: this endpoint has sent nothing yet */
	__u64 last_ns;
	__u64 packets; /* and in the upper byte all TCP flags seen, or-ed */
	__u64 bytes;
};

struct gray_flow_id {	/* what is known from a flow's first frame on */
	__u64 tag;	/* 0: an empty slot */
	__u64 first_ns; /* CLOCK_TAI */
	struct gray_flow_key key;
	__u32 ifindex;
	__u8 first_side; /* which endpoint sent the first frame */
	__u8 icmp;	 /* 1: the first frame was an ICMP message of this type and code */
	__u8 icmp_type;
	__u8 icmp_code;
};

#define GRAY_FLOW_FLAGS_SHIFT 56 /* of packets */

struct gray_net {
	__u32 addr[4]; /* network order, already masked */
	__u32 mask[4];
};

struct gray_endpoint {
	__u8 addr[16];
	__u16 port; /* network order; 0 is any port */
	__u8 pad[6];
};

enum gray_tunnel { /* what is told by a UDP port */
		   GRAY_TUNNEL_NONE,
		   GRAY_TUNNEL_VXLAN,
		   GRAY_TUNNEL_GENEVE,
		   GRAY_TUNNEL_GTP,
		   GRAY_TUNNEL_TEREDO,
		   GRAY_TUNNEL_AYIYA,
};

struct gray_tunnel_port {
	__u16 port;  /* network order */
	__u8 kind;   /* gray_tunnel */
	__u8 either; /* as source, too: answers come from the port */
};

/* The bit of gray_config.tunnel_hint for a port in host order: most UDP datagrams miss them all. */
#define GRAY_TUNNEL_BIT(port) (1ULL << (((port) ^ (port) >> 6) & 63))

/*
 * The one entry of the `config` map; written whole, read by every frame, changeable while running.
 * Selection: a frame goes on when its protocol is one of protos, one of its ports is in ports and
 * one of its addresses in nets, all of them of the innermost flow, as the tag; an empty list asks
 * nothing. Excludes are grayxdp's own traffic, on whichever layer of tunnels it is seen.
 */
struct gray_config {
	__u64 seed;	       /* of the flow tag; equal on all hosts that sample together */
	__u64 sample_max;      /* a flow is kept when tag <= sample_max; ~0 keeps all */
	__u64 tunnel_hint;     /* GRAY_TUNNEL_BIT of every port of tunnel_ports */
	__u32 enabled;	       /* the kill switch: 0 stops the mirror here */
	__u32 pass_unselected; /* tap: unselected frames go to the stack, not to /dev/null */
	__u32 snaplen;	       /* host: bytes copied of a frame at most */
	__u32 proto_count;
	__u32 port_count;
	__u32 net_count;
	__u32 exclude_count;
	__u32 tunnel_depth; /* tunnels entered at most; 0: the outer flow is the flow */
	__u8 protos[GRAY_MAX_PROTOS];
	__u32 tunnel_port_count;
	__u16 ports[GRAY_MAX_PORTS]; /* network order */
	struct gray_net nets[GRAY_MAX_NETS];
	struct gray_endpoint excludes[GRAY_MAX_EXCLUDES];
	struct gray_tunnel_port tunnel_ports[GRAY_MAX_TUNNEL_PORTS]; /* the first that fits */
};

#ifdef __cplusplus
#define GRAY_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size))
#else
#define GRAY_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif
GRAY_ASSERT_SIZE(struct gray_frame_meta, 32);
GRAY_ASSERT_SIZE(struct gray_flow_key, 40);
GRAY_ASSERT_SIZE(struct gray_flow_side, 32);
GRAY_ASSERT_SIZE(struct gray_flow_id, 64);
GRAY_ASSERT_SIZE(struct gray_net, 32);
GRAY_ASSERT_SIZE(struct gray_endpoint, 24);
GRAY_ASSERT_SIZE(struct gray_tunnel_port, 4);
GRAY_ASSERT_SIZE(struct gray_config, 24 + 32 + 8 + 32 + 512 + 384 + 64);
