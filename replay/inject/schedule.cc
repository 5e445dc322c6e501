#include "replay/inject/schedule.h"

#include <algorithm>
#include <cmath>

#include "userspace/base/errors.h"

namespace gray {
namespace {

// 64 bits of mantissa hold every 64-bit nanosecond exactly; a double is coarse after 104 days.
std::uint64_t saturated(long double ns) noexcept {
  if (!(ns < static_cast<long double>(FrameSchedule::kLatestNs))) return FrameSchedule::kLatestNs;
  return static_cast<std::uint64_t>(ns);
}

bool positive(double value) {
  return std::isfinite(value) && value > 0;
}

}  // namespace

FrameSchedule::FrameSchedule(const FrameScheduleOptions& options) : options_(options) {
  if (options.pace == FramePace::Recorded && !positive(options.speed))
    throw UsageError("-x: the speed must be above 0");
  const bool rated = options.pace == FramePace::Pps || options.pace == FramePace::Bps;
  if (rated && !positive(options.rate))
    throw UsageError("the rate must be above 0; -t sends as fast as it goes");
}

std::uint64_t FrameSchedule::deadline(std::uint64_t recorded_ns, std::size_t bytes) noexcept {
  advance(recorded_ns);
  const auto number = static_cast<long double>(frames_++);
  const auto bits = static_cast<long double>(bytes_) * 8;
  bytes_ += bytes;
  switch (options_.pace) {
    case FramePace::Recorded:
      return saturated(static_cast<long double>(elapsed_) / options_.speed);
    case FramePace::Pps:
      return saturated(number * 1e9L / options_.rate);
    case FramePace::Bps:
      return saturated(bits * 1e9L / options_.rate);
    case FramePace::TopSpeed:
      break;
  }
  return 0;
}

void FrameSchedule::advance(std::uint64_t recorded_ns) noexcept {
  const bool first = round_frames_++ == 0;
  if (first) {
    newest_ = recorded_ns;
    return;
  }
  if (recorded_ns >= newest_) {
    pause(recorded_ns - newest_);
    newest_ = recorded_ns;
    return;
  }
  ++backwards_;
  if (newest_ - recorded_ns > kReorderNs) newest_ = recorded_ns;
}

void FrameSchedule::pause(std::uint64_t gap_ns) noexcept {
  std::uint64_t gap = gap_ns;
  if (options_.max_sleep_ns > 0)
    gap =
        std::min(gap, saturated(static_cast<long double>(options_.max_sleep_ns) * options_.speed));
  else if (gap > kLongestGapNs)
    gap = 0;
  if (gap < gap_ns) ++shortened_;
  elapsed_ += std::min(gap, kLatestNs - std::min(elapsed_, kLatestNs));
}

void FrameSchedule::next_round() noexcept {
  if (round_frames_ > 1) elapsed_ += (elapsed_ - round_start_) / (round_frames_ - 1);
  elapsed_ = std::min(elapsed_, kLatestNs);
  round_start_ = elapsed_;
  round_frames_ = 0;
}

}  // namespace gray
