// What a user, and the parts that know other kinds of bodies, ask of the comparing.
#pragma once

#include <string>
#include <vector>

#include "replay/compare/body_tree.h"

namespace gray {

struct CompareOptions {
  /// "status", "body", "header.date", "json.$.ts", "json.$.items[*].id", "json.$..ts"; what lies
  /// below an ignored value is ignored, too.
  std::vector<std::string> ignores = {};
  bool default_ignores = true;
  std::string rules = {};  ///< a file of rules (tools/grayxdp/docs/compare.md); empty: none

  /// Kinds of bodies beside JSON and forms, asked first, in this order.
  std::vector<BodyMaker> makers = {};
};

}  // namespace gray
