#include "replay/protocol/http2/header_table.h"

#include <algorithm>
#include <array>

namespace gray::http2 {
namespace {

// What is kept of a table whose size is not known.
constexpr std::uint32_t kAssumedSize = 16'384;

constexpr std::array<TableEntry, 61> kStatic{{
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
}};

}  // namespace

HeaderTable::~HeaderTable() {
  if (budget_ != nullptr) budget_->give_back(charged_);
}

Lookup HeaderTable::find(std::uint64_t index, TableEntry& entry) const noexcept {
  if (index == 0) return Lookup::Invalid;
  if (index <= kStatic.size()) {
    entry = kStatic[index - 1];
    return Lookup::Known;
  }
  const std::uint64_t age = index - kStatic.size();  // 1 is the newest
  if (age > known_entries()) {
    const bool may_be = partial_ && age * 32 <= std::max(size_, exact_ ? 0 : kMaxKept);
    return may_be ? Lookup::Unknown : Lookup::Invalid;
  }
  const Slot& slot = slots_[slots_.size() - age];
  const char* name = bytes_.data() + slot.offset;
  entry = {{name, slot.name}, {name + slot.name, slot.value}, slot.name_known};
  return Lookup::Known;
}

// Makes room for an entry of `room` bytes. What is behind the known entries goes first; of those,
// what the encoder still has but is too much to keep becomes unknown.
void HeaderTable::evict(std::uint32_t room) noexcept {
  const bool whole = exact_ && size_ <= kMaxKept;
  const std::uint32_t kept = std::min(size_, kMaxKept);
  if (whole && used_ + room + 32 > size_) partial_ = false;
  const std::size_t before = first_;
  while (first_ < slots_.size() && used_ + room > kept) used_ -= size_of(slots_[first_++]);
  if (!whole && first_ > before) partial_ = true;
  if (first_ == slots_.size()) clear();
}

void HeaderTable::clear() noexcept {
  slots_.clear();
  bytes_.clear();
  first_ = used_ = 0;
}

// Moves what is still there to the front, once that halves what is used of the memory.
void HeaderTable::compact() noexcept {
  if (first_ == 0 || first_ * 2 < slots_.size()) return;
  const std::uint32_t from = slots_[first_].offset;
  bytes_.erase(bytes_.begin(), bytes_.begin() + from);
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(first_));
  for (Slot& slot : slots_) slot.offset -= from;
  first_ = 0;
}

bool HeaderTable::reserve(std::size_t more) noexcept {
  const std::size_t bytes = bytes_.size() + more;
  const std::size_t wanted = bytes + (slots_.size() + 1) * sizeof(Slot);
  if (wanted <= charged_) return true;
  const std::size_t charge = std::max(wanted, 2 * charged_) - charged_;
  if (budget_ != nullptr && !budget_->take(charge)) return false;
  charged_ += charge;
  return true;
}

void HeaderTable::add(std::string_view name, std::string_view value, bool name_known) noexcept {
  const std::size_t size = name.size() + value.size() + 32;
  if (size > std::min(size_, kMaxKept)) {  // empties the table (RFC 7541 section 4.4)
    partial_ = !exact_ || size <= size_;
    return clear();
  }
  evict(static_cast<std::uint32_t>(size));
  compact();
  if (!reserve(name.size() + value.size())) {
    partial_ = true;
    return clear();
  }
  slots_.push_back({static_cast<std::uint32_t>(bytes_.size()),
                    static_cast<std::uint32_t>(name.size()),
                    static_cast<std::uint32_t>(value.size()), name_known});
  bytes_.insert(bytes_.end(), name.begin(), name.end());
  bytes_.insert(bytes_.end(), value.begin(), value.end());
  used_ += static_cast<std::uint32_t>(size);
}

void HeaderTable::resize(std::uint32_t size) noexcept {
  size_ = size;
  exact_ = true;
  evict(0);
}

void HeaderTable::forget() noexcept {
  clear();
  size_ = kAssumedSize;
  exact_ = false;
  partial_ = true;
}

}  // namespace gray::http2
