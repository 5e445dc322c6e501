// A map that forgets its oldest entry first. Its index is flat, so that a key that is not there,
// which is the usual case, costs one cache line and nothing else. One thread uses one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gray {

template <class Value>
class FifoMap {
 public:
  std::size_t size() const noexcept { return entries_.size(); }

  /// Null when the key is not there. Valid until an entry is added or forgotten.
  Value* find(std::string_view key) noexcept {
    const std::size_t at = place(key, hash_of(key));
    return index_.empty() || index_[at].number == 0 ? nullptr : &entry(index_[at]).value;
  }
  const Value* find(std::string_view key) const noexcept {
    return const_cast<FifoMap*>(this)->find(key);
  }

  /// The newest entry from now on; the key must not be there.
  void add(std::string&& key, Value&& value) {
    if (2 * (entries_.size() + 1) > index_.size()) grow();
    const std::size_t hash = hash_of(key);
    index_[place(key, hash)] = {hash, first_ + entries_.size()};
    entries_.push_back({std::move(key), std::move(value), hash});
  }

  const Value& oldest() const noexcept { return entries_.front().value; }
  void forget_oldest() noexcept {
    const Entry& oldest = entries_.front();
    close_gap(place(oldest.key, oldest.hash));
    entries_.pop_front();
    ++first_;
  }

 private:
  struct Entry {
    std::string key;
    Value value;
    std::size_t hash = 0;
  };
  struct Place {
    std::size_t hash = 0;
    std::uint64_t number = 0;  // of the entry, counted from 1; 0: free
  };

  static std::size_t hash_of(std::string_view key) noexcept {
    return std::hash<std::string_view>{}(key);
  }
  Entry& entry(const Place& place) noexcept { return entries_[place.number - first_]; }
  std::size_t mask() const noexcept { return index_.size() - 1; }

  // Of the key, or the free one where it would be.
  std::size_t place(std::string_view key, std::size_t hash) noexcept {
    if (index_.empty()) return 0;
    std::size_t at = hash & mask();
    while (index_[at].number != 0 && !(index_[at].hash == hash && entry(index_[at]).key == key))
      at = (at + 1) & mask();
    return at;
  }

  void grow() {
    const std::vector<Place> old =
        std::exchange(index_, std::vector<Place>(index_.empty() ? 16 : 2 * index_.size()));
    for (const Place& moved : old) {
      if (moved.number == 0) continue;
      std::size_t at = moved.hash & mask();
      while (index_[at].number != 0) at = (at + 1) & mask();
      index_[at] = moved;
    }
  }

  // What was put further on because this place was taken moves up.
  void close_gap(std::size_t gap) noexcept {
    for (std::size_t at = (gap + 1) & mask(); index_[at].number != 0; at = (at + 1) & mask()) {
      const std::size_t wanted = index_[at].hash & mask();
      if (((at - wanted) & mask()) < ((at - gap) & mask())) continue;
      index_[gap] = index_[at];
      gap = at;
    }
    index_[gap] = {};
  }

  std::vector<Place> index_;
  std::deque<Entry> entries_;  // the oldest first
  std::uint64_t first_ = 1;    // number of the oldest
};

}  // namespace gray
