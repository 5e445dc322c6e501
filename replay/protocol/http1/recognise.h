// Whether bytes are the start of an HTTP/1 message: told by the start line, never by the port.
#pragma once

#include <cstdint>
#include <span>

#include "replay/protocol/registry.h"

namespace gray::http1 {

/// A whole request line (RFC 9112 section 3): a method in capitals, a target, "HTTP/1.1"; or one of
/// HTTP/0.9 with a well-known method.
Match recognise_request(std::span<const std::uint8_t> bytes) noexcept;
/// "HTTP/1.1 200" (RFC 9112 section 4).
Match recognise_response(std::span<const std::uint8_t> bytes) noexcept;
/// Either.
Match recognise(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace gray::http1
