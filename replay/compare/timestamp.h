// Times as services write them. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gray {

/// UTC nanoseconds since 1970 of "2026-01-02T03:04:05.678Z" (RFC 3339, also with a space for the T
/// and without an offset, which is then UTC), of an HTTP date (RFC 9110 section 5.6.7, the
/// preferred form), or of a count since 1970 in s, ms, µs or ns between the years 2001 and 2100, by
/// its digits. Absent for everything else: a time of day alone, a date alone.
std::optional<std::int64_t> parse_time(std::string_view text) noexcept;
/// UTC nanoseconds since 1970 of the beginning of "2026-01-02", and of nothing else.
std::optional<std::int64_t> parse_date(std::string_view text) noexcept;

}  // namespace gray
