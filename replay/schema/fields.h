// How a field of a type stands on the wire. Pure functions.
#pragma once

#include "replay/schema/types.h"
#include "replay/schema/wire.h"

namespace gray {

inline constexpr std::string_view kAnyType = "google.protobuf.Any";

WireType wire_type_of(FieldKind kind) noexcept;

/// Of those that a repeated field may pack.
bool is_scalar(WireType type) noexcept;

/// Whether it is what the type says, packed or not; else it is as a field that is not known.
bool fits(const FieldType& field, const WireField& found) noexcept;

}  // namespace gray
