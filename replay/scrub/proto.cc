#include "replay/scrub/proto.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "replay/content/encode.h"
#include "replay/content/grpc_messages.h"
#include "replay/content/utf8.h"
#include "replay/protocol/grpc/frames.h"
#include "replay/schema/fields.h"
#include "replay/scrub/body.h"
#include "replay/scrub/encoded.h"

namespace gray {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kShortestNumber = 8;  // that any pattern knows
constexpr std::uint64_t kLargestExact = std::uint64_t{1} << 53;

using Inherited = std::optional<Treatment>;
using Places = std::vector<std::string>;

class Walker {
 public:
  Walker(const Policy& policy, const Schema* schema, bool for_showing)
      : policy_(policy), schema_(schema), for_showing_(for_showing) {}

  bool message(const MessageType* type, std::string_view bytes, const Places& above,
               const Inherited& inherited, std::string& out);
  const char* refused() const noexcept { return refused_; }

 private:
  bool refuse(const char* name) {
    refused_ = name;
    return false;
  }
  bool field(WireField field, const FieldType* known, const MessageType* inside,
             const Places& places, const Inherited& treatment, std::string& out);
  bool length(const WireField& field, const FieldType* known, const MessageType* inside,
              const Places& places, const Inherited& treatment, std::string& out);
  bool packed(const WireField& field, const FieldType& known, const Inherited& treatment,
              std::string& out);
  bool text(std::string& value, const Inherited& treatment);
  std::uint64_t number(FieldKind kind, std::uint64_t value, const Inherited& treatment);
  std::string redacted(const Inherited& treatment, const std::string& digits) const;

