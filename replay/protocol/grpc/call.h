// An HTTP/2 exchange read as a gRPC call ("gRPC over HTTP2"). Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "replay/protocol/exchange.h"

namespace gray::grpc {

/// Absent when the request's content-type is not application/grpc, application/grpc+... or
/// application/grpc;... . When HPACK cannot know the content-type, because the capture began after
/// it was put into the header table, a POST whose bodies are made of whole messages is taken for a
/// call, which says_grpc() (metadata.h) then denies of the request; what of its names and status is
/// not known stays empty. `response` may be null. The status is looked for in the trailers, then in
/// the headers (a trailers-only response).
std::optional<GrpcCall> read_call(const Request& request, const Response* response);

/// Of a grpc-timeout: up to eight digits and one of H M S m u n, hours to nanoseconds. Nothing when
/// it is none; the longest are above 584 years, and become that.
std::optional<std::uint64_t> timeout_ns(std::string_view text) noexcept;

/// "OK", "NOT_FOUND", … of the codes that gRPC knows; empty for others.
std::string_view status_name(int status) noexcept;

/// Which side may send any number of messages. Only descriptors tell it surely.
struct CallKind {
  bool client_streams = false;
  bool server_streams = false;
  /// "unary", "client_streaming", "server_streaming" or "bidi_streaming".
  std::string_view name() const noexcept;
  bool operator==(const CallKind&) const = default;
};

/// By what was seen: a side that sent other than one message in a call that went well streams; of
/// one that sent one message that is not known. So the answer is there only when both did.
std::optional<CallKind> kind_from_counts(const GrpcCall& call) noexcept;

}  // namespace gray::grpc
