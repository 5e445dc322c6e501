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
/// Expect, which is left out. Host is added to a 1.1 request that has none. Refused are a method or
/// header name that is no token, CR, LF or NUL in a value, white space or controls in the target,
/// versions but 1.0 and 1.1, and a body that is only a prefix.
WireRequest wire_request(const Request& request, std::string_view authority);

}  // namespace gray