  const Policy& policy_;
  const Schema* schema_;
  bool for_showing_;
  std::size_t depth_ = 0;
  const char* refused_ = nullptr;
};

/// Of an Any the type of what is in it.
const MessageType* type_in_any(const Schema* schema, std::string_view bytes) {
  WireReader reader(bytes);
  std::string_view url;
  for (WireField field; reader.next(field);)
    if (field.number == 1) url = field.bytes;
  return schema ? schema->message(url.substr(url.rfind('/') + 1)) : nullptr;
}

/// The key of a map's entry, which names its value.
std::string_view key_of(const MessageType& entry, std::string_view bytes) {
  const FieldType* key = entry.field(std::uint32_t{1});
  std::string_view name;
  if (!key || key->kind != FieldKind::String) return name;
  WireReader reader(bytes);
  for (WireField field; reader.next(field);)
    if (field.number == 1) name = field.bytes;
  return name;
}

bool Walker::message(const MessageType* type, std::string_view bytes, const Places& above,
                     const Inherited& inherited, std::string& out) {
  if (depth_ == kMaxDepth) return refuse("bad_proto");
  ++depth_;
  Places places = above;
  if (type && policy_.has_proto_rules()) places.push_back(type->name);
  const bool any = type && type->name == kAnyType;
  const MessageType* in_any = any ? type_in_any(schema_, bytes) : nullptr;
  const std::string_view key = type && type->map_entry ? key_of(*type, bytes) : "";
  WireReader reader(bytes);
  for (WireField one; reader.next(one);) {
    const FieldType* known = type ? type->field(one.number) : nullptr;
    if (known && !fits(*known, one)) known = nullptr;
    const bool value = !key.empty() && one.number == 2;
    const bool in_value = any && one.number == 2;
    if (in_value) known = nullptr;
    Inherited treatment = inherited;
    if (known) treatment = policy_.proto(places, value ? key : known->name, inherited);
    if (treatment && treatment->action == Action::Drop) continue;
    if (treatment && treatment->action == Action::Keep) {
      append_field(out, one);
      continue;
    }
    Places inner = places;
    if (known)
      for (std::string& place : inner) place += '.' + known->name;
    const MessageType* inside = in_value ? in_any : known ? known->message : nullptr;
    if (!field(one, known, inside, inner, treatment, out)) return false;
  }
  --depth_;
  return reader.bad() ? refuse("bad_proto") : true;
}

bool Walker::field(WireField field, const FieldType* known, const MessageType* inside,
                   const Places& places, const Inherited& treatment, std::string& out) {
  std::string replaced;
  switch (field.type) {
    case WireType::Length:
      if (!length(field, known, inside, places, treatment, replaced)) return false;
      field.bytes = replaced;
      break;
    case WireType::Group:
      if (!message(inside, field.bytes, places, treatment, replaced)) return false;
      field.bytes = replaced;
      break;
    default: {
      // Without a type, a 64-bit word that is no small integer is a floating-point number.
      const bool whole = field.type != WireType::Fixed64 || field.value < kLargestExact / 2;
      const FieldKind guess = field.type == WireType::Fixed32 ? FieldKind::Fixed32
                              : whole                         ? FieldKind::Int64
                                                              : FieldKind::Double;
      field.value = number(known ? known->kind : guess, field.value, treatment);
    }
  }
  append_field(out, field);
  return true;
}

bool Walker::length(const WireField& field, const FieldType* known, const MessageType* inside,
                    const Places& places, const Inherited& treatment, std::string& out) {
  if (inside) return message(inside, field.bytes, places, treatment, out);
  if (known && is_scalar(wire_type_of(known->kind))) return packed(field, *known, treatment, out);
  const bool is_string = known && known->kind == FieldKind::String && is_utf8(field.bytes);
  const bool readable = is_string || is_proto_text(field.bytes);
  if (!known && !readable && is_wire_message(field.bytes))
    return message(nullptr, field.bytes, places, treatment, out);
  if (!readable && !treatment && !for_showing_) return refuse("opaque_body");
  out = field.bytes;
  return text(out, readable || treatment ? treatment : Treatment{Action::Hash});
}

bool Walker::text(std::string& value, const Inherited& treatment) {
  if (treatment)
    value = policy_.redactor().redact(*treatment, value);
  else
    scrub_value(policy_, Part::Body, value);
  return true;
}

bool Walker::packed(const WireField& field, const FieldType& known, const Inherited& treatment,
                    std::string& out) {
  const WireType type = wire_type_of(known.kind);
  WireReader reader(field.bytes);
  for (std::uint64_t value = 0; reader.next_value(type, value);) {
    const std::uint64_t scrubbed = number(known.kind, value, treatment);
    if (type == WireType::Varint)
      append_varint(out, scrubbed);
    else
      append_fixed(out, type, scrubbed);
  }
  return reader.bad() ? refuse("bad_proto") : true;
}

/// As a whole number, when it is one that people would write down.
std::optional<std::int64_t> whole_number(FieldKind kind, std::uint64_t value) {
  const auto from_real = [](double real) -> std::optional<std::int64_t> {
    if (std::trunc(real) != real || std::abs(real) >= 9e18) return std::nullopt;
    return static_cast<std::int64_t>(real);
  };
  switch (kind) {
    case FieldKind::Double:
      return from_real(std::bit_cast<double>(value));
    case FieldKind::Float:
      return from_real(std::bit_cast<float>(static_cast<std::uint32_t>(value)));
    case FieldKind::SInt32:
    case FieldKind::SInt64:
      return zigzag(value);
    case FieldKind::SFixed32:
      return static_cast<std::int32_t>(value);
    default:
      return static_cast<std::int64_t>(value);
  }
}

std::uint64_t on_the_wire(FieldKind kind, std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  switch (kind) {
    case FieldKind::Double:
      return std::bit_cast<std::uint64_t>(static_cast<double>(number));
    case FieldKind::Float:
      return std::bit_cast<std::uint32_t>(static_cast<float>(number));
    case FieldKind::SInt32:
    case FieldKind::SInt64:
      return bits << 1 ^ static_cast<std::uint64_t>(number >> 63);
    default:
      return bits;
  }
}

bool is_short(FieldKind kind) noexcept {
  return kind == FieldKind::Int32 || kind == FieldKind::UInt32 || kind == FieldKind::SInt32 ||
         kind == FieldKind::Fixed32 || kind == FieldKind::SFixed32;
}

/// What a scrubbed number becomes: digits stay digits, a hash is as many bits as a number holds.
std::int64_t read_number(std::string_view text, bool is_hash, bool short_kind) {
  std::int64_t number = 0;
  if (is_hash) {
    constexpr std::size_t kDigits = 13;
    std::from_chars(text.data() + 1, text.data() + 1 + kDigits, number, 16);
  } else if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) {
    number = std::numeric_limits<std::int64_t>::max();
  }
  return short_kind ? number % std::numeric_limits<std::int32_t>::max() : number;
}

