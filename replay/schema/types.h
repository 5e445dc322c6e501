// What a FileDescriptorSet says, in tables made for reading messages fast: fields by number. Const
// once loaded; any thread may use it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/protocol/grpc/call.h"

namespace gray {

/// As FieldDescriptorProto.Type numbers them.
enum class FieldKind : std::uint8_t {
  Double = 1,
  Float,
  Int64,
  UInt64,
  Int32,
  Fixed64,
  Fixed32,
  Bool,
  String,
  Group,
  Message,
  Bytes,
  UInt32,
  Enum,
  SFixed32,
  SFixed64,
  SInt32,
  SInt64,
};

struct MessageType;

struct EnumType {
  std::string name;                           ///< "shop.v1.Colour"
  std::map<std::int32_t, std::string> names;  ///< of aliases the first
  std::map<std::string, std::int32_t> numbers;
};

struct FieldType {
  std::uint32_t number = 0;
  FieldKind kind = FieldKind::Int32;
  bool repeated = false;
  bool required = false;
  bool presence = false;  ///< a default value on the wire is not the same as nothing
  int oneof = -1;         ///< index of the oneof it is in
  std::string name;
  const MessageType* message = nullptr;   ///< of Message and Group
  const EnumType* enumeration = nullptr;  ///< of Enum
};

struct MessageType {
  std::string name;                           ///< "shop.v1.User"
  std::vector<FieldType> fields;              ///< by number
  std::vector<std::pair<int, int>> reserved;  ///< [first, end)
  std::set<std::string> reserved_names;
  bool map_entry = false;

  const FieldType* field(std::uint32_t number) const noexcept;
  const FieldType* field(std::string_view name) const noexcept;
};

struct MethodType {
  const MessageType* input = nullptr;
  const MessageType* output = nullptr;
  grpc::CallKind kind;
};

/// One set: types refer to types of the same set only, so that several versions of a package can
/// stand side by side.
struct Schema {
  std::set<std::string> packages;
  std::map<std::string, MessageType, std::less<>> messages;
  std::map<std::string, EnumType, std::less<>> enums;
  std::map<std::string, MethodType, std::less<>> methods;  ///< "shop.v1.Shop/GetItem"

  const MessageType* message(std::string_view name) const;
  const MethodType* method(std::string_view service, std::string_view method) const;
};

/// A serialized FileDescriptorSet with all it imports (protoc --include_imports
/// --descriptor_set_out). Throws UsageError, `name` first, when it is none or does not hold
/// together.
std::shared_ptr<const Schema> read_schema(std::string_view bytes, const std::string& name);

}  // namespace gray
