// Length-prefixed messages: how gRPC cuts a body into messages. Pure functions over bytes that were
// received; any bytes may be put in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gray::grpc {

inline constexpr std::size_t kMessagePrefix = 5;  ///< a flag byte, four bytes of length

/// A view into the body.
struct MessageFrame {
  bool compressed = false;
  std::uint64_t offset = 0;  ///< of its five-byte prefix in the body
  std::string_view payload;
};

/// What a body is made of.
struct Framing {
  enum class Rest : std::uint8_t {
    None,     ///< the body ends with a message
    Cut,      ///< it ends within one
    BadFlag,  ///< something else follows: the flag byte is neither 0 nor 1
  };

  std::vector<MessageFrame> messages;  ///< the whole ones
  std::uint64_t framed = 0;            ///< bytes of them, prefixes included
  Rest rest = Rest::None;
};

/// Of "gRPC over HTTP2", Length-Prefixed-Message.
Framing read_framing(std::string_view body);

/// The whole messages at the front of `body`: stops before one that is cut, or whose flag byte is
/// neither 0 nor 1.
std::vector<MessageFrame> split_messages(std::string_view body);

/// Appends a message with its prefix; `payload` is shorter than 4 GiB.
void append_message(std::string& body, bool compressed, std::string_view payload);

}  // namespace gray::grpc
