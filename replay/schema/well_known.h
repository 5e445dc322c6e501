// The forms of their own that protobuf's JSON mapping gives to types of google.protobuf. What a
// form cannot hold (a time beyond the year 9999) has none: it is written as the fields it is. Pure
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "replay/schema/types.h"

namespace gray {

inline constexpr std::string_view kNullValue = "google.protobuf.NullValue";

/// Timestamp, Duration, FieldMask, Struct, Value, ListValue and the wrappers, when they have the
/// fields that they should have: a set of descriptors may say anything.
bool has_special_form(const MessageType& type);

/// "2026-01-02T03:04:05.120Z"
std::optional<std::string> timestamp_text(std::int64_t seconds, std::int32_t nanos);
/// "-1.500s"
std::optional<std::string> duration_text(std::int64_t seconds, std::int32_t nanos);
/// "fooBar" of "foo_bar", when that can be read back.
std::optional<std::string> field_path_text(std::string_view path);

}  // namespace gray
