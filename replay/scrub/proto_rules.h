// Whether rules for protobuf fields can be kept at all: a rule with a slip in its name would let a
// secret through without a word. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "replay/schema/schemas.h"

namespace gray {

/// `fields` as in rules, behind "proto.": "shop.v1.User.phone", or further down. Throws UsageError
/// that names the first one that no set has, or says that there is no set.
void check_proto_rules(const std::vector<std::string>& fields, const Schemas& schemas);

}  // namespace gray
