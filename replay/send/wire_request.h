// A request as bytes of HTTP/1 (RFC 9112). Nothing in a request can end a line, end the head or
// begin a second request: what could is refused, and the framing is always written anew.
#pragma once

#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"

namespace gray {

/// head, then the request's own body, then tail: the body is not copied.
struct WireRequest {
  std::string head;     ///< to the blank line; when chunked, also the size of the one chunk
  std::string tail;     ///< when chunked: the end of the chunk, the last one, and the trailers
  bool closes = false;  ///< the peer may not keep the connection after its answer
  std::string error;    ///< why it cannot be sent; empty when it can
};

/// Headers go out as given and in their order, but for: Content-Length and Transfer-Encoding, which
/// say what is really sent (chunked in one chunk when the request was chunked, and 1.1), and
/// Expect, which is left out. Host is added to a 1.1 request that has none. A request of HTTP/2
/// becomes one of 1.1: its cookies in one header, chunked when it has trailers; gRPC is refused.
/// Refused is what check_request() refuses (request_check.h).
WireRequest wire_request(const Request& request, std::string_view authority);
/// The same into `wire`, whose memory is used again.
void wire_request(const Request& request, std::string_view authority, WireRequest& wire);

}  // namespace gray
