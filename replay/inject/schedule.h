// When each frame is due, in nanoseconds after one epoch. Pure arithmetic: no clock is read,
// nothing sleeps here, and every deadline is computed from the whole way, so no rounding and no
// late wake-up ever adds up.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gray {

enum class FramePace {
  Recorded,  ///< the recorded gaps, divided by `speed`
  Pps,       ///< `rate` frames a second, evenly
  Bps,       ///< `rate` bits a second, counted as the frames are long
  TopSpeed,  ///< all at once
};

struct FrameScheduleOptions {
  FramePace pace = FramePace::Recorded;
  double speed = 1;
  double rate = 0;
  std::uint64_t max_sleep_ns = 0;  ///< longest pause between two frames, as sent; 0: none
};

class FrameSchedule {
 public:
  /// A longer recorded pause is taken for a broken clock, and left out, unless max_sleep_ns is
  /// given.
  static constexpr std::uint64_t kLongestGapNs = 24ULL * 3600 * 1'000'000'000;
  /// A frame older than the one before by up to this is out of order, by more: the clock was set.
  static constexpr std::uint64_t kReorderNs = 1'000'000'000;
  /// No deadline is later than this (146 years).
  static constexpr std::uint64_t kLatestNs = 1ULL << 62;

  /// Throws UsageError for a speed or rate that is not above 0.
  explicit FrameSchedule(const FrameScheduleOptions& options);

  /// The deadline of the next frame; never before that of the last one. A frame that is out of
  /// order is due at once, one after a set clock likewise, and time goes on from there.
  std::uint64_t deadline(std::uint64_t recorded_ns, std::size_t bytes) noexcept;
  /// The frames begin anew. The first is due a mean gap after the last one of the round before.
  void next_round() noexcept;

  std::uint64_t backwards() const noexcept { return backwards_; }  ///< frames older than the last
  std::uint64_t shortened() const noexcept { return shortened_; }  ///< pauses that were cut

 private:
  void advance(std::uint64_t recorded_ns) noexcept;
  void pause(std::uint64_t gap_ns) noexcept;

  FrameScheduleOptions options_;
  std::uint64_t newest_ = 0;       // recorded
  std::uint64_t elapsed_ = 0;      // recorded time gone by, pauses cut
  std::uint64_t round_start_ = 0;  // of elapsed_
  std::uint64_t round_frames_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t backwards_ = 0;
  std::uint64_t shortened_ = 0;
};

}  // namespace gray
