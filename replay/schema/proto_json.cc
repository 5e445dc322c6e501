#include "replay/schema/proto_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "replay/content/base64.h"
#include "replay/content/utf8.h"
#include "replay/schema/fields.h"
#include "replay/schema/proto_writer.h"
#include "replay/schema/well_known.h"

namespace gray {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxOutput = 64u << 20;

template <class Float>
std::string real(Float value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  return fmt::format("{}", value);
}

const char* kind_name(const WireField& field) noexcept {
  switch (field.type) {
    case WireType::Varint:
      return "varint";
    case WireType::Fixed64:
      return "fixed64";
    case WireType::Fixed32:
      return "fixed32";
    case WireType::Length:
      if (is_proto_text(field.bytes)) return "text";
      return is_wire_message(field.bytes) ? "message?" : "bytes";
    default:
      return "group";
  }
}

}  // namespace

std::string json_quoted(std::string_view text) {
  using Json = nlohmann::json;
  return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void drop_overwritten(const MessageType& type, std::vector<WireField>& fields) {
  struct Run {
    std::uint32_t number = 0;
    std::size_t begin = 0;
  };
  std::map<int, Run> runs;
  const auto member = [&](const WireField& field) -> const FieldType* {
    const FieldType* known = type.field(field.number);
    return known && known->oneof >= 0 && fits(*known, field) ? known : nullptr;
  };
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const FieldType* known = member(fields[i]);
    if (known && runs[known->oneof].number != known->number)
      runs[known->oneof] = {known->number, i};
  }
  if (runs.empty()) return;
  std::size_t index = 0;
  std::erase_if(fields, [&](const WireField& field) {
    const FieldType* known = member(field);
    return index++ < (known ? runs[known->oneof].begin : 0);
  });
}

void ProtoWriter::key(std::string_view name, bool& comma) {
  if (comma) out() += ',';
  comma = true;
  out() += json_quoted(name) + ':';
}

bool ProtoWriter::message(const MessageType* type, std::string_view bytes) {
  if (depth_ == kMaxDepth || out().size() > kMaxOutput) return false;
  ++depth_;
  const Special form = type ? special(*type, bytes) : Special::None;
  if (form == Special::Failed) return false;
  if (form == Special::None) {
    out() += '{';
    if (!members(type, bytes, false)) return false;
    out() += '}';
  }
  --depth_;
  return true;
}

// {"@type": URL, members of what is in it}; of a type that the set does not hold as it is.
bool ProtoWriter::any(const MessageType& type, std::string_view bytes) {
  WireReader reader(bytes);
  std::string_view url, value;
  for (WireField field; reader.next(field);)
    if (field.type == WireType::Length) (field.number == 1 ? url : value) = field.bytes;
  if (reader.bad()) return false;
  const MessageType* inside = schema_->message(url.substr(url.rfind('/') + 1));
  out() += '{';
  if (inside) {
    out() += "\"@type\":" + json_quoted(url);
    if (has_special_form(*inside)) {
      out() += ",\"value\":";
      if (!message(inside, value)) return false;
    } else if (!members(inside, value, true)) {
      return false;
    }
  } else if (!members(&type, bytes, false)) {
    return false;
  }
  out() += '}';
  return true;
}

bool ProtoWriter::members(const MessageType* type, std::string_view bytes, bool comma) {
  Fields fields;
  WireReader reader(bytes);
  for (WireField field; reader.next(field);) fields.push_back(field);
  if (reader.bad()) return false;
  if (type) drop_overwritten(*type, fields);
  const auto is_known = [&](const WireField& field) {
    const FieldType* known = type ? type->field(field.number) : nullptr;
    if (!known || !fits(*known, field)) return false;
    return !options_.doubt_messages || known->kind != FieldKind::Message ||
           is_wire_message(field.bytes);
  };
  std::stable_sort(fields.begin(), fields.end(), [&](const WireField& a, const WireField& b) {
    if (a.number != b.number) return a.number < b.number;
    return is_known(a) > is_known(b);
  });
  for (std::size_t i = 0; i < fields.size();) {
    const bool here = is_known(fields[i]);
    std::size_t end = i;
    while (end < fields.size() && fields[end].number == fields[i].number &&
           is_known(fields[end]) == here)
      ++end;
    const std::span<const WireField> found(&fields[i], end - i);
    if (!(here ? known(*type->field(fields[i].number), found, comma) : unknown(type, found, comma)))
      return false;
    i = end;
  }
  return true;
}

bool ProtoWriter::known(const FieldType& field, std::span<const WireField> found, bool& comma) {
  const WireField& last = found.back();
  const bool scalar_default = is_scalar(last.type) && last.value == 0;
  const bool text_default = last.type == WireType::Length && last.bytes.empty() && !field.message;
  if (!field.repeated && !field.presence && (scalar_default || text_default)) return true;
  key(field.name, comma);
  const std::size_t before = place_.size();
  place_ += '.' + field.name;
  const bool is_map = field.message && field.message->map_entry;
  const bool done = is_map           ? map(field, found)
                    : field.repeated ? array(field, found)
                                     : single(field, found);
  place_.resize(before);
  return done;
}

// A message that stands twice is one message with the fields of both.
bool ProtoWriter::single(const FieldType& field, std::span<const WireField> found) {
  const WireField& last = found.back();
  if (field.message) {
    if (found.size() == 1) return message(field.message, last.bytes);
    std::string merged;
    for (const WireField& part : found) merged += part.bytes;
    return message(field.message, merged);
  }
  if (field.kind == FieldKind::String)
    out() += json_quoted(last.bytes);
  else if (field.kind == FieldKind::Bytes)
    out() += '"' + base64_encode(last.bytes) + '"';
  else
    out() += scalar(field, last.value);
  return true;
}

