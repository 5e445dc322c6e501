// Messages as JSON, with the field names of the .proto file: for people, and for comparing as
// trees. Follows protobuf's JSON mapping but for what says so here. Bounded in depth and output.
//
// What a type does not know, or when there is no type, is named by number and kind: "7:varint",
// "7:fixed64", "7:fixed32", "7:text", "7:message?" (a guess: bytes that read as fields and as no
// text), "7:bytes" (base64), "7:group".
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/schema/types.h"

namespace gray {

/// A field that the type of the message it stands in does not know.
using UnknownField = std::pair<const MessageType*, std::uint32_t>;

struct LeftOut {
  std::string parent;  ///< the place of the message it stands in: "$.a[0]"
  UnknownField field;
};

struct ProtoJsonOptions {
  /// 64-bit integers as numbers: exact in JSON's text, and compared by value. Else as strings,
  /// which protobuf's mapping wants for JavaScript's sake.
  bool plain_numbers = false;
  /// When set, of the unknown fields of known types only these are written; those that the type
  /// has, of another kind, are written all the same.
  const std::set<UnknownField>* only = nullptr;
  /// What should be a message and does not read as one is an unknown field, as if its type had
  /// changed, rather than a reason to give up.
  bool doubt_messages = false;
};

struct ProtoJson {
  std::string text;
  std::set<UnknownField> unknown;
  std::vector<LeftOut> left_out;  ///< those that `only` does not name
};

/// Nothing when `bytes` are no message. `type` may be null, `schema` is where Any is looked up.
std::optional<ProtoJson> proto_json(const Schema* schema, const MessageType* type,
                                    std::string_view bytes, const ProtoJsonOptions& options = {});

/// UTF-8 without control characters other than tab and line ends: what is read as text, not bytes.
bool is_proto_text(std::string_view bytes) noexcept;

}  // namespace gray
