// A log-linear histogram of 64-bit values: 128 buckets an octave, so any percentile is within 0.8 %
// of the true one, whatever the range. Recording is two shifts and an add. One thread records.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gray {

class Histogram {
 public:
  Histogram() : buckets_(kBuckets, 0) {}

  void record(std::uint64_t value) noexcept {
    ++buckets_[index(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  void merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }

  /// Calls each(value, count) for every bucket that holds something, from the least value on; no
  /// recorded value of the bucket is above `value`.
  template <class Each>
  void for_each(Each&& each) const {
    for (std::size_t i = 0; i < kBuckets; ++i)
      if (buckets_[i] > 0) each(std::min(upper_bound(i), max_), buckets_[i]);
  }

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t max() const noexcept { return max_; }

  /// The value that `share` (0…1) of all recorded ones do not exceed; 0 when nothing was recorded.
  std::uint64_t percentile(double share) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (buckets_[i] > 0 && seen >= wanted) return std::min(upper_bound(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kSubBits = 7;
  static constexpr std::uint64_t kSub = 1U << kSubBits;
  static constexpr std::size_t kBuckets = (64 - kSubBits + 1) * kSub;

  static std::size_t index(std::uint64_t value) noexcept {
    if (value < kSub) return value;
    const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
    return ((exponent + 1) << kSubBits) + ((value >> exponent) - kSub);
  }
  static std::uint64_t upper_bound(std::size_t i) noexcept {
    if (i < kSub) return i;
    const std::size_t exponent = (i >> kSubBits) - 1;
    return (((i & (kSub - 1)) + kSub + 1) << exponent) - 1;
  }

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace gray
