// Content codings applied again, to send a body on in the coding it came in. Any thread may call.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "replay/content/coding.h"

namespace gray {

/// `codings` in the order in which they are applied. Nothing when out of memory, or when a body is
/// longer than its coder takes (4 GiB).
std::optional<std::string> encode(std::span<const Coding> codings, std::string_view bytes);

// At the levels that servers use for answers made on the fly.
std::optional<std::string> encode_gzip(std::string_view bytes);
std::optional<std::string> encode_deflate(std::string_view bytes);  ///< with zlib's header
std::optional<std::string> encode_brotli(std::string_view bytes);
std::optional<std::string> encode_zstd(std::string_view bytes);

}  // namespace gray
