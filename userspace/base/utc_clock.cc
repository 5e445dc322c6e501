// All clocks here are one counter plus offsets: setting the time changes the offset of
// CLOCK_REALTIME and of CLOCK_TAI, a leap second that of CLOCK_REALTIME only, setting the TAI
// offset (adjtimex) that of CLOCK_TAI only.
#include "userspace/base/utc_clock.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "userspace/base/clock.h"

namespace gray {
namespace {

constexpr std::uint64_t kDayNs = 86'400 * kNsPerSecond;
// A reading that took longer was interrupted.
constexpr std::uint64_t kSteadyNs = 20 * kNsPerUs;
constexpr int kTries = 5;
// No ring keeps a frame for longer, unless user space stands still.
constexpr std::uint64_t kSettledNs = 5 * kNsPerSecond;
// The kernel makes a leap with the first tick behind it.
constexpr std::uint64_t kLeapNoticedNs = 10 * kNsPerSecond;

std::uint64_t read_clock(clockid_t id) noexcept {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(t.tv_nsec);
}

constexpr std::int64_t difference(std::uint64_t a, std::uint64_t b) noexcept {
  return static_cast<std::int64_t>(a - b);
}

/// Rounded to whole seconds.
std::int64_t seconds_between(const SystemClocks::Reading& now) noexcept {
  constexpr auto kSecond = static_cast<std::int64_t>(kNsPerSecond);
  const std::int64_t ns = difference(now.tai, now.utc);
  return (ns >= 0 ? ns + kSecond / 2 : ns - kSecond / 2) / kSecond;
}

constexpr std::uint64_t seconds_ns(std::int64_t seconds) noexcept {
  return static_cast<std::uint64_t>(seconds) * kNsPerSecond;
}

}  // namespace

SystemClocks::Reading SystemClocks::read() const noexcept {
  Reading now;
  now.monotonic_before = read_clock(CLOCK_MONOTONIC);
  now.tai = read_clock(CLOCK_TAI);
  now.utc = read_clock(CLOCK_REALTIME);
  now.monotonic_after = read_clock(CLOCK_MONOTONIC);
  return now;
}

const SystemClocks& SystemClocks::kernel() noexcept {
  static const SystemClocks clocks;
  return clocks;
}

UtcFromTai::UtcFromTai(const SystemClocks& clocks) noexcept : clocks_(clocks) {
  const SystemClocks::Reading now = steady_reading();
  tai_ahead_ = now.tai - now.monotonic_before;
  leap_seconds_ = seconds_between(now);
  to_utc_ = 0 - seconds_ns(leap_seconds_);
}

/// The quickest of a few.
SystemClocks::Reading UtcFromTai::steady_reading() const noexcept {
  SystemClocks::Reading best = clocks_.read();
  const auto took = [](const SystemClocks::Reading& r) {
    return r.monotonic_after - r.monotonic_before;
  };
  for (int i = 1; i < kTries && took(best) > kSteadyNs; ++i)
    if (const SystemClocks::Reading next = clocks_.read(); took(next) < took(best)) best = next;
  return best;
}

void UtcFromTai::look() noexcept {
  const SystemClocks::Reading now = steady_reading();
  const std::int64_t least = difference(now.tai, now.monotonic_after);
  const std::int64_t most = difference(now.tai, now.monotonic_before);
  const auto ahead = static_cast<std::int64_t>(tai_ahead_);
  const std::int64_t seconds = seconds_between(now);
  // One that is no more than a reading's own duration off, and a few ns of rounding, is none.
  constexpr std::int64_t kRounding = 100;
  if (ahead < least - kRounding || ahead > most + kRounding)
    follow_step(now);
  else if (std::abs(seconds - leap_seconds_) == 1)
    follow_leap(now, seconds - leap_seconds_);
  leap_seconds_ = seconds;
  now_utc_ = now.tai + to_utc_;
  if (changing_ && now.monotonic_before - changed_at_ > kSettledNs) changing_ = false;
}

void UtcFromTai::follow_step(const SystemClocks::Reading& now) noexcept {
  const std::uint64_t middle =
      now.monotonic_before + (now.monotonic_after - now.monotonic_before) / 2;
  const std::uint64_t ahead = now.tai - middle;
  const std::uint64_t step = ahead - tai_ahead_;
  tai_ahead_ = ahead;
  begin_change(Change::Step, to_utc_ - step, now.monotonic_before);
}

/// A second is put in after 23:59:59 UTC, or that one is left out.
void UtcFromTai::follow_leap(const SystemClocks::Reading& now, std::int64_t seconds) noexcept {
  const std::uint64_t by_old = now.tai + to_utc_ + (seconds < 0 ? kNsPerSecond : 0);
  const std::uint64_t since = by_old % kDayNs;
  leap_tai_ = since < kLeapNoticedNs ? now.tai - since : now.tai;
  begin_change(Change::Leap, to_utc_ - seconds_ns(seconds), now.monotonic_before);
}

void UtcFromTai::begin_change(Change change, std::uint64_t to_utc,
                              std::uint64_t monotonic) noexcept {
  changing_ = true;
  change_ = change;
  crossed_ = false;
  to_utc_before_ = to_utc_;
  to_utc_ = to_utc;
  changed_at_ = monotonic;
}

/// A stamp of before the step fits between the last one and now by the old reckoning, one of after
/// it by the new. When it fits by both, the step is short, and it is nearer to the last one by the
/// right one.
std::uint64_t UtcFromTai::through_change(std::uint64_t tai_ns) noexcept {
  if (change_ == Change::Leap) return tai_ns + (tai_ns < leap_tai_ ? to_utc_before_ : to_utc_);
  const std::uint64_t by_old = tai_ns + to_utc_before_;
  const std::uint64_t by_new = tai_ns + to_utc_;
  const auto fits = [this](std::uint64_t utc) { return utc >= last_ && utc <= now_utc_; };
  if (!crossed_ && fits(by_old) && !(fits(by_new) && by_new < by_old)) return by_old;
  crossed_ = true;
  return std::max(by_new, last_);
}

}  // namespace gray
