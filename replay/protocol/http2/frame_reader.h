// Cuts one direction of an HTTP/2 connection into frames (RFC 9113 section 4), however it comes in
// pieces: DATA goes on as it arrives, header blocks are joined, padding and priority are taken off.
// Survives gaps: inside of a frame it goes on, else it looks for the next frame. One thread;
// bounded; any bytes may be put in.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "replay/protocol/http2/charged_bytes.h"
#include "replay/protocol/http2/frame.h"
#include "replay/protocol/http2/frame_search.h"

namespace gray::http2 {

/// A header block: of HEADERS or PUSH_PROMISE with the CONTINUATION frames that belong to it.
struct BlockHead {
  FrameHeader frame;
  std::uint32_t promised = 0;  ///< stream of a PUSH_PROMISE
  std::uint64_t offset = 0;    ///< of the frame in its direction
  std::uint64_t begun_ns = 0;  ///< when its first byte came
  bool lost = false;           ///< not all bytes of the block are known
};

/// What a reader finds. Bytes are lent for the call.
class FrameSink {
 public:
  using Bytes = std::span<const std::uint8_t>;

  virtual ~FrameSink() = default;
  /// The client's preface; this side is the client.
  virtual void preface() noexcept = 0;
  /// `fragment` is empty when head.lost.
  virtual void block(const BlockHead& head, Bytes fragment, std::uint64_t now_ns) noexcept = 0;
  /// A piece of the content of a DATA frame, then its end.
  virtual void data(std::uint32_t stream, Bytes piece, std::uint64_t now_ns) noexcept = 0;
  virtual void data_end(const FrameHeader& frame, std::uint64_t now_ns) noexcept = 0;
  /// Bytes of a DATA frame were not captured.
  virtual void data_missing(std::uint32_t stream, std::uint64_t bytes) noexcept = 0;
  /// Any other frame, with its first kMaxControl bytes.
  virtual void control(const FrameHeader& frame, Bytes payload) noexcept = 0;
  /// Frames may have been missed.
  virtual void frames_lost() noexcept = 0;
};

class FrameReader {
 public:
  using Bytes = std::span<const std::uint8_t>;
  static constexpr std::size_t kMaxBlock = 256u << 10;
  static constexpr std::size_t kMaxControl = 1024;

  /// `from_start`: the first byte that is fed is the first that the side sent in HTTP/2.
  FrameReader(FrameSink& sink, MemoryBudget* budget, bool from_start) noexcept;

  void feed(Bytes bytes, std::uint64_t now_ns) noexcept;
  void gap(std::uint64_t length) noexcept;

  /// The receiver's SETTINGS_MAX_FRAME_SIZE.
  void allow_frame_size(std::uint32_t size) noexcept;
  /// Bytes that were passed over while looking for a frame.
  std::uint64_t skipped() const noexcept {
    return skipped_ + (state_ == State::Search ? search_.back() - offset_ : 0);
  }

 private:
  enum class State : std::uint8_t { Start, Preface, Head, Payload, Search };

  Bytes start(Bytes bytes) noexcept;
  Bytes run(Bytes bytes) noexcept;
  Bytes head(Bytes bytes) noexcept;
  Bytes payload(Bytes bytes) noexcept;
  void begin_frame() noexcept;
  void end_frame(Bytes whole) noexcept;
  void data(Bytes piece) noexcept;
  void block_frame(Bytes payload) noexcept;
  bool open_block(Bytes& payload) noexcept;
  void end_block(Bytes fragment) noexcept;
  void gap_in_payload(std::uint64_t length) noexcept;
  void lose() noexcept;
  Bytes search(Bytes bytes) noexcept;

  FrameSink& sink_;
  FrameSearch search_;
  ChargedBytes collected_;  // of a payload that came in pieces
  ChargedBytes fragment_;   // of a header block, from frames that ended
  std::array<std::uint8_t, kFrameHeader> head_{};
  FrameHeader frame_;
  BlockHead block_;
  std::uint64_t offset_ = 0;  // of the next byte; see search()
  std::uint64_t frame_offset_ = 0;
  std::uint64_t frame_ns_ = 0;
  std::uint64_t now_ns_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint32_t max_frame_ = kDefaultMaxFrame;
  std::uint32_t left_ = 0;       // bytes of the payload that have not come
  std::uint32_t data_left_ = 0;  // of these, content
  std::uint8_t have_ = 0;        // bytes of the head, or of the preface
  State state_ = State::Start;
  const bool from_start_;
  bool pad_next_ = false;  // the next byte says how long the padding is
  bool in_block_ = false;  // CONTINUATION has to follow
  bool damaged_ = false;   // bytes of this payload are missing or were not kept
};

}  // namespace gray::http2
