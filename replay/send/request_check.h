// Whether a request may be written at all: nothing in it can end a line, end the head or begin a
// second request.
#pragma once

#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"

namespace gray {

/// Why not, or empty: a method or header name that is no token, CR, LF or NUL in a value, white
/// space or controls in the target, a body that is only a prefix, headers that the capture does not
/// hold (Message::unknown_headers), a version but 1.0, 1.1 and 2.
std::string check_request(const Request& request);

/// Its media type is gRPC's.
bool is_grpc(const Request& request) noexcept;

}  // namespace gray
