#include "replay/send/schedule.h"

#include <algorithm>
#include <cmath>

#include "userspace/base/errors.h"

namespace gray {
namespace {

// 64 bits of mantissa hold every 64-bit nanosecond exactly; a double is coarse after 104 days.
std::uint64_t saturated(long double ns) noexcept {
  if (!(ns < static_cast<long double>(Schedule::kLatestNs))) return Schedule::kLatestNs;
  return static_cast<std::uint64_t>(ns);
}

bool positive(double value) {
  return std::isfinite(value) && value > 0;
}

}  // namespace

Schedule::Schedule(const ScheduleOptions& options) : options_(options) {
  if (options.pace == Pace::Original && !positive(options.speed)) {
    throw UsageError("speed must be above 0");
  }
  if (options.pace == Pace::Rate && !positive(options.rate)) {
    throw UsageError("rate must be above 0 requests per second");
  }
}

std::uint64_t Schedule::deadline(std::uint64_t request_ns, std::uint64_t now_ns) noexcept {
  switch (options_.pace) {
    case Pace::Original:
      return original(request_ns);
    case Pace::Rate:
      return saturated(static_cast<long double>(count_++) * 1e9L / options_.rate);
    case Pace::Live:
      return now_ns;
    case Pace::TopSpeed:
      break;
  }
  return 0;
}

std::uint64_t Schedule::original(std::uint64_t request_ns) noexcept {
  if (count_++ == 0) base_ = newest_ = request_ns;
  const std::uint64_t newest = newest_deadline();

  if (request_ns < newest_) {
    const std::uint64_t back = newest_ - request_ns;
    if (back <= kLongestGapNs) return newest - std::min(newest, scaled(back));
    base_ = newest_ = request_ns;
    origin_ = newest;
    cut_ = 0;
    return newest;
  }

  newest_ = request_ns;
  const std::uint64_t limit =
      options_.max_gap_ns == 0 ? kLongestGapNs : std::min(options_.max_gap_ns, kLongestGapNs);
  const std::uint64_t gap = newest_deadline() - newest;
  if (gap > limit) cut_ += gap - limit;
  return newest_deadline();
}

std::uint64_t Schedule::newest_deadline() const noexcept {
  return std::min(origin_ + scaled(newest_ - base_) - cut_, kLatestNs);
}

std::uint64_t Schedule::scaled(std::uint64_t capture_ns) const noexcept {
  return saturated(static_cast<long double>(capture_ns) / options_.speed);
}

}  // namespace gray
