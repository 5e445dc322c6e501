// A captured frame, decoded: where its headers are, the innermost five-tuple, the payload. A Packet
// is a view into the frame's bytes and owns nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "bpf/shared.h"
#include "userspace/packet/address.h"
#include "userspace/packet/tunnel_options.h"

namespace gray {

/// LINKTYPE_* values (tcpdump.org/linktypes.html), as they stand in capture files.
enum class LinkType : std::uint16_t {
  Null = 0,  ///< BSD loopback: 4 bytes of address family in the writer's byte order
  Ethernet = 1,
  Raw = 101,  ///< IPv4 or IPv6, by version nibble
  Loop = 108,
  LinuxSll = 113,
  Ipv4 = 228,
  Ipv6 = 229,
  WiresharkUpperPdu = 252,  ///< no packets: bytes of an application (exported_pdu.h)
  LinuxSll2 = 276,
};

/// A frame as it came from a source: lent, valid until it is given back.
struct Frame {
  std::span<const std::uint8_t> bytes;  ///< captured bytes, from the link header on
  std::uint64_t time_ns = 0;            ///< UTC
  std::uint64_t tag = 0;                ///< flow tag, 0 when unknown
  std::uint32_t wire_len = 0;           ///< >= bytes.size()
  std::uint32_t interface = 0;          ///< index into the source's interfaces()
  LinkType link = LinkType::Ethernet;
  std::uint16_t queue = 0;
  std::uint8_t flags = 0;      ///< gray_frame_flags
  std::uint8_t direction = 0;  ///< gray_direction
  std::uint64_t cookie = 0;    ///< the source's own, to take the frame back by
};

enum TcpFlag : std::uint8_t {
  kTcpFin = 0x01,
  kTcpSyn = 0x02,
  kTcpRst = 0x04,
  kTcpPsh = 0x08,
  kTcpAck = 0x10,
  kTcpUrg = 0x20,
};

/// Why decoding stopped early. Names are the ledger's.
enum class Odd : std::uint8_t {
  None,
  Runt,           ///< shorter than its link header
  LinkType,       ///< a link type grayxdp does not read
  NotIp,          ///< ARP, LLDP, …: fine, but nothing to decode further
  Vlan,           ///< more than GRAY_MAX_VLANS tags in front of each other
  IpHeader,       ///< bad version, header length or total length
  Ipv6Extension,  ///< extension header chain cut or too long
  L4Header,       ///< TCP or UDP header cut or with an impossible length
  TunnelDepth,    ///< more tunnels in each other than are followed: the packet is such a one
  PduTags,        ///< an exported PDU whose tags are cut or have no end
  PduOfNoStream,  ///< one of no stream that is read: its dissector, not over TCP, no addresses
};
std::string_view to_string(Odd odd) noexcept;

struct Packet {
  Odd odd = Odd::None;
  bool is_ip = false;  ///< source and destination are set
  bool is_v4 = false;
  bool fragment = false;  ///< any fragment; payload is then its IP payload, has_tcp, has_udp false
  bool first_fragment = false;
  bool more_fragments = false;
  bool has_tcp = false;
  bool has_udp = false;
  std::uint8_t ip_proto = 0;
  std::uint8_t tcp_flags = 0;
  std::uint8_t ttl = 0;
  std::uint8_t tunnels = 0;  ///< how many were peeled
  std::uint16_t window = 0;
  std::uint32_t seq = 0;  ///< host order, valid with has_tcp
  std::uint32_t ack = 0;
  std::uint32_t fragment_id = 0;
  std::uint32_t fragment_offset = 0;  ///< bytes
  std::uint16_t ip_id = 0;
  std::uint16_t vlan = 0;  ///< outermost 802.1Q id, 0 without one
  Endpoint source;         ///< ports: of TCP, UDP, SCTP, and of a first fragment; else 0
  Endpoint destination;
  /// TCP/UDP payload as captured, without link padding. Later fragments: the IP payload.
  std::span<const std::uint8_t> payload;
  std::uint32_t payload_wire_len = 0;  ///< what the IP length says was there; >= payload.size()
  std::uint64_t time_ns = 0;           ///< UTC
  std::span<const std::uint8_t> l3;    ///< innermost IP header and all that follows it
};

/// Decodes `frame` down to the innermost TCP or UDP payload, through VLAN, QinQ, MPLS and tunnels.
/// Never throws, never reads outside frame.bytes; packet.odd says where it had to stop.
Packet decode(const Frame& frame, const TunnelOptions& tunnels = default_tunnels()) noexcept;

/// As decode(), for bytes that start with an IP header: a reassembled datagram.
Packet decode_ip(std::span<const std::uint8_t> ip, std::uint64_t time_ns,
                 const TunnelOptions& tunnels = default_tunnels()) noexcept;

/// The canonical flow key of a packet (bpf/shared.h) and whether its sender is endpoint 1 of it.
/// Only for packets with is_ip. Of a fragment it is the flow that FragmentTracker gives.
struct FlowKey {
  gray_flow_key key;
  bool reversed;
};
FlowKey flow_key(const Packet& packet) noexcept;

}  // namespace gray
