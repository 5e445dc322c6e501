// From the link header to the IP header: Ethernet with VLAN tags, PPPoE and MPLS, BSD loopback,
// Linux cooked captures, raw IP.
#include <array>

#include "userspace/packet/layers.h"

namespace gray {
namespace {

constexpr std::uint32_t kEthernetHeader = 14;
constexpr std::uint32_t kVlanTag = 4;
constexpr std::uint32_t kMplsLabel = 4;
constexpr std::uint32_t kControlWord = 4;
constexpr std::uint32_t kPppoeHeader = 6;
constexpr std::uint32_t kSnapHeader = 8;
constexpr std::uint32_t kLoopbackHeader = 4;
constexpr std::uint32_t kSllHeader = 16;
constexpr std::uint32_t kSll2Header = 20;
constexpr std::uint16_t kArphrdNetlink = 824;  // there the protocol field is a netlink family

constexpr std::uint16_t kPppIpv4 = 0x0021;
constexpr std::uint16_t kPppIpv6 = 0x0057;
constexpr std::uint16_t kPppMpls = 0x0281;

Network stop(Odd odd) noexcept {
  return {.odd = odd, .vlan = 0, .ip = {}};
}

bool looks_like_ip(Piece data) noexcept {
  if (!data.has(1)) return false;
  const unsigned version = data.u8(0) >> 4;
  if (version == 4) return data.has(20) && (data.u8(0) & 0x0f) >= 5 && data.u16(2) <= data.wire;
  return version == 6 && data.has(40) && data.u16(4) + 40U <= data.wire;
}

bool looks_like_ethernet(Piece data) noexcept {
  if (!data.has(kEthernetHeader)) return false;
  switch (data.u16(12)) {
    case ether_type::kIpv4:
    case ether_type::kIpv6:
      return looks_like_ip(data.after(kEthernetHeader));
    case ether_type::kVlan:
    case ether_type::kQinq:
    case ether_type::kQinqOld:
      return true;
    default:
      return false;
  }
}

/// One walk over what is stacked in front of IP. Each header is a step, and their number is
/// bounded, as in the kernel's parser: what frames hold is hostile.
class Walk {
 public:
  Network ethernet(Piece frame) noexcept {
    if (!frame.has(kEthernetHeader)) return stop(Odd::Runt);
    tags_ = 0;
    return ether_type(frame.u16(12), frame.after(kEthernetHeader));
  }

  Network ether_type(std::uint16_t type, Piece data) noexcept {
    if (++steps_ > GRAY_MAX_LINK_STEPS) return stop(Odd::NotIp);
    switch (type) {
      case ether_type::kIpv4:
      case ether_type::kIpv6:
        return found(data);
      case ether_type::kVlan:
      case ether_type::kQinq:
      case ether_type::kQinqOld:
        return vlan(data);
      case ether_type::kMpls:
      case ether_type::kMplsMulticast:
        return mpls(data);
      case ether_type::kPppoeSession:
        return pppoe(data);
      case ether_type::kBridged:
        return ethernet(data);
      default:
        return type < ether_type::kLeastType ? llc(data) : stop(Odd::NotIp);
    }
  }

  Network ppp(Piece data) noexcept {
    if (data.has(2) && data.u16(0) == 0xff03) data = data.after(2);
    if (!data.has(1)) return stop(Odd::Runt);
    // Protocol field compression (RFC 1661 §6.5): an odd first byte is the whole field.
    const bool compressed = data.u8(0) & 1;
    if (!compressed && !data.has(2)) return stop(Odd::Runt);
    const std::uint16_t protocol = compressed ? data.u8(0) : data.u16(0);
    const Piece inside = data.after(compressed ? 1 : 2);
    if (protocol == kPppIpv4 || protocol == kPppIpv6) return found(inside);
    return protocol == kPppMpls ? mpls(inside) : stop(Odd::NotIp);
  }

 private:
  Network found(Piece ip) const noexcept { return {.odd = Odd::None, .vlan = vlan_, .ip = ip}; }
  Network stop(Odd odd) const noexcept { return {.odd = odd, .vlan = vlan_, .ip = {}}; }

  Network vlan(Piece data) noexcept {
    if (++tags_ > GRAY_MAX_VLANS) return stop(Odd::Vlan);
    if (!data.has(kVlanTag)) return stop(Odd::Runt);
    if (vlan_ == 0) vlan_ = data.u16(0) & 0x0fff;
    return ether_type(data.u16(2), data.after(kVlanTag));
  }

