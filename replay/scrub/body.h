// Request bodies, each by its type. What cannot be read is not let through.
#pragma once

#include "replay/protocol/exchange.h"
#include "replay/scrub/policy.h"

namespace gray {

/// A coded body (Content-Encoding) is decoded, scrubbed and coded again. Null when done; else a
/// name of replay/content/decode.h, "bad_json", "bad_form", "bad_multipart" or "opaque_body"
/// (neither of these, nor text).
const char* scrub_body(const Policy& policy, const Headers& headers, std::string& body);

/// By what the body is, when nothing says its type.
const char* scrub_untyped(const Policy& policy, std::string& body);

/// multipart/form-data (RFC 7578). Null, or one of the names above.
const char* scrub_multipart(const Policy& policy, std::string_view content_type, std::string& body);

/// "boundary" of `multipart/form-data; boundary="x"`; empty when there is none.
std::string header_parameter(std::string_view value, std::string_view name);

}  // namespace gray
