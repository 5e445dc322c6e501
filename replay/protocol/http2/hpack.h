// Decodes header blocks of HPACK (RFC 7541), one decoder for each direction of a connection. Joined
// in the middle, or after a gap, it goes on with what it can know: a name or value that stands in
// an unseen part of the header table becomes kUnknownHeaderText. One thread; bounded; any bytes may
// be put in.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include "replay/protocol/exchange.h"
#include "replay/protocol/http2/header_table.h"

namespace gray::http2 {

/// A decoded header block.
struct HeaderList {
  Headers fields;             ///< in wire order, pseudo-headers among them
  std::uint32_t unknown = 0;  ///< how many of them hold kUnknownHeaderText
  bool truncated = false;     ///< more than kMaxHeaderList; the rest is not in fields
  bool bad = false;           ///< no valid header block; fields are those before the error
};

/// Bytes of names and values of one block, with sizeof(Header) for each, that are kept.
inline constexpr std::size_t kMaxHeaderList = 256u << 10;

class BlockCursor;

class HpackDecoder {
 public:
  explicit HpackDecoder(MemoryBudget* budget) : table_(budget) {}

  /// Decodes a whole block. After a bad one, the table is as lost().
  HeaderList decode(std::span<const std::uint8_t> block) noexcept;

  /// The receiver's SETTINGS_HEADER_TABLE_SIZE, which the encoder may use up to.
  void allow_table_size(std::uint32_t size) noexcept;
  /// Settings or blocks were missed.
  void lost() noexcept;

  const HeaderTable& table() const noexcept { return table_; }

 private:
  bool field(BlockCursor& cursor, HeaderList& list) noexcept;
  bool indexed(BlockCursor& cursor, HeaderList& list) noexcept;
  bool literal(BlockCursor& cursor, unsigned prefix, bool adds, HeaderList& list) noexcept;
  bool size_update(BlockCursor& cursor, const HeaderList& list) noexcept;
  void emit(std::string_view name, std::string_view value, bool known, HeaderList& list) noexcept;

  HeaderTable table_;
  std::uint32_t allowed_size_ = kDefaultTableSize;
  std::size_t list_bytes_ = 0;
  std::string name_;  // of the literal being read
  std::string value_;
};

/// Whether bytes have the form of a header block with sensible names; nothing is said of the
/// indices they name.
bool looks_like_block(std::span<const std::uint8_t> block) noexcept;

}  // namespace gray::http2
