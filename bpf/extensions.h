/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The IPv6 extension headers (IANA's list) that the walk to the ports steps over, and AH behind
 * IPv4 with them; one list for the BPF programs and user space.
 */
#pragma once

#include <stdbool.h>

#include "bpf/tag.h"

/* Whether a header of this protocol number has another one behind it. */
GRAY_INLINE bool gray_is_extension(__u8 proto)
{
	switch (proto) {
	case 0:	  /* hop-by-hop options, RFC 8200 */
	case 43:  /* routing */
	case 44:  /* fragment */
	case 51:  /* AH, RFC 4302 */
	case 60:  /* destination options */
	case 135: /* mobility, RFC 6275 */
	case 139: /* HIP, RFC 7401 */
	case 140: /* Shim6, RFC 5533 */
		return true;
	}
	return false;
}
