// What changed from one set of descriptors to another, and whether those who speak the old one
// still understand those who speak the new one. Pure functions.
#pragma once

#include <set>
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
/// sfixed32; fixed64 and sfixed64). A removed field is compatible when its number is reserved; a
/// required one may neither come nor go. Only `packages` are looked at, which both have.
std::vector<SchemaChange> schema_changes(const Schema& before, const Schema& after,
                                         const std::set<std::string>& packages);
/// Of all packages that both have.
std::vector<SchemaChange> schema_changes(const Schema& before, const Schema& after);

/// Packages that both have; google.protobuf, which is nobody's own, is none.
std::set<std::string> shared_packages(const Schema& before, const Schema& after);

/// Two sets to be compared, and the packages of which the first is the newest before the second.
struct SchemaPair {
  std::size_t before;
  std::size_t after;
  std::set<std::string> packages;
};

/// `sets` in the order in which they were named, of any number of services: each package's versions
/// one after the other, whatever is named between them.
std::vector<SchemaPair> version_pairs(const std::vector<std::shared_ptr<const Schema>>& sets);

}  // namespace gray
