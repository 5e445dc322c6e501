// Looks whether files of descriptors changed while a run goes on, and says what came of it. One
// thread. Never waits, and costs next to nothing when it is asked often.
#pragma once

#include <cstdint>
#include <iostream>

#include "replay/report/run.h"
#include "userspace/base/clock.h"

namespace gray {

class DescriptorWatch {
 public:
  explicit DescriptorWatch(ReplayRun& run) : run_(run) {}

  /// Looks once a second at most: that is soon enough.
  void look() {
    const std::uint64_t now = monotonic_ns();
    if (now - looked_ns_ < kNsPerSecond) return;
    looked_ns_ = now;
    for (const std::string& line : run_.reload_descriptors())
      std::cerr << "grayxdp: " << line << '\n';
  }

 private:
  ReplayRun& run_;
  std::uint64_t looked_ns_ = monotonic_ns();
};

}  // namespace gray
