// Looks for the start of frames in the bytes of a direction whose frame boundaries are not known:
// joined in the middle, or after a gap. One thread. Keeps at most kMaxPending bytes, and looks at
// each byte a bounded number of times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "replay/protocol/http2/charged_bytes.h"

namespace gray::http2 {

class FrameSearch {
 public:
  /// More than three frames of the usual size: what must be there to judge a run of DATA.
  static constexpr std::size_t kMaxPending = 96u << 10;

  explicit FrameSearch(MemoryBudget* budget) noexcept : pending_(budget) {}

  /// Adds at most `bytes` and gives how many; the rest has to be added after find().
  std::size_t add(std::span<const std::uint8_t> bytes) noexcept;
  /// Where in pending() a run of frames starts; nothing when there is none yet.
  std::optional<std::size_t> find() noexcept;
  /// Everything in pending() before `at` is done with: find() goes on from there.
  void resume(std::size_t at) noexcept;
  /// Forgets all; the next byte that is added is at `offset` of its stream.
  void clear(std::uint64_t offset) noexcept;
  /// Forgets what can be no start any more.
  void drop() noexcept;

  std::span<const std::uint8_t> pending() const noexcept { return pending_.bytes(); }
  /// Offset in its stream of pending()'s first byte, and of the byte after its last.
  std::uint64_t front() const noexcept { return front_; }
  std::uint64_t back() const noexcept { return front_ + pending_.size(); }

 private:
  ChargedBytes pending_;
  std::vector<std::size_t> undecided_;  // offsets in pending_, ascending
  std::size_t scanned_ = 0;
  std::uint64_t front_ = 0;
};

}  // namespace gray::http2
