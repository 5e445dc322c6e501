// Reads the WebSocket frames of one direction (RFC 6455 section 5.2) and counts them. Keeps a
// frame's header and a close frame's first bytes, never a payload. After a gap that is not inside
// of one payload, or after a mistake, nobody knows where a frame begins: the rest is counted as
// unread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "replay/protocol/websocket_traffic.h"

namespace gray::websocket {

class FrameCounter {
 public:
  /// `masks` is what this side must do: the client's frames are masked, the server's are not.
  FrameCounter(WebSocketSide& side, bool masks) : side_(side), masks_(masks) {}

  void feed(std::span<const std::uint8_t> bytes) noexcept;
  void gap(std::uint64_t length) noexcept;

 private:
  static constexpr std::size_t kMaxHeader = 14;  // bytes: two, length, mask

  std::size_t header_size() const noexcept;
  void begin_frame() noexcept;
  void take_payload(std::span<const std::uint8_t> bytes) noexcept;
  void end_frame() noexcept;
  void flag(std::string_view anomaly) noexcept;

  bool final() const noexcept { return (header_[0] & 0x80) != 0; }
  std::uint8_t opcode() const noexcept { return header_[0] & 0x0f; }

  WebSocketSide& side_;
  const bool masks_;
  std::array<std::uint8_t, kMaxHeader> header_{};
  std::size_t have_ = 0;  // bytes of header_
  bool in_payload_ = false;
  std::uint64_t left_ = 0;   // bytes of the payload
  std::uint64_t taken_ = 0;  // bytes of it that were read
  std::uint16_t code_ = 0;   // of a close frame
  bool in_message_ = false;  // a data message is not finished
  bool compressed_ = false;  // it is compressed
  bool lost_ = false;
};

}  // namespace gray::websocket
