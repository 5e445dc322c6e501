// Bytes that wait for the rest of what they belong to, taken from the memory budget. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "replay/protocol/memory_budget.h"

namespace gray::http2 {

class ChargedBytes {
 public:
  explicit ChargedBytes(MemoryBudget* budget) noexcept : budget_(budget) {}
  ~ChargedBytes() { let_go(); }
  ChargedBytes(const ChargedBytes&) = delete;
  ChargedBytes& operator=(const ChargedBytes&) = delete;

  std::span<const std::uint8_t> bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }

  /// False, and nothing is added, when the budget has no room.
  bool append(std::span<const std::uint8_t> more) {
    if (budget_ != nullptr && !budget_->take(more.size())) return false;
    charged_ += more.size();
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return true;
  }
  void drop_front(std::size_t count) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(count));
    if (budget_ != nullptr) budget_->give_back(count);
    charged_ -= count;
  }
  /// Empties it; a small piece of memory is kept for the next time.
  void clear() {
    let_go();
    bytes_.clear();
    if (bytes_.capacity() > kKept) bytes_ = {};
  }

 private:
  static constexpr std::size_t kKept = 1024;

  void let_go() noexcept {
    if (budget_ != nullptr) budget_->give_back(std::exchange(charged_, 0));
  }

  MemoryBudget* budget_;
  std::vector<std::uint8_t> bytes_;
  std::size_t charged_ = 0;
};

}  // namespace gray::http2
