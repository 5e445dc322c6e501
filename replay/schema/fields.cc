#include "replay/schema/fields.h"

namespace gray {

WireType wire_type_of(FieldKind kind) noexcept {
  switch (kind) {
    case FieldKind::Double:
    case FieldKind::Fixed64:
    case FieldKind::SFixed64:
      return WireType::Fixed64;
    case FieldKind::Float:
    case FieldKind::Fixed32:
    case FieldKind::SFixed32:
      return WireType::Fixed32;
    case FieldKind::String:
    case FieldKind::Bytes:
    case FieldKind::Message:
      return WireType::Length;
    case FieldKind::Group:
      return WireType::Group;
    default:
      return WireType::Varint;
  }
}

bool is_scalar(WireType type) noexcept {
  return type != WireType::Length && type != WireType::Group;
}

bool fits(const FieldType& field, const WireField& found) noexcept {
  const WireType wanted = wire_type_of(field.kind);
  return found.type == wanted ||
         (field.repeated && found.type == WireType::Length && is_scalar(wanted));
}

}  // namespace gray
