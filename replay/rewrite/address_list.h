// The addresses of a packet that stand behind its IP header's own two: in IPv4's route and
// timestamp options (RFC 791), IPv6 routing headers (RFC 8200 §4.4, 6275, 8754) and the home
// address option (RFC 6275 §6.3). Inside of the Rewriter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "replay/rewrite/address_map.h"
#include "replay/rewrite/frame_layers.h"

namespace gray {

struct AddressList {
  static constexpr std::size_t kMost = 128;  ///< a routing header holds 127
  struct Entry {
    std::uint32_t at;
    End end;
  };

  std::array<Entry, kMost> entries;
  std::size_t count = 0;
  std::uint32_t home_source = 0;        ///< what the pseudo-header takes for the source,
  std::uint32_t final_destination = 0;  ///< and for the destination; 0: the header's own
  bool odd = false;                     ///< some cannot be told, or are cut

  void add(std::uint32_t at, End end) noexcept {
    if (count == kMost)
      odd = true;
    else
      entries[count++] = {at, end};
  }
};

AddressList list_addresses(std::span<const std::uint8_t> frame, const IpLayer& layer) noexcept;

}  // namespace gray
