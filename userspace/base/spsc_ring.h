// A bounded queue from one thread to one other, without locks: the way frames go from a capture
// thread to the writer, and back. A full ring refuses; the caller counts what it then drops.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace gray {

template <class T>
class SpscRing {
 public:
  /// Holds at least `capacity` entries (rounded up to a power of two).
  explicit SpscRing(std::size_t capacity)
      : slots_(std::bit_ceil(capacity < 2 ? 2 : capacity)), mask_(slots_.size() - 1) {}
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  /// Producer only. False when full; `value` is then untouched.
  bool push(T&& value) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head - cached_tail_ == slots_.size()) {
      cached_tail_ = tail_.load(std::memory_order_acquire);
      if (head - cached_tail_ == slots_.size()) return false;
    }
    slots_[head & mask_] = std::move(value);
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  bool push(const T& value) noexcept {
    T copy = value;
    return push(std::move(copy));
  }

  /// Consumer only. False when empty.
  bool pop(T& value) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == cached_head_) {
      cached_head_ = head_.load(std::memory_order_acquire);
      if (tail == cached_head_) return false;
    }
    value = std::move(slots_[tail & mask_]);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// Either side, or a third that watches: a moment's view.
  std::size_t size() const noexcept {
    const std::size_t tail = tail_.load(std::memory_order_acquire);
    return head_.load(std::memory_order_acquire) - tail;
  }
  std::size_t capacity() const noexcept { return slots_.size(); }

 private:
  static constexpr std::size_t kLine = 64;

  std::vector<T> slots_;
  const std::size_t mask_;
  alignas(kLine) std::atomic<std::size_t> head_{0};
  std::size_t cached_tail_ = 0;  // the producer's own
  alignas(kLine) std::atomic<std::size_t> tail_{0};
  std::size_t cached_head_ = 0;  // the consumer's own
};

}  // namespace gray
