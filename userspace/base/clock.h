// Time, in 64-bit nanoseconds. Frames are stamped with CLOCK_TAI in the kernel, which neither steps
// nor smears; files and people get UTC; deadlines run on CLOCK_MONOTONIC.
#pragma once

#include <cstdint>
#include <string>

namespace gray {

inline constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
inline constexpr std::uint64_t kNsPerMs = 1'000'000;
inline constexpr std::uint64_t kNsPerUs = 1'000;

/// Where a schedule or an idle timer reads the time; tests put a clock of their own here.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds since some fixed start; never goes back, unless someone sets a TaiClock.
  virtual std::uint64_t now_ns() const noexcept = 0;
};

/// CLOCK_MONOTONIC.
class MonotonicClock final : public Clock {
 public:
  std::uint64_t now_ns() const noexcept override;
};

/// CLOCK_TAI, which stamps frames in the kernel.
class TaiClock final : public Clock {
 public:
  std::uint64_t now_ns() const noexcept override;
};

std::uint64_t monotonic_ns() noexcept;
std::uint64_t utc_ns() noexcept;

/// What to take from a CLOCK_TAI reading to get UTC, as the kernel has it now (0 on a machine that
/// was never told the leap seconds; then TAI and UTC read alike there).
std::int64_t tai_minus_utc_ns() noexcept;

/// UTC nanoseconds since 1970 as "2026-01-02T03:04:05.123456789Z".
std::string iso8601(std::uint64_t utc);

}  // namespace gray
