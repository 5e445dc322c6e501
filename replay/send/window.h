// Which part of a recording is replayed, by the time of its requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gray {

/// A moment of a recording: "90s" after its first request, or a UTC time such as
/// "2026-11-25T14:00:00Z" or "2026-11-25 14:00:00.250".
struct Moment {
  std::uint64_t ns = 0;
  bool relative = true;
  /// Throws UsageError.
  static Moment parse(std::string_view text);
};

class TimeWindow {
 public:
  TimeWindow() = default;
  TimeWindow(std::optional<Moment> start, std::optional<Moment> stop)
      : start_(start), stop_(stop) {}

  /// The first request asked about is the recording's first.
  bool contains(std::uint64_t request_ns) noexcept;

 private:
  std::uint64_t at(const Moment& moment) const noexcept {
    return moment.relative ? first_ns_ + moment.ns : moment.ns;
  }

  std::optional<Moment> start_;
  std::optional<Moment> stop_;
  std::uint64_t first_ns_ = 0;
  bool begun_ = false;
};

}  // namespace gray
