// A process of our own that outlives us, for what the kernel does not undo when we are killed: it
// waits for our end and then does one thing. Nothing else of ours stays open in it. Private to this
// module; made before threads are.
#pragma once

#include <sys/types.h>

#include <functional>

#include "userspace/base/fd.h"

namespace gray {

class DetachGuard {
 public:
  /// `undo` runs in the guard, which holds none of our descriptors. Throws std::system_error.
  explicit DetachGuard(const std::function<void()>& undo);
  DetachGuard(const DetachGuard&) = delete;
  DetachGuard& operator=(const DetachGuard&) = delete;
  /// It was undone by ourselves: the guard ends without doing anything.
  ~DetachGuard();

 private:
  Fd to_guard_;
  pid_t guard_ = -1;
};

}  // namespace gray