bool ProtoWriter::array(const FieldType& field, std::span<const WireField> found) {
  const WireType type = wire_type_of(field.kind);
  const std::size_t before = place_.size();
  std::size_t count = 0;
  out() += '[';
  const auto comma = [&] {
    if (count++ > 0) out() += ',';
  };
  for (const WireField& element : found) {
    if (element.type == WireType::Length && is_scalar(type)) {
      WireReader packed(element.bytes);
      for (std::uint64_t value = 0; packed.next_value(type, value);) {
        comma();
        out() += scalar(field, value);
      }
      if (packed.bad()) return false;
      continue;
    }
    comma();
    place_ += fmt::format("[{}]", count - 1);
    if (!single(field, {&element, 1})) return false;
    place_.resize(before);
  }
  out() += ']';
  return true;
}

// Of one key the last value counts; keys in order, so that the same map is the same text.
bool ProtoWriter::map(const FieldType& field, std::span<const WireField> found) {
  const FieldType* key_type = field.message->field(1);
  const FieldType* value_type = field.message->field(2);
  if (!key_type || !value_type) return false;
  std::map<std::string, Fields> entries;
  for (const WireField& entry : found) {
    std::uint64_t number = 0;
    std::string_view text;
    Fields value;
    WireReader reader(entry.bytes);
    for (WireField part; reader.next(part);) {
      if (part.number == 1 && fits(*key_type, part)) number = part.value, text = part.bytes;
      if (part.number == 2 && fits(*value_type, part)) value.push_back(part);
    }
    if (reader.bad()) return false;
    std::string name(text);
    if (key_type->kind != FieldKind::String) {
      name = scalar(*key_type, number);
      std::erase(name, '"');
    }
    entries[name] = std::move(value);
  }
  out() += '{';
  bool comma = false;
  const std::size_t before = place_.size();
  for (auto& [name, value] : entries) {
    key(name, comma);
    if (value.empty()) {
      WireField missing;
      missing.type = wire_type_of(value_type->kind);
      value.push_back(missing);
    }
    place_ += '.' + name;
    if (!single(*value_type, value)) return false;
    place_.resize(before);
  }
  out() += '}';
  return true;
}

std::string ProtoWriter::scalar(const FieldType& field, std::uint64_t value) const {
  const auto low = static_cast<std::uint32_t>(value);
  switch (field.kind) {
    case FieldKind::Double:
      return real(std::bit_cast<double>(value));
    case FieldKind::Float:
      return real(std::bit_cast<float>(low));
    case FieldKind::Int64:
    case FieldKind::SFixed64:
      return integer(std::to_string(static_cast<std::int64_t>(value)));
    case FieldKind::UInt64:
    case FieldKind::Fixed64:
      return integer(std::to_string(value));
    case FieldKind::SInt64:
      return integer(std::to_string(zigzag(value)));
    case FieldKind::SInt32:
      return std::to_string(static_cast<std::int32_t>(zigzag(low)));
    case FieldKind::UInt32:
    case FieldKind::Fixed32:
      return std::to_string(low);
    case FieldKind::Bool:
      return value != 0 ? "true" : "false";
    case FieldKind::Enum: {
      if (field.enumeration->name == kNullValue) return "null";
      const auto number = static_cast<std::int32_t>(low);
      const auto name = field.enumeration->names.find(number);
      return name != field.enumeration->names.end() ? json_quoted(name->second)
                                                    : std::to_string(number);
    }
    default:
      return std::to_string(static_cast<std::int32_t>(low));
  }
}

bool ProtoWriter::unknown(const MessageType* type, std::span<const WireField> found, bool& comma) {
  const UnknownField field{type, found.front().number};
  if (type) {
    result_.unknown.insert(field);
    if (options_.only && !options_.only->contains(field) && !type->field(field.second)) {
      result_.left_out.push_back({place_, field});
      return true;
    }
  }
  std::map<std::string, Fields> kinds;
  for (const WireField& one : found) kinds[kind_name(one)].push_back(one);
  for (const auto& [kind, fields] : kinds) {
    key(fmt::format("{}:{}", field.second, kind), comma);
    const std::size_t before = place_.size();
    place_ += fmt::format(".{}", field.second);
    if (fields.size() > 1) out() += '[';
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i > 0) out() += ',';
      if (!guessed(fields[i])) return false;
    }
    if (fields.size() > 1) out() += ']';
    place_.resize(before);
  }
  return true;
}

bool ProtoWriter::guessed(const WireField& field) {
  if (is_scalar(field.type)) {
    out() += field.type == WireType::Fixed32 ? std::to_string(field.value)
                                             : integer(std::to_string(field.value));
    return true;
  }
  const bool text = field.type == WireType::Length && is_proto_text(field.bytes);
  if (text || (field.type == WireType::Length && !is_wire_message(field.bytes))) {
    out() += text ? json_quoted(field.bytes) : '"' + base64_encode(field.bytes) + '"';
    return true;
  }
  return message(nullptr, field.bytes);
}

bool is_proto_text(std::string_view bytes) noexcept {
  return is_utf8(bytes) && std::none_of(bytes.begin(), bytes.end(), [](char c) {
           return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
                  c == 0x7f;
         });
}

std::optional<ProtoJson> proto_json(const Schema* schema, const MessageType* type,
                                    std::string_view bytes, const ProtoJsonOptions& options) {
  ProtoWriter writer(schema, options);
  if (!writer.message(type, bytes)) return std::nullopt;
  return writer.take();
}

}  // namespace gray
