// Puts the lines of a listing in order of time while it is made. A slow exchange that began early
// ends late: lines are held until nothing earlier can come, or until they are too many bytes; then
// the earliest go, and what comes after its time is given out at once and counted. One thread.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <queue>
#include <string>
#include <vector>

namespace gray {

class LineOrder {
 public:
  /// `max_bytes` of lines are held at most.
  LineOrder(std::ostream& out, std::size_t max_bytes) : out_(out), max_bytes_(max_bytes) {}

  /// Where a line stands: lines of one time by connection, and by their position in it.
  struct Place {
    std::uint64_t time_ns = 0;
    std::uint64_t stream = 0;
    std::uint32_t position = 0;
    auto operator<=>(const Place&) const = default;
  };

  void add(const Place& place, std::string line);
  /// Gives out what is earlier: nothing before `time_ns` will come any more, or nobody waits for
  /// it.
  void release(std::uint64_t time_ns);
  void finish();

  /// Lines that came too late for their place.
  std::uint64_t late() const noexcept { return late_; }

 private:
  struct Line {
    Place place;
    std::uint64_t number;  // lines of one place stay as they came
    std::string text;
    bool operator>(const Line& other) const noexcept {
      return place != other.place ? place > other.place : number > other.number;
    }
  };

  void pop();

  std::ostream& out_;
  const std::size_t max_bytes_;
  std::priority_queue<Line, std::vector<Line>, std::greater<>> lines_;
  std::size_t held_ = 0;
  std::uint64_t numbers_ = 0;
  std::uint64_t given_ns_ = 0;
  std::uint64_t late_ = 0;
};

}  // namespace gray
