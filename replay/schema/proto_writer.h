// Writes one message as JSON: the walk behind proto_json(). Of one call and one thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/schema/proto_json.h"
#include "replay/schema/wire.h"

namespace gray {

class ProtoWriter {
 public:
  ProtoWriter(const Schema* schema, const ProtoJsonOptions& options)
      : schema_(schema), options_(options) {}

  bool message(const MessageType* type, std::string_view bytes);
  ProtoJson take() { return std::move(result_); }

 private:
  using Fields = std::vector<WireField>;

  std::string& out() { return result_.text; }
  bool members(const MessageType* type, std::string_view bytes, bool comma);
  bool any(const MessageType& type, std::string_view bytes);
  bool known(const FieldType& field, std::span<const WireField> found, bool& comma);
  bool unknown(const MessageType* type, std::span<const WireField> found, bool& comma);
  bool array(const FieldType& field, std::span<const WireField> found);
  bool map(const FieldType& field, std::span<const WireField> found);
  bool single(const FieldType& field, std::span<const WireField> found);
  std::string scalar(const FieldType& field, std::uint64_t value) const;
  std::string integer(std::string digits) const {
    return options_.plain_numbers ? digits : '"' + digits + '"';
  }
  bool guessed(const WireField& field);
  void key(std::string_view name, bool& comma);

  // Types of google.protobuf that have a form of their own (well_known.cc).
  enum class Special : std::uint8_t { Written, None, Failed };
  /// None: the type, or this message of it, is written as its fields.
  Special special(const MessageType& type, std::string_view bytes);
  Special special_value(const MessageType& type, const Fields& fields);

  const Schema* schema_;
  const ProtoJsonOptions& options_;
  ProtoJson result_;
  std::string place_ = "$";
  std::size_t depth_ = 0;
};

/// Of a oneof the last member counts, with what came since another one was there.
void drop_overwritten(const MessageType& type, std::vector<WireField>& fields);
std::string json_quoted(std::string_view text);

}  // namespace gray
