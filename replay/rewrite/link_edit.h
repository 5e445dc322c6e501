// Changes an Ethernet header by the rules: MAC addresses and the outermost VLAN tag. Inside of the
// Rewriter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "replay/rewrite/options.h"
#include "replay/rewrite/way.h"

namespace gray {

/// The frame fills the first `length` bytes of `room`, which has kRewriteGrowth more when a tag is
/// to be added. Returns the frame's length afterwards. Frames that are cut within their Ethernet
/// header stay as they are; so do untagged ones where a tag is to be deleted or set.
std::size_t edit_ethernet(const RewriteOptions& options, std::span<std::uint8_t> room,
                          std::size_t length, Way way) noexcept;

}  // namespace gray