  /// A label stack does not say what follows it: IP by its version nibble, else an Ethernet
  /// pseudowire, with a control word (RFC 4448 §4.6) or without.
  Network mpls(Piece data) noexcept {
    unsigned labels = 0;
    for (bool bottom = false; !bottom; data = data.after(kMplsLabel)) {
      if (++labels > GRAY_MAX_MPLS_LABELS) return stop(Odd::NotIp);
      if (!data.has(kMplsLabel)) return stop(Odd::Runt);
      bottom = data.u8(2) & 1;
    }
    if (looks_like_ip(data)) return found(data);
    if (data.has(kControlWord) && data.u8(0) >> 4 == 0 &&
        looks_like_ethernet(data.after(kControlWord)))
      return ethernet(data.after(kControlWord));
    return looks_like_ethernet(data) ? ethernet(data) : stop(Odd::NotIp);
  }

  Network pppoe(Piece data) noexcept {
    if (!data.has(kPppoeHeader)) return stop(Odd::Runt);
    const std::uint16_t length = data.u16(4);
    const Piece session = data.after(kPppoeHeader);
    return length > session.wire ? stop(Odd::NotIp) : ppp(session.first(length));
  }

  /// IEEE 802.3 with LLC: only SNAP with an EtherType can hold IP.
  Network llc(Piece data) noexcept {
    constexpr std::array<std::uint8_t, 6> kSnap = {0xaa, 0xaa, 0x03, 0, 0, 0};
    if (!data.has(kSnapHeader)) return stop(Odd::NotIp);
    if (!std::equal(kSnap.begin(), kSnap.end(), data.bytes.begin())) return stop(Odd::NotIp);
    return ether_type(data.u16(6), data.after(kSnapHeader));
  }

  std::uint16_t vlan_ = 0;
  unsigned steps_ = 0;
  unsigned tags_ = 0;  ///< since the last Ethernet header
};

/// The family is written in the byte order of the machine that captured, and IPv6's number is
/// another one on each system; the version nibble behind it is the same everywhere.
Network open_loopback(Piece frame) noexcept {
  constexpr std::array<std::uint32_t, 6> kIpFamilies = {2, 10, 23, 24, 28, 30};
  if (!frame.has(kLoopbackHeader)) return stop(Odd::Runt);
  const std::uint32_t family = frame.u32(0);
  const std::uint32_t value = family > 0xffff ? __builtin_bswap32(family) : family;
  if (std::find(kIpFamilies.begin(), kIpFamilies.end(), value) == kIpFamilies.end())
    return stop(Odd::NotIp);
  return open_ip(frame.after(kLoopbackHeader));
}

Network open_cooked(Piece frame, std::uint32_t header, std::size_t protocol_at,
                    std::size_t arphrd_at) noexcept {
  if (!frame.has(header)) return stop(Odd::Runt);
  if (frame.u16(arphrd_at) == kArphrdNetlink) return stop(Odd::NotIp);
  return open_ether_type(frame.u16(protocol_at), frame.after(header));
}

}  // namespace

Network open_ethernet(Piece frame) noexcept {
  return Walk().ethernet(frame);
}

Network open_ether_type(std::uint16_t type, Piece data) noexcept {
  return Walk().ether_type(type, data);
}

Network open_ppp(Piece data) noexcept {
  return Walk().ppp(data);
}

Network open_ip(Piece data) noexcept {
  if (!data.has(1)) return stop(Odd::Runt);
  const unsigned version = data.u8(0) >> 4;
  if (version != 4 && version != 6) return stop(Odd::NotIp);
  return {.odd = Odd::None, .vlan = 0, .ip = data};
}

Network open_link(LinkType link, Piece frame) noexcept {
  switch (link) {
    case LinkType::Ethernet:
      return open_ethernet(frame);
    case LinkType::Null:
    case LinkType::Loop:
      return open_loopback(frame);
    case LinkType::Raw:
      return open_ip(frame);
    case LinkType::Ipv4:
      return open_ether_type(ether_type::kIpv4, frame);
    case LinkType::Ipv6:
      return open_ether_type(ether_type::kIpv6, frame);
    case LinkType::LinuxSll:
      return open_cooked(frame, kSllHeader, 14, 2);
    case LinkType::LinuxSll2:
      return open_cooked(frame, kSll2Header, 0, 8);
    case LinkType::WiresharkUpperPdu:  // has no IP header, and addresses where none is looked for
      break;
  }
  return stop(Odd::LinkType);
}

}  // namespace gray
