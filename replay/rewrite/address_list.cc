#include "replay/rewrite/address_list.h"

#include <netinet/in.h>

#include "replay/rewrite/extensions.h"

namespace gray {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNop = 1;
constexpr std::uint8_t kRecordRoute = 7;
constexpr std::uint8_t kTimestamp = 68;
constexpr std::uint8_t kLooseRoute = 131;
constexpr std::uint8_t kStrictRoute = 137;
constexpr std::uint8_t kHomeAddress = 0xc9;

/// RFC 791 §3.1. `pointer` counts from 1; behind it nothing has been recorded yet, but a source
/// route is filled from the start.
void list_route(Bytes frame, std::uint32_t at, std::uint32_t length, AddressList& list) noexcept {
  const std::uint8_t kind = frame[at];
  const std::uint32_t pointer = frame[at + 2];
  const bool recorded = kind == kRecordRoute || kind == kTimestamp;
  const std::uint32_t first = kind == kTimestamp ? 4 : 3;
  const std::uint32_t step = kind == kTimestamp ? 8 : 4;
  if (kind == kTimestamp && (length < 4 || (frame[at + 3] & 0x0f) == 0)) return;
  for (std::uint32_t slot = first; slot + 4 <= length; slot += step)
    if (!recorded || slot + 1 < pointer || (kind == kTimestamp && (frame[at + 3] & 0x0f) == 3))
      list.add(at + slot, End::Destination);
  if (!recorded && length >= 7 && pointer <= length) list.final_destination = at + length - 4;
}

void list_options(Bytes frame, const IpLayer& layer, AddressList& list) noexcept {
  const std::uint32_t end = layer.ip + layer.header;
  for (std::uint32_t at = layer.ip + 20; at < end;) {
    if (at >= frame.size()) return;
    const std::uint8_t kind = frame[at];
    if (kind == kOptionEnd) return;
    if (kind == kOptionNop) {
      ++at;
      continue;
    }
    const bool route =
        kind == kRecordRoute || kind == kTimestamp || kind == kLooseRoute || kind == kStrictRoute;
    if (at + 3 > end || at + 3 > frame.size() || frame[at + 1] < 2 || at + frame[at + 1] > end) {
      list.odd = route;  // whatever it is, only a broken route could hide an address
      return;
    }
    const std::uint32_t length = frame[at + 1];
    if (route && at + length > frame.size()) {
      list.odd = true;
      return;
    }
    if (route && length >= 3) list_route(frame, at, length, list);
    at += length;
  }
}

/// Types 0 (RFC 2460), 2 (RFC 6275) and 4 (RFC 8754) hold whole addresses; only type 4 lists the
/// final one first.
void list_routing(Bytes frame, const Extension& header, AddressList& list) noexcept {
  const std::uint8_t type = frame[header.at + 2];
  const std::uint8_t left = frame[header.at + 3];
  const std::uint32_t room = (header.length - 8) / 16;
  std::uint32_t count = room;
  if (type == 4) count = frame[header.at + 4] + 1U;
  if (type != 0 && type != 2 && type != 4) count = 0;
  if (count > room || (count == 0 && left != 0)) {
    list.odd = true;
    return;
  }
  for (std::uint32_t i = 0; i < count; ++i) list.add(header.at + 8 + i * 16, End::Destination);
  if (left != 0) list.final_destination = header.at + 8 + (type == 4 ? 0 : (count - 1) * 16);
}

void list_destination_options(Bytes frame, const Extension& header, AddressList& list) noexcept {
  const std::uint32_t end = header.at + header.length;
  for (std::uint32_t at = header.at + 2; at + 2 <= end;) {
    if (frame[at] == 0) {  // Pad1
      ++at;
      continue;
    }
    const std::uint32_t length = 2U + frame[at + 1];
    if (at + length > end) return;
    if (frame[at] == kHomeAddress && length == 18) {
      list.add(at + 2, End::Source);
      list.home_source = at + 2;
    }
    at += length;
  }
}

}  // namespace

AddressList list_addresses(Bytes frame, const IpLayer& layer) noexcept {
  AddressList list;
  if (layer.v4) {
    list_options(frame, layer, list);
    return list;
  }
  ExtensionChain chain(frame, frame[layer.ip + 6], layer.ip + layer.header);
  do {
    const Extension& header = chain.current();
    const bool holds = header.proto == IPPROTO_ROUTING || header.proto == IPPROTO_DSTOPTS;
    if (holds && !header.captured && header.at < frame.size()) list.odd = true;
    if (!holds || !header.captured) continue;
    if (header.proto == IPPROTO_ROUTING)
      list_routing(frame, header, list);
    else
      list_destination_options(frame, header, list);
  } while (chain.step());
  return list;
}

}  // namespace gray
