#include "replay/schema/wire.h"

#include <array>

namespace gray {

bool WireReader::varint(std::uint64_t& value) noexcept {
  value = 0;
  for (unsigned i = 0; i < 10 && i < rest_.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(rest_[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      rest_.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool WireReader::fixed(std::size_t size, std::uint64_t& value) noexcept {
  if (rest_.size() < size) return false;
  value = 0;
  for (std::size_t i = size; i > 0; --i)
    value = value << 8 | static_cast<std::uint8_t>(rest_[i - 1]);
  rest_.remove_prefix(size);
  return true;
}

bool WireReader::tag(WireField& field) noexcept {
  std::uint64_t tag = 0;
  if (!varint(tag) || tag > 0xffffffff || tag >> 3 == 0 || (tag & 7) > 5) return false;
  field.number = static_cast<std::uint32_t>(tag >> 3);
  field.type = static_cast<WireType>(tag & 7);
  return true;
}

bool WireReader::payload(WireField& field) noexcept {
  switch (field.type) {
    case WireType::Varint:
      return varint(field.value);
    case WireType::Fixed64:
      return fixed(8, field.value);
    case WireType::Fixed32:
      return fixed(4, field.value);
    case WireType::Length: {
      std::uint64_t size = 0;
      if (!varint(size) || size > rest_.size()) return false;
      field.bytes = rest_.substr(0, size);
      rest_.remove_prefix(size);
      return true;
    }
    case WireType::Group:
    case WireType::EndGroup:
      return false;
  }
  return false;
}

bool WireReader::skip_group(std::uint32_t number, std::string_view& inside) noexcept {
  const std::string_view start = rest_;
  std::array<std::uint32_t, kMaxGroups> open{number};
  std::size_t depth = 1;
  while (true) {
    const std::size_t before = rest_.size();
    WireField field;
    if (!tag(field)) return false;
    if (field.type == WireType::EndGroup) {
      if (field.number != open[--depth]) return false;
      if (depth > 0) continue;
      inside = start.substr(0, start.size() - before);
      return true;
    }
    if (field.type == WireType::Group) {
      if (depth == kMaxGroups) return false;
      open[depth++] = field.number;
    } else if (!payload(field)) {
      return false;
    }
  }
}

bool WireReader::next(WireField& field) noexcept {
  if (bad_ || rest_.empty()) return false;
  field = {};
  bad_ = !tag(field);
  if (!bad_)
    bad_ = field.type == WireType::Group ? !skip_group(field.number, field.bytes) : !payload(field);
  return !bad_;
}

bool WireReader::next_value(WireType type, std::uint64_t& value) noexcept {
  if (bad_ || rest_.empty()) return false;
  bad_ = type == WireType::Varint    ? !varint(value)
         : type == WireType::Fixed64 ? !fixed(8, value)
                                     : !fixed(4, value);
  return !bad_;
}

bool is_wire_message(std::string_view bytes) noexcept {
  WireReader reader(bytes);
  WireField field;
  while (reader.next(field)) {
  }
  return !reader.bad();
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_fixed(std::string& out, WireType type, std::uint64_t value) {
  const int size = type == WireType::Fixed64 ? 8 : 4;
  for (int i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i));
}

void append_field(std::string& out, const WireField& field) {
  const std::uint64_t tag = std::uint64_t{field.number} << 3;
  append_varint(out, tag | static_cast<std::uint64_t>(field.type));
  switch (field.type) {
    case WireType::Varint:
      return append_varint(out, field.value);
    case WireType::Fixed64:
    case WireType::Fixed32:
      return append_fixed(out, field.type, field.value);
    case WireType::Length:
      append_varint(out, field.bytes.size());
      out += field.bytes;
      return;
    case WireType::Group:
      out += field.bytes;
      append_varint(out, tag | static_cast<std::uint64_t>(WireType::EndGroup));
      return;
    case WireType::EndGroup:
      return;
  }
}

}  // namespace gray
