// An HTTP/2 exchange read as a gRPC call ("gRPC over HTTP2"). Pure function.
#pragma once

#include <optional>

#include "replay/protocol/exchange.h"

namespace gray::grpc {

/// Absent when the request's content-type is not application/grpc, application/grpc+... or
/// application/grpc;... . `response` may be null. The status is looked for in the trailers, then in
/// the headers (a trailers-only response).
std::optional<GrpcCall> read_call(const Request& request, const Response* response);

}  // namespace gray::grpc
