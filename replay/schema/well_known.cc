#include "replay/schema/well_known.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <chrono>
#include <cmath>

#include "replay/schema/fields.h"
#include "replay/schema/proto_writer.h"

namespace gray {
namespace {

constexpr std::string_view kPackage = "google.protobuf.";
constexpr std::int64_t kFirstSecond = -62'135'596'800;  // of the year 1
constexpr std::int64_t kLastSecond = 253'402'300'799;   // of the year 9999
constexpr std::int64_t kLongestSeconds = 315'576'000'000;
constexpr std::int32_t kNanos = 1'000'000'000;

std::string_view short_name(const MessageType& type) noexcept {
  const std::string_view name = type.name;
  return name.starts_with(kPackage) ? name.substr(kPackage.size()) : std::string_view();
}

bool is_wrapper(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 9> kWrappers{"DoubleValue", "FloatValue",  "Int64Value",
                                                      "UInt64Value", "Int32Value",  "UInt32Value",
                                                      "BoolValue",   "StringValue", "BytesValue"};
  for (const std::string_view wrapper : kWrappers)
    if (name == wrapper) return true;
  return false;
}

bool has(const MessageType& type, std::uint32_t number, FieldKind kind, bool repeated = false) {
  const FieldType* field = type.field(number);
  return field && field->kind == kind && field->repeated == repeated;
}

bool is_value(const MessageType& type) {
  return type.fields.size() == 6 && has(type, 1, FieldKind::Enum) &&
         has(type, 2, FieldKind::Double) && has(type, 3, FieldKind::String) &&
         has(type, 4, FieldKind::Bool) && has(type, 5, FieldKind::Message) &&
         has(type, 6, FieldKind::Message);
}

// As few digits as are needed of three, six or nine.
std::string fraction(std::int32_t nanos) {
  if (nanos == 0) return "";
  if (nanos % 1'000'000 == 0) return fmt::format(".{:03}", nanos / 1'000'000);
  if (nanos % 1'000 == 0) return fmt::format(".{:06}", nanos / 1'000);
  return fmt::format(".{:09}", nanos);
}

std::uint64_t last_value(std::span<const WireField> fields, std::uint32_t number) noexcept {
  std::uint64_t value = 0;
  for (const WireField& field : fields)
    if (field.number == number) value = field.value;
  return value;
}

std::optional<std::string> field_mask_text(std::span<const WireField> fields) {
  std::string text;
  for (const WireField& field : fields) {
    const auto path = field_path_text(field.bytes);
    if (!path) return std::nullopt;
    text += (text.empty() ? "" : ",") + *path;
  }
  return text;
}

}  // namespace

bool has_special_form(const MessageType& type) {
  const std::string_view name = short_name(type);
  if (name.empty()) return false;
  if (name == "Timestamp" || name == "Duration")
    return type.fields.size() == 2 && has(type, 1, FieldKind::Int64) &&
           has(type, 2, FieldKind::Int32);
  if (name == "FieldMask") return type.fields.size() == 1 && has(type, 1, FieldKind::String, true);
  if (name == "Struct" || name == "ListValue")
    return type.fields.size() == 1 && has(type, 1, FieldKind::Message, true) &&
           type.fields[0].message->map_entry == (name == "Struct");
  if (name == "Value") return is_value(type);
  return is_wrapper(name) && type.fields.size() == 1 && type.fields[0].number == 1 &&
         !type.fields[0].repeated && !type.fields[0].message;
}

std::optional<std::string> timestamp_text(std::int64_t seconds, std::int32_t nanos) {
  if (seconds < kFirstSecond || seconds > kLastSecond || nanos < 0 || nanos >= kNanos)
    return std::nullopt;
  using namespace std::chrono;
  const sys_seconds at{std::chrono::seconds(seconds)};
  const sys_days day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     fraction(nanos));
}

std::optional<std::string> duration_text(std::int64_t seconds, std::int32_t nanos) {
  if (seconds < -kLongestSeconds || seconds > kLongestSeconds || nanos <= -kNanos ||
      nanos >= kNanos || (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0))
    return std::nullopt;
  const bool negative = seconds < 0 || nanos < 0;
  return fmt::format("{}{}{}s", negative ? "-" : "", negative ? -seconds : seconds,
                     fraction(negative ? -nanos : nanos));
}

std::optional<std::string> field_path_text(std::string_view path) {
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if ((c >= 'A' && c <= 'Z') || c == ',') return std::nullopt;
    if (c != '_') {
      text += c;
      continue;
    }
    if (++i == path.size() || path[i] < 'a' || path[i] > 'z') return std::nullopt;
    text += static_cast<char>(path[i] - 'a' + 'A');
  }
  return text;
}

ProtoWriter::Special ProtoWriter::special(const MessageType& type, std::string_view bytes) {
  if (type.name == kAnyType && schema_)
    return any(type, bytes) ? Special::Written : Special::Failed;
  if (!has_special_form(type)) return Special::None;
  Fields fields;
  WireReader reader(bytes);
  for (WireField field; reader.next(field);) {
    const FieldType* known = type.field(field.number);
    if (!known || !fits(*known, field)) return Special::None;
    fields.push_back(field);
  }
  if (reader.bad()) return Special::Failed;
  drop_overwritten(type, fields);
  return special_value(type, fields);
}

ProtoWriter::Special ProtoWriter::special_value(const MessageType& type, const Fields& fields) {
  const std::string_view name = short_name(type);
  const auto text = [this](const std::optional<std::string>& form) {
    if (!form) return Special::None;
    out() += json_quoted(*form);
    return Special::Written;
  };
  const auto written = [](bool done) { return done ? Special::Written : Special::Failed; };
  if (name == "Timestamp" || name == "Duration") {
    const auto seconds = static_cast<std::int64_t>(last_value(fields, 1));
    const auto nanos = static_cast<std::int32_t>(last_value(fields, 2));
    return text(name == "Timestamp" ? timestamp_text(seconds, nanos)
                                    : duration_text(seconds, nanos));
  }
  if (name == "FieldMask") return text(field_mask_text(fields));
  if (name == "Struct") return written(map(type.fields[0], fields));
  if (name == "ListValue") return written(array(type.fields[0], fields));
  if (name == "Value") {
    const bool one = !fields.empty() && fields.front().number == fields.back().number;
    const bool real = one && fields.back().number == 2;
    if (!one || (real && !std::isfinite(std::bit_cast<double>(fields.back().value))))
      return Special::None;
    return written(single(*type.field(fields.back().number), fields));
  }
  WireField nought;
  nought.type = wire_type_of(type.fields[0].kind);
  return written(single(type.fields[0], {fields.empty() ? &nought : &fields.back(), 1}));
}

}  // namespace gray
