#include "replay/protocol/http2/hpack.h"

#include <algorithm>

#include "replay/protocol/http2/huffman.h"

namespace gray::http2 {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kMaxString = 65'536;  // bytes of one name or value, as decoded
constexpr std::uint64_t kMaxPlausibleIndex = 61 + HeaderTable::kMaxKept / 32;

struct Coded {
  Bytes bytes;
  bool huffman = false;
};

// As on the wire: what a first byte begins, and how many bits of it are an index or a size.
enum class Form : std::uint8_t { Indexed, Added, NotAdded, SizeUpdate };

Form form_of(std::uint8_t first) noexcept {
  if ((first & 0x80) != 0) return Form::Indexed;
  if ((first & 0x40) != 0) return Form::Added;
  return (first & 0x20) != 0 ? Form::SizeUpdate : Form::NotAdded;
}

unsigned prefix_of(Form form) noexcept {
  switch (form) {
    case Form::Indexed:
      return 7;
    case Form::Added:
      return 6;
    case Form::SizeUpdate:
      return 5;
    default:
      return 4;
  }
}

// Names are tokens in lower case (RFC 9113 section 8.2), or pseudo-headers.
bool plausible_name(const Coded& name) noexcept {
  return !name.bytes.empty() &&
         (name.huffman || std::all_of(name.bytes.begin(), name.bytes.end(), [](std::uint8_t c) {
            return c > ' ' && c < 0x7f && !(c >= 'A' && c <= 'Z');
          }));
}

}  // namespace

// Where in a block a decoder is. Its functions give nothing when the bytes end too early.
class BlockCursor {
 public:
  explicit BlockCursor(Bytes bytes) noexcept : rest_(bytes) {}

  bool ended() const noexcept { return rest_.empty(); }
  Form form() const noexcept { return form_of(rest_.front()); }

  /// RFC 7541 section 5.1, up to 32 bits.
  std::optional<std::uint32_t> integer(unsigned prefix) noexcept {
    if (rest_.empty()) return std::nullopt;
    const std::uint32_t mask = (1U << prefix) - 1;
    std::uint64_t value = take() & mask;
    if (value < mask) return static_cast<std::uint32_t>(value);
    for (unsigned shift = 0; shift < 32 && !rest_.empty(); shift += 7) {
      const std::uint8_t byte = take();
      value += std::uint64_t{byte & 0x7fU} << shift;
      if (value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
      if ((byte & 0x80) == 0) return static_cast<std::uint32_t>(value);
    }
    return std::nullopt;
  }

  /// RFC 7541 section 5.2.
  std::optional<Coded> string() noexcept {
    if (rest_.empty()) return std::nullopt;
    const bool huffman = (rest_.front() & 0x80) != 0;
    const auto length = integer(7);
    if (!length || *length > rest_.size() || *length > kMaxString) return std::nullopt;
    const Coded coded{rest_.first(*length), huffman};
    rest_ = rest_.subspan(*length);
    return coded;
  }

  /// The same, decoded.
  bool text(std::string& out) noexcept {
    const auto coded = string();
    out.clear();
    if (!coded) return false;
    if (coded->huffman) return huffman_decode(coded->bytes, out) && out.size() <= kMaxString;
    out.assign(reinterpret_cast<const char*>(coded->bytes.data()), coded->bytes.size());
    return true;
  }

 private:
  std::uint8_t take() noexcept {
    const std::uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }

  Bytes rest_;
};

HeaderList HpackDecoder::decode(Bytes block) noexcept {
  HeaderList list;
  list_bytes_ = 0;
  BlockCursor cursor(block);
  while (!cursor.ended() && !list.bad) list.bad = !field(cursor, list);
  if (list.bad) lost();
  return list;
}

bool HpackDecoder::field(BlockCursor& cursor, HeaderList& list) noexcept {
  const Form form = cursor.form();
  if (form == Form::Indexed) return indexed(cursor, list);
  if (form == Form::SizeUpdate) return size_update(cursor, list);
  return literal(cursor, prefix_of(form), form == Form::Added, list);
}

bool HpackDecoder::indexed(BlockCursor& cursor, HeaderList& list) noexcept {
  const auto index = cursor.integer(7);
  TableEntry entry;
  const Lookup found = index ? table_.find(*index, entry) : Lookup::Invalid;
  if (found == Lookup::Invalid) return false;
  if (found == Lookup::Unknown) entry = {{}, kUnknownHeaderText, false};
  emit(entry.name, entry.value, entry.name_known, list);
  return true;
}

bool HpackDecoder::literal(BlockCursor& cursor, unsigned prefix, bool adds,
                           HeaderList& list) noexcept {
  const auto index = cursor.integer(prefix);
  if (!index) return false;
  bool known = true;
  if (*index == 0) {
    if (!cursor.text(name_)) return false;
  } else {
    TableEntry entry;
    const Lookup found = table_.find(*index, entry);
    if (found == Lookup::Invalid) return false;
    known = found == Lookup::Known && entry.name_known;
    name_ = known ? entry.name : std::string_view();
  }
  if (!cursor.text(value_)) return false;
  if (adds) table_.add(name_, value_, known);
  emit(name_, value_, known, list);
  return true;
}

// Only at the start of a block (RFC 7541 section 4.2).
bool HpackDecoder::size_update(BlockCursor& cursor, const HeaderList& list) noexcept {
  const auto size = cursor.integer(5);
  if (!size || *size > allowed_size_ || list_bytes_ > 0 || list.truncated) return false;
  table_.resize(*size);
  return true;
}

void HpackDecoder::emit(std::string_view name, std::string_view value, bool known,
                        HeaderList& list) noexcept {
  const std::size_t bytes = sizeof(Header) + name.size() + value.size();
  list.truncated = list.truncated || list_bytes_ + bytes > kMaxHeaderList;
  if (list.truncated) return;
  if (list.fields.empty()) list.fields.reserve(16);
  list_bytes_ += bytes;
  list.fields.push_back({std::string(known ? name : kUnknownHeaderText), std::string(value)});
  if (!known) ++list.unknown;
}

void HpackDecoder::allow_table_size(std::uint32_t size) noexcept {
  allowed_size_ = std::max(allowed_size_, size);
}

void HpackDecoder::lost() noexcept {
  allowed_size_ = std::numeric_limits<std::uint32_t>::max();
  table_.forget();
}

bool looks_like_block(Bytes block) noexcept {
  BlockCursor cursor(block);
  bool fields = false;
  while (!cursor.ended()) {
    const Form form = cursor.form();
    const auto number = cursor.integer(prefix_of(form));
    if (!number) return false;
    if (form == Form::SizeUpdate) {
      if (fields) return false;
      continue;
    }
    fields = true;
    if (*number > kMaxPlausibleIndex || (form == Form::Indexed && *number == 0)) return false;
    if (form == Form::Indexed) continue;
    if (*number == 0) {
      const auto name = cursor.string();
      if (!name || !plausible_name(*name)) return false;
    }
    if (!cursor.string()) return false;
  }
  return fields;
}

}  // namespace gray::http2
