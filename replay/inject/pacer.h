// Time for the sender: what it is, and waiting until it has come. The real one sleeps while the
// deadline is far and spins when it is near, so near as the measured latency of this machine's
// wake-ups asks for. One thread.
#pragma once

#include <cstdint>

#include "userspace/base/fd.h"
#include "userspace/base/histogram.h"

namespace gray {

class Pacer {
 public:
  virtual ~Pacer() = default;
  virtual std::uint64_t now_ns() noexcept = 0;
  /// Returns when now_ns() has reached `deadline_ns`; gives what now_ns() is then.
  virtual std::uint64_t wait_until(std::uint64_t deadline_ns) noexcept = 0;
};

/// What of the sending thread's wishes was granted.
struct Privileges {
  bool real_time = false;  ///< SCHED_FIFO
  bool memory_locked = false;
};

/// On CLOCK_MONOTONIC, for the thread that made it.
class SpinPacer final : public Pacer {
 public:
  enum class Haste {
    Timed,     ///< real-time priority, as long as there are pauses that leave others some time
    TopSpeed,  ///< none: a thread that never sleeps must not starve the kernel's own
  };
  /// `cpu` < 0: any.
  explicit SpinPacer(Haste haste, int cpu = -1);

  std::uint64_t now_ns() noexcept override;
  std::uint64_t wait_until(std::uint64_t deadline_ns) noexcept override;

  const Privileges& privileges() const noexcept { return privileges_; }
  std::uint64_t spin_window_ns() const noexcept { return window_; }

 private:
  void calibrate() noexcept;
  std::uint64_t sleep_until(std::uint64_t time_ns) noexcept;
  void learn(std::uint64_t overslept_ns) noexcept;
  void leave_time_to_others(std::uint64_t now) noexcept;
  bool set_real_time(bool wanted) noexcept;

  Privileges privileges_;
  Fd latency_;  // keeps the CPUs out of deep idle states while it is open
  std::uint64_t window_;
  bool real_time_now_ = false;
  std::uint64_t stretch_start_ = 0;
  std::uint64_t slept_ = 0;  // in this stretch
};

}  // namespace gray
