// A file of descriptors of any bytes: refused as a user's mistake, or a schema that is compatible
// with itself and reads any message.
#include <google/protobuf/stubs/logging.h>

#include <algorithm>

#include "replay/schema/difference.h"
#include "replay/schema/proto_json.h"
#include "userspace/base/errors.h"
#include "userspace/base/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  google::protobuf::SetLogHandler(nullptr);  // it says on stderr what the exception says
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::shared_ptr<const Schema> schema;
  try {
    schema = read_schema(bytes, "x");
  } catch (const UsageError& error) {
    require(std::string_view(error.what()).starts_with("descriptors x: "), "a refusal says why");
    return 0;
  }
  for (const SchemaChange& change : schema_changes(*schema, *schema))
    require(!change.breaking, "a schema does not break itself");
  for (const auto& [name, type] : schema->messages) {
    require(
        std::is_sorted(type.fields.begin(), type.fields.end(),
                       [](const FieldType& a, const FieldType& b) { return a.number < b.number; }),
        "fields are found by number");
    for (const FieldType& field : type.fields) {
      const bool nested = field.kind == FieldKind::Message || field.kind == FieldKind::Group;
      require(nested == (field.message != nullptr), "a message has its type");
      require((field.kind == FieldKind::Enum) == (field.enumeration != nullptr), "so has an enum");
    }
    proto_json(schema.get(), &type, bytes);
  }
  return 0;
}
