#include "userspace/base/clock.h"

#include <fmt/compile.h>
#include <fmt/format.h>
#include <sys/timex.h>

#include <ctime>

namespace gray {
namespace {

std::uint64_t read_clock(clockid_t id) noexcept {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace

std::uint64_t MonotonicClock::now_ns() const noexcept {
  return monotonic_ns();
}

std::uint64_t TaiClock::now_ns() const noexcept {
  return read_clock(CLOCK_TAI);
}

std::uint64_t monotonic_ns() noexcept {
  return read_clock(CLOCK_MONOTONIC);
}

std::uint64_t utc_ns() noexcept {
  return read_clock(CLOCK_REALTIME);
}

std::int64_t tai_minus_utc_ns() noexcept {
  timex kernel{};
  if (adjtimex(&kernel) < 0) return 0;
  return static_cast<std::int64_t>(kernel.tai) * static_cast<std::int64_t>(kNsPerSecond);
}

std::string iso8601(std::uint64_t utc) {
  const auto seconds = static_cast<std::time_t>(utc / kNsPerSecond);
  std::tm t{};
  gmtime_r(&seconds, &t);
  return fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z"), t.tm_year + 1900,
                     t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, utc % kNsPerSecond);
}

}  // namespace gray
