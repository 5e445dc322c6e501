// Headers as gRPC means them. Pure functions; any bytes may be in a header.
#pragma once

#include "replay/protocol/exchange.h"

namespace gray::grpc {

/// Whether the content-type is gRPC's.
bool says_grpc(const Headers& headers) noexcept;

/// gRPC's own libraries, once they know each other by a setting of HTTP/2, put the bytes of a -bin
/// header behind a NUL instead of in base64. Puts such values back into base64, unpadded: that is
/// what everyone understands, and what the same library says to others.
void put_binary_metadata_into_base64(Headers& headers);

}  // namespace gray::grpc
