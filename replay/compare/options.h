// What a user, and the parts that know other kinds of bodies, ask of the comparing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "replay/compare/body_tree.h"
#include "replay/schema/schemas.h"

namespace gray {

struct CompareOptions {
  /// "status", "body", "header.date", "json.$.ts", "json.$.items[*].id", "json.$..ts"; what lies
  /// below an ignored value is ignored, too.
  std::vector<std::string> ignores = {};
  bool default_ignores = true;
  std::string rules = {};  ///< a file of rules (tools/grayxdp/docs/compare.md); empty: none

  /// With which gRPC messages are read; without any, by field number.
  std::shared_ptr<const CurrentSchemas> schemas = {};
  /// Kinds of bodies beside protobuf, JSON and forms, asked first, in this order.
  std::vector<BodyMaker> makers = {};
};

}  // namespace gray
