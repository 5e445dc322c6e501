// UTC for stamps of CLOCK_TAI, followed through a capture: a leap second moves UTC by just that
// second, at just that moment; somebody setting the clocks meanwhile moves nothing, though it moves
// CLOCK_TAI, too. It knows the one from the other by CLOCK_MONOTONIC, which none of them moves.
// One thread uses a UtcFromTai.
#pragma once

#include <cstdint>

namespace gray {

/// The kernel's clocks at one moment, ns; tests have others.
class SystemClocks {
 public:
  struct Reading {
    std::uint64_t monotonic_before = 0;
    std::uint64_t tai = 0;
    std::uint64_t utc = 0;  ///< CLOCK_REALTIME
    std::uint64_t monotonic_after = 0;
  };

  virtual ~SystemClocks() = default;
  virtual Reading read() const noexcept;
  static const SystemClocks& kernel() noexcept;
};

class UtcFromTai {
 public:
  explicit UtcFromTai(const SystemClocks& clocks = SystemClocks::kernel()) noexcept;

  /// Looks at the clocks: once for each batch of stamps, after it was taken off its ring, so that
  /// no stamp is younger than this look. Costs a few reads without a system call.
  void look() noexcept;

  /// Stamps in about the order in which they were made.
  std::uint64_t utc(std::uint64_t tai_ns) noexcept {
    last_ = (changing_ ? through_change(tai_ns) : tai_ns + to_utc_);
    return last_;
  }

 private:
  enum class Change { Leap, Step };

  std::uint64_t through_change(std::uint64_t tai_ns) noexcept;
  void follow_step(const SystemClocks::Reading& now) noexcept;
  void follow_leap(const SystemClocks::Reading& now, std::int64_t seconds) noexcept;
  void begin_change(Change change, std::uint64_t to_utc, std::uint64_t monotonic) noexcept;
  SystemClocks::Reading steady_reading() const noexcept;

  const SystemClocks& clocks_;
  std::uint64_t to_utc_ = 0;       // added to a stamp, modulo 2^64
  std::uint64_t tai_ahead_ = 0;    // CLOCK_TAI less CLOCK_MONOTONIC
  std::int64_t leap_seconds_ = 0;  // CLOCK_TAI less CLOCK_REALTIME
  std::uint64_t last_ = 0;

  // While stamps of before a change may still come.
  bool changing_ = false;
  Change change_ = Change::Step;
  bool crossed_ = false;  // a stamp of after a step was seen
  std::uint64_t to_utc_before_ = 0;
  std::uint64_t leap_tai_ = 0;  // the stamp at which UTC leapt
  std::uint64_t now_utc_ = 0;
  std::uint64_t changed_at_ = 0;  // CLOCK_MONOTONIC
};

}  // namespace gray
