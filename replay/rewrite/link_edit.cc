#include "replay/rewrite/link_edit.h"

#include <algorithm>
#include <cstring>

namespace gray {
namespace {

constexpr std::size_t kAddresses = 12;  // destination and source
constexpr std::size_t kEthernetHeader = 14;
constexpr std::size_t kTag = 4;
constexpr std::uint16_t kDot1q = 0x8100;

std::uint16_t get16(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void put16(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) noexcept {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

bool is_tag(std::uint16_t type) noexcept {
  return type == kDot1q || type == 0x88a8 || type == 0x9100;
}

void set_tag(const VlanTag& tag, std::span<std::uint8_t> frame) noexcept {
  std::uint32_t control = get16(frame, kAddresses + 2);
  if (tag.id) control = (control & 0xf000) | (*tag.id & 0x0fffU);
  if (tag.drop_eligible) control = (control & 0xefff) | (*tag.drop_eligible ? 0x1000U : 0U);
  if (tag.priority) control = (control & 0x1fff) | (*tag.priority & 7U) << 13;
  put16(frame, kAddresses + 2, control);
  if (tag.protocol) put16(frame, kAddresses, *tag.protocol);
}

std::size_t edit_tag(const RewriteOptions& options, std::span<std::uint8_t> room,
                     std::size_t length) noexcept {
  std::uint8_t* behind = room.data() + kAddresses;
  const bool tagged = is_tag(get16(room, kAddresses)) && length >= kEthernetHeader + kTag;
  switch (options.vlan) {
    case VlanAction::Keep:
      break;
    case VlanAction::Add:
      std::memmove(behind + kTag, behind, length - kAddresses);
      put16(room, kAddresses, kDot1q);
      put16(room, kAddresses + 2, 0);
      set_tag(options.vlan_tag, room);
      return length + kTag;
    case VlanAction::Delete:
      if (!tagged) break;
      std::memmove(behind, behind + kTag, length - kAddresses - kTag);
      return length - kTag;
    case VlanAction::Set:
      if (tagged) set_tag(options.vlan_tag, room);
      break;
  }
  return length;
}

void set_mac(const MacPair& macs, Way way, std::span<std::uint8_t> field) noexcept {
  const auto& mac = way == Way::ClientToServer ? macs.client_to_server : macs.server_to_client;
  if (mac) std::ranges::copy(*mac, field.begin());
}

}  // namespace

std::size_t edit_ethernet(const RewriteOptions& options, std::span<std::uint8_t> room,
                          std::size_t length, Way way) noexcept {
  if (length < kEthernetHeader) return length;
  const bool group = room[0] & 1;
  if (!(options.keep_group_macs && group)) set_mac(options.destination_mac, way, room.first(6));
  set_mac(options.source_mac, way, room.subspan(6, 6));
  return edit_tag(options, room, length);
}

}  // namespace gray
