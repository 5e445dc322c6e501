// What a Rewriter is asked to do; tcprewrite's options by their names. Values are parsed and in
// host order.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "userspace/packet/address.h"

namespace gray {

using MacAddress = std::array<std::uint8_t, 6>;

struct CidrMap {
  Cidr from;
  Cidr to;  ///< of the same family; the bits behind its prefix stay the packet's own
};

struct PortMap {
  std::uint16_t first = 0;  ///< a range maps to one port, as in tcprewrite
  std::uint16_t last = 0;
  std::uint16_t to = 0;
};

/// A MAC address for each way. One alone stands for both ways.
struct MacPair {
  std::optional<MacAddress> client_to_server;
  std::optional<MacAddress> server_to_client;
};

enum class VlanAction : std::uint8_t { Keep, Add, Delete, Set };

/// What a changed or new tag holds; what is not given stays, or is 0 in a new tag.
struct VlanTag {
  std::optional<std::uint16_t> id;        ///< 0 to 4095
  std::optional<std::uint8_t> priority;   ///< 0 to 7
  std::optional<bool> drop_eligible;      ///< CFI in 802.1Q's older words
  std::optional<std::uint16_t> protocol;  ///< 0x8100 (802.1Q) or 0x88a8 (802.1ad)
};

/// A value set, or changed within the bounds of its field; it never wraps.
struct HopLimit {
  std::optional<std::uint8_t> set;
  int change = 0;  ///< -255 to 255; what was alive stays at least 1
};

struct Endpoints {
  IpAddress client;
  IpAddress server;
};

struct RewriteOptions {
  MacPair source_mac;                         ///< --enet-smac
  MacPair destination_mac;                    ///< --enet-dmac
  bool keep_group_macs = false;               ///< --skipl2broadcast
  std::vector<CidrMap> source_map;            ///< --srcipmap
  std::vector<CidrMap> destination_map;       ///< --dstipmap
  std::vector<CidrMap> pnat;                  ///< --pnat: of the client's side, or of both
  std::vector<CidrMap> pnat_server;           ///< a second --pnat: of the server's side
  std::optional<Endpoints> endpoints;         ///< --endpoints
  bool keep_group_addresses = false;          ///< --skipbroadcast
  std::vector<PortMap> port_map;              ///< --portmap: either side
  VlanAction vlan = VlanAction::Keep;         ///< --enet-vlan
  VlanTag vlan_tag;                           ///< --enet-vlan-tag, -pri, -cfi, -proto
  HopLimit ttl;                               ///< --ttl: IPv4 and IPv6
  std::optional<std::uint8_t> tos;            ///< --tos: IPv4
  std::optional<std::uint8_t> traffic_class;  ///< --tclass: IPv6
  std::optional<std::uint32_t> flow_label;    ///< --flowlabel: IPv6, 20 bits
  std::optional<std::uint64_t> seed;          ///< --seed: scramble addresses, inside tunnels too
  bool inner = false;                         ///< --inner: what tunnels carry, too
  bool fix_checksums = false;                 ///< --fixcsum: compute, do not update

  /// Addresses are changed, so a frame that cannot be followed must not be let through as it came.
  bool changes_addresses() const noexcept;
  /// A rule differs by the way a frame goes, so somebody must tell the Rewriter which it is.
  bool needs_way() const noexcept;
};

/// "10.0.0.0/8:192.168.0.0/16,[2001:db8::/32]:[2001:db9::/32]". Throws UsageError that names
/// `option`, as all of these do.
std::vector<CidrMap> parse_cidr_maps(std::string_view option, std::string_view text);
/// "80:8080,1000-1010:99"; "80,81:8080" maps both.
std::vector<PortMap> parse_port_maps(std::string_view option, std::string_view text);
/// "02:00:00:00:00:01" for both ways, "a,b" for client to server and back, ",b" for back alone.
MacPair parse_mac_pair(std::string_view option, std::string_view text);
/// "10.0.0.1:10.0.0.2", "[2001:db8::1]:[2001:db8::2]": the client's and the server's.
Endpoints parse_endpoints(std::string_view option, std::string_view text);
/// "64", "+1", "-1".
HopLimit parse_hop_limit(std::string_view option, std::string_view text);

}  // namespace gray
