// Carries SIGUSR1 to the kernel: one map write, and the programs mirror nothing, or go on. Used by
// the consumer's thread.
#pragma once

#include <exception>

#include "tools/grayxdp/stop.h"
#include "userspace/kernel/programs.h"

namespace gray {

class PauseSwitch {
 public:
  void follow(const Stop& stop, Program& program) noexcept {
    if (stop.paused() == paused_) return;
    try {
      program.set_enabled(paused_);
      paused_ = !paused_;
    } catch (const std::exception&) {
      // The map could not be written; the next tick tries again.
    }
  }

 private:
  bool paused_ = false;
};

}  // namespace gray
