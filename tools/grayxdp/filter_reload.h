// SIGHUP while a verb runs: the files of the expression and of the sample are read again, and the
// kernel asks the new ones, without missing a frame. A thread of its own, because loading takes
// longer than a ring is deep.
#pragma once

#include <atomic>
#include <thread>

#include "tools/grayxdp/live_flags.h"
#include "tools/grayxdp/stop.h"
#include "userspace/capture/live.h"

namespace gray {

class FilterReload {
 public:
  /// `stop` catches hangups by then. Does nothing when neither is in a file. Ends before `capture`
  /// is stopped.
  FilterReload(const LiveFlags& flags, Stop& stop, LiveCapture& capture);
  ~FilterReload();
  FilterReload(const FilterReload&) = delete;
  FilterReload& operator=(const FilterReload&) = delete;

 private:
  void run() noexcept;
  void reload_filter() noexcept;
  void reload_sample() noexcept;

  const LiveFlags& flags_;
  Stop& stop_;
  LiveCapture& capture_;
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

}  // namespace gray
