// Real-time priority for a thread that has deadlines: it then runs at once when it wakes up,
// however busy the machine is. Given back whenever the thread hardly sleeps, since the kernel stops
// one that spins at that priority, and the canary may need the CPU. Used by the thread it is for.
#pragma once

#include <cstdint>

namespace gray {

class Urgency {
 public:
  /// Does nothing unless `wanted`, or when the priority is not permitted.
  explicit Urgency(bool wanted) noexcept;
  /// The thread is as urgent as any other again.
  ~Urgency();
  Urgency(const Urgency&) = delete;
  Urgency& operator=(const Urgency&) = delete;

  bool permitted() const noexcept { return permitted_; }
  bool real_time() const noexcept { return real_time_; }

  /// Once a turn, with the time slept in it.
  void turn(std::uint64_t now_ns, std::uint64_t slept_ns) noexcept;

 private:
  bool set(bool wanted) noexcept;

  bool permitted_ = false;
  bool real_time_ = false;
  std::uint64_t since_ns_ = 0;
  std::uint64_t slept_ns_ = 0;
};

}  // namespace gray
