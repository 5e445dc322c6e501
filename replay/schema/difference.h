// What changed from one set of descriptors to another, and whether those who speak the old one
// still understand those who speak the new one. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "replay/schema/types.h"

namespace gray {

struct SchemaChange {
  bool breaking = false;
  std::string place;   ///< "shop.v1.User.phone", "shop.v1.Colour.RED", "shop.v1.Shop/GetItem"
  std::string reason;  ///< "field 4 removed, its number not reserved"
};

/// Messages, fields, enums and methods, in order of their names. Judged by the wire format
/// (protobuf.dev, "Updating a message type"): a new field, message, enum value or method is
/// compatible, so is a new name of a field, and a type of the same group on the wire (int32,
/// uint32, int64, uint64, bool and enum; sint32 and sint64; string to bytes and back; fixed32 and
/// sfixed32; fixed64 and sfixed64). A removed field is compatible when its number is reserved. Only
/// packages that both have are looked at, and google.protobuf, which is nobody's own, is not.
std::vector<SchemaChange> schema_changes(const Schema& before, const Schema& after);

}  // namespace gray
