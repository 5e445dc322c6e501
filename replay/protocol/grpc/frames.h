// Length-prefixed messages: how gRPC cuts a body into messages. Pure functions over bytes that were
// received; any bytes may be put in.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace gray::grpc {

/// A view into the body.
struct MessageFrame {
  bool compressed = false;
  std::uint64_t offset = 0;  ///< of its five-byte prefix in the body
  std::string_view payload;
};

/// The whole messages at the front of `body` ("gRPC over HTTP2", Length-Prefixed-Message: a flag
/// byte, four bytes of length in network order). Stops before one that is cut, or whose flag byte
/// is neither 0 nor 1.
std::vector<MessageFrame> split_messages(std::string_view body);

}  // namespace gray::grpc
