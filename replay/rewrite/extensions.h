// Steps over IPv6 extension headers (RFC 8200 §4), and over AH behind IPv4, in a packet whose chain
// read_ip() has found sound as far as it was captured. Inside of the Rewriter.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <span>

#include "bpf/extensions.h"

namespace gray {

/// One header of the chain; `at` is its offset, `proto` what it is.
struct Extension {
  std::uint32_t at;
  std::uint8_t proto;
  bool captured;         ///< wholly
  std::uint32_t length;  ///< when captured, else 0

  bool is_extension() const noexcept { return gray_is_extension(proto); }
};

class ExtensionChain {
 public:
  ExtensionChain(std::span<const std::uint8_t> frame, std::uint8_t proto, std::uint32_t at) noexcept
      : frame_(frame), current_(look(proto, at)) {}

  const Extension& current() const noexcept { return current_; }
  /// False at the upper-layer header, at the end of what was captured, behind the fragment header
  /// of a later fragment, and after more headers than decode() reads.
  bool step() noexcept {
    if (!current_.is_extension() || !current_.captured || ++count_ > GRAY_MAX_EXT_HEADERS)
      return false;
    if (later_fragment()) return false;
    current_ = look(frame_[current_.at], current_.at + current_.length);
    return true;
  }
  bool later_fragment() const noexcept {
    return current_.proto == IPPROTO_FRAGMENT && current_.captured &&
           ((frame_[current_.at + 2] << 8 | frame_[current_.at + 3]) & 0xfff8) != 0;
  }

 private:
  Extension look(std::uint8_t proto, std::uint32_t at) const noexcept {
    Extension extension{.at = at, .proto = proto, .captured = false, .length = 0};
    if (!extension.is_extension() || at + 8 > frame_.size()) return extension;
    std::uint32_t length = (frame_[at + 1] + 1U) * 8;
    if (proto == IPPROTO_FRAGMENT) length = 8;
    if (proto == IPPROTO_AH) length = (frame_[at + 1] + 2U) * 4;
    extension.captured = at + length <= frame_.size();
    extension.length = length;
    return extension;
  }

  std::span<const std::uint8_t> frame_;
  Extension current_;
  unsigned count_ = 0;
};

}  // namespace gray
