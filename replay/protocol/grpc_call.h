// What an exchange says when it is read as a gRPC call. A value; see replay/protocol/grpc/call.h
// for where it comes from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace gray {

/// Of "gRPC over HTTP2". Strings are as on the wire, and may be empty when not seen.
struct GrpcCall {
  std::string service;  ///< "pkg.Service"
  std::string method;
  std::optional<int> status;   ///< grpc-status; absent when the capture does not hold it
  std::string status_message;  ///< grpc-message, percent-decoded
  std::string timeout;         ///< grpc-timeout, such as "1500m"
  std::string request_encoding;
  std::string response_encoding;
  std::uint64_t request_messages = 0;  ///< whole ones
  std::uint64_t response_messages = 0;
};

}  // namespace gray
