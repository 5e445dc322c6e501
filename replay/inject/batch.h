// Frames ready to be sent, in one piece of memory: the way from the thread that reads and rewrites
// to the one that sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gray {

struct ReadyFrame {
  std::uint64_t recorded_ns = 0;
  std::uint32_t offset = 0;  ///< in the batch's bytes
  std::uint32_t length = 0;
  std::uint8_t port = 0;  ///< 0, or 1 for the second interface
};

struct FrameBatch {
  std::vector<std::uint8_t> bytes;
  std::vector<ReadyFrame> frames;
  bool begins_round = false;  ///< its first frame is the first of the files

  std::span<const std::uint8_t> bytes_of(const ReadyFrame& frame) const noexcept {
    return {bytes.data() + frame.offset, frame.length};
  }
  void add(std::span<const std::uint8_t> frame, std::uint64_t recorded_ns, std::uint8_t port) {
    frames.push_back({recorded_ns, static_cast<std::uint32_t>(bytes.size()),
                      static_cast<std::uint32_t>(frame.size()), port});
    bytes.insert(bytes.end(), frame.begin(), frame.end());
  }
  void clear() noexcept {
    bytes.clear();
    frames.clear();
    begins_round = false;
  }
};

/// Where the sender gets its frames from.
class FrameFeed {
 public:
  virtual ~FrameFeed() = default;
  /// The next batch, lent until done(); null when there is none yet, or ever: see ended().
  virtual const FrameBatch* next() noexcept = 0;
  virtual void done(const FrameBatch* batch) noexcept = 0;
  virtual bool ended() const noexcept = 0;
};

}  // namespace gray
