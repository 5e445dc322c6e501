// What a decoder writes into: grows as bytes come, and never beyond what DecodeLimits allow.
#pragma once

#include <string>
#include <string_view>

#include "replay/content/decode.h"

namespace gray {

class BoundedOutput {
 public:
  BoundedOutput(const DecodeLimits& limits, std::size_t coded_bytes)
      : limits_(limits), coded_bytes_(coded_bytes) {}

  /// Null, or why no more is taken; what fits was appended then, too.
  const char* append(std::string_view bytes) {
    const std::size_t room = limits_.max_bytes - bytes_.size();
    bytes_.append(bytes.substr(0, room));
    if (bytes.size() > room) return kDecodedTooLarge;
    const bool free = bytes_.size() <= limits_.free_bytes;
    return free || bytes_.size() / limits_.max_ratio <= coded_bytes_ ? nullptr : kDecodedBomb;
  }

  std::size_t size() const noexcept { return bytes_.size(); }
  void clear() noexcept { bytes_.clear(); }
  std::string take() noexcept { return std::move(bytes_); }

 private:
  const DecodeLimits& limits_;
  std::size_t coded_bytes_;
  std::string bytes_;
};

}  // namespace gray
