// Which exchanges have begun and are not given out yet: so that whoever wants them by the time of
// their requests knows up to when they have all come. One thread uses one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <utility>

namespace gray {

class OpenExchanges {
 public:
  /// Stands for an open exchange until it is destroyed; empty, for none. OpenExchanges outlives it.
  class Mark {
   public:
    Mark() = default;
    Mark(Mark&& other) noexcept : all_(std::exchange(other.all_, nullptr)), place_(other.place_) {}
    Mark& operator=(Mark&& other) noexcept {
      if (this == &other) return *this;
      release();
      all_ = std::exchange(other.all_, nullptr);
      place_ = other.place_;
      return *this;
    }
    ~Mark() { release(); }

   private:
    friend OpenExchanges;
    using Place = std::list<std::uint64_t>::iterator;
    Mark(OpenExchanges* all, Place place) noexcept : all_(all), place_(place) {}
    void release() noexcept {
      if (all_ != nullptr) all_->times_.erase(place_);
      all_ = nullptr;
    }

    OpenExchanges* all_ = nullptr;
    Place place_;
  };

  /// `ns`: when its first byte came (UTC).
  Mark begin(std::uint64_t ns) { return {this, times_.insert(times_.end(), ns)}; }

  /// When the one that was begun first began: no other can be much earlier.
  std::optional<std::uint64_t> first_ns() const noexcept {
    return times_.empty() ? std::nullopt : std::optional(times_.front());
  }
  std::size_t size() const noexcept { return times_.size(); }

 private:
  std::list<std::uint64_t> times_;  // in the order of beginning
};

}  // namespace gray
