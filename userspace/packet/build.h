// Frames for tests, layer by layer, right by default: lengths, next-header fields and checksums are
// filled in when the bytes are asked for.
//
//   PacketBuilder().eth().vlan(5).ipv4("10.0.0.1", "10.0.0.2").tcp(1234, 80).payload("GET").bytes()
//
// Tunnels nest: ….udp(40000, 4789).vxlan(42).eth().ipv4(…)….
// A call adds a layer or changes the one added last; what a test wants wrong it changes in the
// bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "userspace/packet/address.h"

namespace gray {

class PacketBuilder {
 public:
  using Bytes = std::vector<std::uint8_t>;

  /// `type` stands when no layer follows that says its own.
  PacketBuilder& eth(std::uint16_t type = 0);
  /// 802.1Q, or 802.1ad with `tpid` 0x88a8.
  PacketBuilder& vlan(std::uint16_t id, std::uint16_t tpid = 0x8100);

  PacketBuilder& ipv4(std::string_view source, std::string_view destination);
  /// Of the IPv4 layer added last; padded with zeros (end of options) to a multiple of 4, at most
  /// 40 bytes.
  PacketBuilder& options(const Bytes& options);
  /// `offset` in bytes, a multiple of 8. On IPv4 it changes the header; on IPv6 it adds a fragment
  /// header.
  PacketBuilder& fragment(std::uint16_t offset, bool more, std::uint32_t id = 1);
  PacketBuilder& ttl(std::uint8_t hops);

  PacketBuilder& ipv6(std::string_view source, std::string_view destination);
  /// An extension header of `proto` (hop-by-hop 0, routing 43, destination options 60, …) of
  /// 8 * (1 + extra) bytes; AH (51) of 8 + 4 * extra.
  PacketBuilder& extension(std::uint8_t proto, std::uint8_t extra = 0);
  /// What the IP or extension header before says when no layer follows that says its own.
  PacketBuilder& protocol(std::uint8_t proto);

  PacketBuilder& tcp(std::uint16_t source, std::uint16_t destination, std::uint8_t flags = 0x10);
  PacketBuilder& seq(std::uint32_t seq, std::uint32_t ack = 0);
  PacketBuilder& udp(std::uint16_t source, std::uint16_t destination);
  PacketBuilder& sctp(std::uint16_t source, std::uint16_t destination);
  PacketBuilder& icmp(std::uint8_t type = 8, std::uint8_t code = 0);
  PacketBuilder& icmpv6(std::uint8_t type = 128, std::uint8_t code = 0);

  /// One label of a stack; the last one before another layer is its bottom.
  PacketBuilder& mpls(std::uint32_t label);
  /// Behind udp(): RFC 7348, around eth().
  PacketBuilder& vxlan(std::uint32_t vni);
  /// Behind udp(): RFC 8926, around eth() or IP. `options` whole, a multiple of 4 bytes.
  PacketBuilder& geneve(std::uint32_t vni, const Bytes& options = {});
  /// Behind udp(): GTP-U's G-PDU, around IP. `extensions` from the first one on, the type of which
  /// is `first`; without any there are no optional fields.
  PacketBuilder& gtp(std::uint32_t teid, std::uint8_t first = 0, const Bytes& extensions = {});
  /// Behind IP, around IP, eth(), mpls() or erspan2(). Optional fields by the bits of RFC 2890:
  /// 0x8000 checksum, 0x2000 key, 0x1000 sequence number.
  PacketBuilder& gre(std::uint16_t flags = 0);
  /// Behind gre(0x1000): ERSPAN type II, around eth().
  PacketBuilder& erspan2(std::uint16_t session);

  PacketBuilder& payload(std::string_view text);
  PacketBuilder& payload(std::span<const std::uint8_t> bytes);
  /// `count` bytes that differ from their neighbours, so that a shifted copy shows.
  PacketBuilder& filler(std::size_t count);

  Bytes bytes() const;

 private:
  enum class Kind {
    Ethernet,
    Vlan,
    Mpls,
    Ipv4,
    Ipv6,
    Extension,
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmpv6,
    Geneve,
    Gtp,
    Gre,
    Opaque,  ///< a tunnel header that says nothing of what it carries
    Payload
  };
  struct Layer {
    Kind kind;
    Bytes header;
    std::uint16_t type = 0;   ///< EtherType or protocol by which the layer before calls this one
    std::uint16_t inner = 0;  ///< what it says itself when the next layer has no type
  };

  PacketBuilder& add(Kind kind, Bytes header, std::uint16_t type);
  Layer& last(Kind kind);
  void finish(std::size_t index, Bytes& frame, std::span<const std::size_t> starts) const;
  void finish_transport(std::size_t index, Bytes& frame, std::span<const std::size_t> starts) const;

  std::vector<Layer> layers_;
};

}  // namespace gray
