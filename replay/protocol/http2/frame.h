// HTTP/2 frames (RFC 9113 sections 4 and 6): the header, and how likely bytes are to be the start
// of frames, which is how a connection is recognised and found again in the middle. Pure functions
// over any bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "replay/protocol/registry.h"

namespace gray::http2 {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr std::size_t kFrameHeader = 9;             // bytes
inline constexpr std::uint32_t kDefaultMaxFrame = 16'384;  ///< SETTINGS_MAX_FRAME_SIZE, initially

enum class FrameType : std::uint8_t {
  Data,
  Headers,
  Priority,
  RstStream,
  Settings,
  PushPromise,
  Ping,
  Goaway,
  WindowUpdate,
  Continuation,
};

inline constexpr std::uint8_t kEndStream = 0x01;  // also ACK
inline constexpr std::uint8_t kAck = 0x01;
inline constexpr std::uint8_t kEndHeaders = 0x04;
inline constexpr std::uint8_t kPadded = 0x08;
inline constexpr std::uint8_t kPriority = 0x20;

struct FrameHeader {
  std::uint32_t length = 0;
  FrameType type{};
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  bool reserved = false;  ///< the bit that must be zero is one

  bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
};

/// A number in network order from the first bytes, of which there must be enough.
std::uint32_t read_u32(std::span<const std::uint8_t> bytes) noexcept;
/// Of the first nine bytes.
FrameHeader read_frame_header(std::span<const std::uint8_t> bytes) noexcept;

/// Whether a peer may send this: known types have the length and the kind of stream they need.
bool acceptable(const FrameHeader& header, std::uint32_t max_length) noexcept;

/// Whether frames start at the first byte: Yes when a run of at least two is there with little
/// doubt, No when it is none, More while it might become one. `alone`: one frame that ends where
/// the bytes end is enough, if it is of a kind that is not to be confused.
Match judge_frames(std::span<const std::uint8_t> bytes, bool alone) noexcept;

/// Whether a direction of a connection starts like HTTP/2: with the client's preface, or with
/// frames.
Match recognise(std::span<const std::uint8_t> first_bytes) noexcept;

}  // namespace gray::http2
