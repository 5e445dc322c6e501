// When each request is due, in nanoseconds after one epoch. Pure arithmetic: no clock is read and
// nothing sleeps here, so late wake-ups never add up.
#pragma once

#include <cstdint>

namespace gray {

enum class Pace {
  Original,  ///< as production got them, times `speed`
  Rate,      ///< `rate` a second, evenly
  TopSpeed,  ///< as fast as the canary answers
  Live,      ///< as soon as it comes (mirror)
};

struct ScheduleOptions {
  Pace pace = Pace::Original;
  double speed = 1;
  double rate = 0;               ///< requests a second
  std::uint64_t max_gap_ns = 0;  ///< longest pause between two requests, in replay time; 0: none
};

class Schedule {
 public:
  /// A pause, or a step back of the capture's clock, longer than this is taken for a broken clock.
  static constexpr std::uint64_t kLongestGapNs = 24ULL * 3600 * 1'000'000'000;
  /// No deadline is later than this (146 years).
  static constexpr std::uint64_t kLatestNs = 1ULL << 62;

  /// Throws UsageError for a speed or rate that is not above 0.
  explicit Schedule(const ScheduleOptions& options);

  /// The deadline of the next exchange, called once for each in order of submission.
  /// `request_ns` is its request's time in the capture, `now_ns` the time after the epoch, which is
  /// the deadline of Live. TopSpeed is due at 0.
  ///
  /// Original: the first exchange is due at 0, every other by its distance from it. One that is
  /// older than the newest before it gets the earlier deadline it ought to have had, 0 at the
  /// earliest. Pauses over max_gap_ns, or over kLongestGapNs, are cut to that; a step back of more
  /// than kLongestGapNs starts again from the last deadline.
  std::uint64_t deadline(std::uint64_t request_ns, std::uint64_t now_ns) noexcept;

 private:
  std::uint64_t original(std::uint64_t request_ns) noexcept;
  std::uint64_t scaled(std::uint64_t capture_ns) const noexcept;
  std::uint64_t newest_deadline() const noexcept;

  ScheduleOptions options_;
  std::uint64_t count_ = 0;
  std::uint64_t base_ = 0;    // capture time that is due at origin_
  std::uint64_t newest_ = 0;  // latest capture time since base_
  std::uint64_t origin_ = 0;
  std::uint64_t cut_ = 0;  // replay time taken out of pauses since base_
};

}  // namespace gray
