// The header table of HPACK (RFC 7541 section 2.3): the static one, and a dynamic one that may be
// known in part only. One thread. Bounded by kMaxKept and the memory budget.
//
// When the capture began after the table was filled, an unknown number of entries lies behind those
// that were added since: they are older, so the known ones keep their indices, and the encoder
// evicts the unknown ones first. Where the size of an entry or of the table is not known, too much
// is kept rather than too little: a valid encoder does not name what it has evicted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "replay/protocol/memory_budget.h"

namespace gray::http2 {

inline constexpr std::uint32_t kDefaultTableSize = 4096;  ///< RFC 9113 section 6.5.2

struct TableEntry {
  std::string_view name;  ///< valid until the table changes
  std::string_view value;
  bool name_known = true;
};

enum class Lookup : std::uint8_t { Known, Unknown, Invalid };

class HeaderTable {
 public:
  /// Bytes of names and values, with 32 for each entry, that are kept of a table.
  static constexpr std::uint32_t kMaxKept = 65'536;

  explicit HeaderTable(MemoryBudget* budget) : budget_(budget) {}
  ~HeaderTable();
  HeaderTable(const HeaderTable&) = delete;
  HeaderTable& operator=(const HeaderTable&) = delete;

  /// Index as in RFC 7541 section 2.3.3, from 1. Unknown: such an entry may be there, but not what
  /// is in it.
  Lookup find(std::uint64_t index, TableEntry& entry) const noexcept;
  /// Neither may point into this table.
  void add(std::string_view name, std::string_view value, bool name_known) noexcept;
  /// A dynamic table size update.
  void resize(std::uint32_t size) noexcept;
  /// Any number of changes were missed.
  void forget() noexcept;

  /// Whether entries may lie behind those that are known.
  bool partial() const noexcept { return partial_; }
  std::size_t known_entries() const noexcept { return slots_.size() - first_; }

 private:
  struct Slot {
    std::uint32_t offset;  // in bytes_
    std::uint32_t name;    // lengths
    std::uint32_t value;
    bool name_known;
  };

  static std::uint32_t size_of(const Slot& slot) noexcept { return slot.name + slot.value + 32; }
  void evict(std::uint32_t room) noexcept;
  void clear() noexcept;
  void compact() noexcept;
  bool reserve(std::size_t more) noexcept;

  MemoryBudget* budget_;
  std::vector<Slot> slots_;  // oldest first; those before first_ are evicted
  std::vector<char> bytes_;  // names and values of the slots, in order
  std::size_t first_ = 0;
  std::size_t charged_ = 0;
  std::uint32_t used_ = 0;  // at least; names that are not known count nothing
  std::uint32_t size_ = kDefaultTableSize;
  bool exact_ = true;  // size_ is the encoder's
  bool partial_ = false;
};

}  // namespace gray::http2
