#include "replay/scrub/proto_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "replay/schema/fields.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

/// What a rule says below a map or an Any cannot be known: keys, and types that come with the data.
bool names_field(const MessageType& type, std::string_view path) {
  if (type.map_entry) return true;
  const std::size_t dot = std::min(path.find('.'), path.size());
  const FieldType* field = type.field(path.substr(0, dot));
  if (!field) return false;
  if (dot == path.size()) return true;
  if (!field->message) return false;
  if (field->message->name == kAnyType) return true;
  return names_field(*field->message, path.substr(dot + 1));
}

bool names_field(const Schema& schema, const std::string& path) {
  for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1)) {
    const MessageType* type = schema.message(std::string_view(path).substr(0, dot));
    if (type && names_field(*type, std::string_view(path).substr(dot + 1))) return true;
  }
  return false;
}

}  // namespace

void check_proto_rules(const std::vector<std::string>& fields, const Schemas& schemas) {
  for (const std::string& field : fields) {
    if (schemas.empty())
      throw UsageError(
          fmt::format("scrubbing rule proto.{}: give --descriptors FILE, made with protoc "
                      "--include_imports --descriptor_set_out=FILE",
                      field));
    if (std::none_of(schemas.begin(), schemas.end(),
                     [&](const auto& schema) { return names_field(*schema, field); }))
      throw UsageError(
          fmt::format("scrubbing rule proto.{}: no such field in the --descriptors", field));
  }
}

}  // namespace gray
