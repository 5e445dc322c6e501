// Writes into a frame and keeps account of what that does to the checksums around it. Inside of the
// Rewriter, which works from the innermost header outwards: so what was changed so far is always
// within what the next checksum covers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "userspace/packet/checksum.h"

namespace gray {

/// A change to a one's complement sum of 16-bit words, as a sum itself.
class SumChange {
 public:
  /// A byte at an even (the high byte) or odd distance from where the words begin.
  void replace(std::size_t at, std::uint8_t old_byte, std::uint8_t new_byte) noexcept {
    const unsigned shift = at & 1 ? 0 : 8;
    // 0xffff is zero here, so this is minus the old and plus the new.
    sum_ += 0xffffU - (unsigned{old_byte} << shift) + (unsigned{new_byte} << shift);
  }
  SumChange since(const SumChange& earlier) const noexcept {
    SumChange later;
    later.sum_ = sum_ - earlier.sum_;
    return later;
  }
  void add(const SumChange& other) noexcept { sum_ += other.sum_; }
  /// What `checksum` becomes whose words begin at an even or odd byte of what is counted here.
  std::uint16_t apply(std::uint16_t checksum, std::size_t start) const noexcept {
    std::uint16_t change = static_cast<std::uint16_t>(~checksum_finish(sum_));
    if (start & 1) change = static_cast<std::uint16_t>(change << 8 | change >> 8);
    return checksum_finish(std::uint64_t{static_cast<std::uint16_t>(~checksum)} + change);
  }
  bool none() const noexcept { return sum_ % 0xffff == 0; }

 private:
  std::uint64_t sum_ = 0;
};

class Editor {
 public:
  explicit Editor(std::span<std::uint8_t> frame) noexcept : frame_(frame) {}

  std::span<const std::uint8_t> bytes() const noexcept { return frame_; }
  bool has(std::size_t at, std::size_t count) const noexcept {
    return at <= frame_.size() && count <= frame_.size() - at;
  }
  std::uint8_t u8(std::size_t at) const noexcept { return frame_[at]; }
  std::uint16_t u16(std::size_t at) const noexcept {
    return static_cast<std::uint16_t>(frame_[at] << 8 | frame_[at + 1]);
  }

  // The caller has checked has().
  void put8(std::size_t at, std::uint8_t value) noexcept {
    changed_.replace(at, frame_[at], value);
    frame_[at] = value;
  }
  void put16(std::size_t at, std::uint16_t value) noexcept {
    put8(at, static_cast<std::uint8_t>(value >> 8));
    put8(at + 1, static_cast<std::uint8_t>(value));
  }
  void put(std::size_t at, std::span<const std::uint8_t> value) noexcept {
    for (const std::uint8_t byte : value) put8(at++, byte);
  }

  /// All that was put so far, in words from the frame's first byte on.
  const SumChange& changed() const noexcept { return changed_; }

 private:
  std::span<std::uint8_t> frame_;
  SumChange changed_;
};

}  // namespace gray
