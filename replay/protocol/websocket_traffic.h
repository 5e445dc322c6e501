// What was said on a connection that changed to WebSocket (RFC 6455): counted, not kept. A value;
// see replay/protocol/websocket for where it comes from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gray {

/// What one side sent.
struct WebSocketSide {
  struct Count {
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;  ///< of payload
  };
  static constexpr std::size_t kOpcodes = 16;

  std::array<Count, kOpcodes> by_opcode{};  ///< section 5.2; whole frames, and parts of cut ones
  std::uint64_t messages = 0;               ///< whole data messages, of one frame or of several
  std::uint64_t compressed = 0;             ///< of these, how many had RSV1 set (RFC 7692)
  std::uint64_t unread = 0;   ///< bytes after a gap or a mistake, where frames are not known
  std::uint64_t missing = 0;  ///< bytes that were not captured
  std::optional<std::uint16_t> close_code;  ///< section 7.4; 1005 when its frame had none
  std::vector<std::string> anomalies;       ///< what is odd, each name once

  Count total() const noexcept {
    Count sum;
    for (const Count& count : by_opcode) {
      sum.frames += count.frames;
      sum.bytes += count.bytes;
    }
    return sum;
  }
};

struct WebSocketTraffic {
  std::string extensions;  ///< as the server agreed to, such as "permessage-deflate"
  WebSocketSide client;
  WebSocketSide server;
  std::uint64_t first_ns = 0;  ///< UTC, of the first frame; 0 without one
  std::uint64_t last_ns = 0;
};

/// "text", "ping", …; "reserved" for an opcode that RFC 6455 does not know.
std::string_view opcode_name(std::size_t opcode) noexcept;

}  // namespace gray
