// Community ID v1 (github.com/corelight/community-id-spec), seed 0: the name of a flow that Zeek,
// Suricata and Wireshark know, too. Computed once a flow, never on the data path.
#pragma once

#include <cstdint>
#include <string>

#include "userspace/packet/packet.h"

namespace gray {

/// "1:" and the base64 of a SHA-1, equal for both directions. Ports count for TCP, UDP and SCTP;
/// for ICMP and ICMPv6 they are the message's type and code, and a request finds its answer's flow.
std::string community_id(std::uint8_t proto, const Endpoint& source, const Endpoint& destination);

/// Of a flow whose ports nobody knows: all its fragments but the first were seen.
std::string community_id_without_ports(std::uint8_t proto, const Endpoint& one,
                                       const Endpoint& other);

/// As above, with an ICMP message's type read from the payload; empty for what is not IP.
std::string community_id(const Packet& packet);

}  // namespace gray