std::string Walker::redacted(const Inherited& treatment, const std::string& digits) const {
  if (treatment) return policy_.redactor().redact_number(*treatment, digits);
  std::string text = digits;
  if (digits.size() < kShortestNumber || !policy_.scrub_text(Part::Body, text)) return digits;
  const bool still = !text.empty() && text.find_first_not_of("-0123456789") == text.npos;
  return still ? text : policy_.redactor().redact_number({}, digits);
}

// What has no digits to keep the form of (a switch, a choice, a fraction) is nought once a rule or
// its name says it is a secret.
std::uint64_t Walker::number(FieldKind kind, std::uint64_t value, const Inherited& treatment) {
  if (kind == FieldKind::Bool || kind == FieldKind::Enum) return treatment ? 0 : value;
  const auto whole = whole_number(kind, value);
  if (!whole) return treatment ? 0 : value;
  const std::string digits = std::to_string(*whole);
  const std::string scrubbed = redacted(treatment, digits);
  if (scrubbed == digits) return value;
  const bool is_hash = scrubbed.starts_with('"');
  return on_the_wire(kind, read_number(scrubbed, is_hash, is_short(kind)));
}

/// A piece's end keeps its place relative to the message it is in.
void move_pieces(std::vector<BodyPiece>& pieces, const std::vector<grpc::MessageFrame>& before,
                 const std::vector<grpc::MessageFrame>& after) {
  std::size_t at = 0;
  for (BodyPiece& piece : pieces) {
    const auto end = [](const grpc::MessageFrame& frame) {
      return frame.offset + grpc::kMessagePrefix + frame.payload.size();
    };
    while (at < before.size() && end(before[at]) < piece.end) ++at;
    if (at == before.size()) continue;
    const std::uint64_t inside = piece.end - std::min(piece.end, before[at].offset);
    const bool whole = piece.end == end(before[at]);
    piece.end = whole ? end(after[at]) : std::min(after[at].offset + inside, end(after[at]));
  }
}

const char* scrub_message(const Policy& policy, std::string_view content_type,
                          const TypedSide& typed, bool for_showing, std::string& bytes) {
  const std::size_t plus = content_type.find('+');
  const std::string_view format =
      plus == std::string_view::npos ? "" : content_type.substr(plus + 1);
  if (format.starts_with("json")) return scrub_untyped(policy, bytes);
  if (!format.empty() && !format.starts_with("proto")) return "opaque_body";
  if (policy.has_proto_rules() && !typed.type) return "untyped_proto";
  return scrub_proto(policy, typed.schema, typed.type, bytes, for_showing);
}

}  // namespace

const char* scrub_proto(const Policy& policy, const Schema* schema, const MessageType* type,
                        std::string& bytes, bool for_showing) {
  Walker walker(policy, schema, for_showing);
  std::string out;
  if (!walker.message(type, bytes, {}, std::nullopt, out)) return walker.refused();
  bytes = std::move(out);
  return nullptr;
}

const char* scrub_grpc_body(const Policy& policy, const Schemas& schemas, std::string_view target,
                            Side side, Message& message) {
  GrpcMessages found = grpc_messages(message);
  if (found.problem) return found.problem;
  const TypedSide typed = choose_type(schemas, target, side, found.messages);
  const std::string* content_type = find_header(message.headers, "content-type");
  std::string body;
  for (std::size_t i = 0; i < found.messages.size(); ++i) {
    std::string& bytes = found.messages[i];
    if (const char* refused = scrub_message(policy, content_type ? *content_type : "", typed,
                                            side == Side::Response, bytes))
      return refused;
    std::optional<std::string> coded;
    if (found.compressed[i]) coded = encode({&*found.coding, 1}, bytes);
    if (found.compressed[i] && !coded) return kBadEncoding;
    grpc::append_message(body, found.compressed[i], coded ? *coded : bytes);
  }
  move_pieces(message.pieces, grpc::split_messages(message.body), grpc::split_messages(body));
  message.body = std::move(body);
  message.body_bytes = message.body.size();
  return nullptr;
}

}  // namespace gray
