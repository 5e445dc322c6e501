// Content codings (RFC 9110 section 8.4.1): their names, and the list of those that a body carries.
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "replay/protocol/exchange.h"

namespace gray {

enum class Coding : std::uint8_t { Gzip, Deflate, Brotli, Zstd };

inline constexpr std::size_t kMaxCodings = 4;  ///< in a row; nobody sends more than two

/// "gzip" and "x-gzip", "deflate", "br", "zstd", in any case. Nothing for any other name.
std::optional<Coding> coding_named(std::string_view name) noexcept;

/// Of a Content-Encoding value, in the order in which they were applied; identity is left out.
/// Nothing when one is unknown, or when there are more than kMaxCodings.
std::optional<std::vector<Coding>> parse_codings(std::string_view list);

/// Of all Content-Encoding fields together.
std::optional<std::vector<Coding>> content_codings(const Headers& headers);

}  // namespace gray
