// zstd, both ways (RFC 8878). Out: each block of a capture becomes a frame of its own, with its
// size and a checksum, so that what was written before a crash can be unpacked to the last whole
// frame. In: a stream of such frames, or whatever else calls itself zstd, within bounded memory.
// One thread uses an object.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "userspace/base/owned.h"

namespace gray {

class ZstdFrames {
 public:
  /// For blocks of at most `most` bytes. Throws std::bad_alloc.
  explicit ZstdFrames(std::size_t most);

  /// `bytes` as one frame, valid until the next call; empty when zstd is out of memory.
  std::span<const std::uint8_t> compress(std::span<const std::uint8_t> bytes) noexcept;

 private:
  Owned<ZSTD_CCtx, ZSTD_freeCCtx> context_;
  std::vector<std::uint8_t> out_;
};

class ZstdStream {
 public:
  /// Whether four bytes begin a zstd frame, or a skippable one.
  static bool is_magic(std::uint32_t magic) noexcept;

  /// Throws std::bad_alloc.
  ZstdStream();

  struct Progress {
    std::size_t taken = 0;  ///< of the input
    std::size_t made = 0;   ///< bytes of output
  };
  /// Unpacks what it can; after a complaint() nothing.
  Progress unpack(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) noexcept;

  /// The input may end here: between two frames.
  bool between_frames() const noexcept { return between_; }
  /// What is wrong with the stream; empty when nothing is.
  std::string_view complaint() const noexcept { return complaint_; }

 private:
  Owned<ZSTD_DCtx, ZSTD_freeDCtx> context_;
  bool between_ = true;
  std::string_view complaint_;
};

}  // namespace gray
