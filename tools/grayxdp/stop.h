// The signals that a running verb listens to. Ctrl-C: the first one asks for a clean end, the
// second stops at once. SIGUSR1 pauses the mirror in the kernel, or lets it go on. SIGHUP, for who
// asks for it, means that a file is to be read again. One Stop a process, made by the verb before
// its threads.
#pragma once

#include <atomic>

namespace gray {

class Stop {
 public:
  /// Catches SIGINT, SIGTERM and SIGUSR1.
  Stop();
  ~Stop();
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;

  void request() noexcept;
  bool requested() const noexcept { return flag().load(std::memory_order_relaxed); }
  /// A signal asked for it, not the verb itself.
  bool interrupted() const noexcept;
  const std::atomic<bool>& flag() const noexcept;
  /// SIGUSR1 came an odd number of times.
  bool paused() const noexcept;
  /// From now on SIGHUP no longer ends the process, but is counted.
  void catch_hangups() noexcept;
  unsigned hangups() const noexcept;

 private:
  bool catches_hangups_ = false;
};

}  // namespace gray
