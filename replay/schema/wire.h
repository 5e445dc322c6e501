// Protobuf's wire format (protobuf.dev, "Encoding"), read one field at a time and written. Any
// bytes may be put in; nothing is copied, nothing recurses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gray {

enum class WireType : std::uint8_t { Varint, Fixed64, Length, Group, EndGroup, Fixed32 };

struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::Varint;
  std::uint64_t value = 0;  ///< of Varint, Fixed64 and Fixed32
  std::string_view bytes;   ///< of Length and Group: what is inside
};

class WireReader {
 public:
  static constexpr std::size_t kMaxGroups = 100;  ///< within each other

  explicit WireReader(std::string_view bytes) noexcept : rest_(bytes) {}

  /// False at the end, and at what is no field: then bad().
  bool next(WireField& field) noexcept;
  bool bad() const noexcept { return bad_; }
  /// An element of a packed field: a bare value of that wire type.
  bool next_value(WireType type, std::uint64_t& value) noexcept;

 private:
  bool varint(std::uint64_t& value) noexcept;
  bool fixed(std::size_t size, std::uint64_t& value) noexcept;
  bool tag(WireField& field) noexcept;
  bool skip_group(std::uint32_t number, std::string_view& inside) noexcept;
  bool payload(WireField& field) noexcept;

  std::string_view rest_;
  bool bad_ = false;
};

/// Whether these bytes are fields from end to end.
bool is_wire_message(std::string_view bytes) noexcept;

void append_varint(std::string& out, std::uint64_t value);
void append_fixed(std::string& out, WireType type, std::uint64_t value);
/// The field as its shortest encoding.
void append_field(std::string& out, const WireField& field);

constexpr std::int64_t zigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

}  // namespace gray
