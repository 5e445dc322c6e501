#include "tools/grayxdp/progress.h"

#include <unistd.h>

#include <iostream>

#include "userspace/base/clock.h"

namespace gray {
namespace {
constexpr std::uint64_t kRefreshNs = 250 * kNsPerMs;
}

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1), rate_ns_(monotonic_ns()) {}

Progress::~Progress() {
  if (shown_ns_ > 0) std::cerr << "\r\033[K" << std::flush;
}

bool Progress::due() const noexcept {
  return terminal_ && monotonic_ns() - shown_ns_ >= kRefreshNs;
}

void Progress::show(const std::string& text) {
  std::cerr << "\r\033[K" << text << std::flush;
  shown_ns_ = monotonic_ns();
}

double Progress::rate(std::uint64_t total) noexcept {
  const std::uint64_t now = monotonic_ns();
  const double seconds = static_cast<double>(now - rate_ns_) / static_cast<double>(kNsPerSecond);
  const double rate = seconds > 0 ? static_cast<double>(total - rate_total_) / seconds : 0;
  rate_ns_ = now;
  rate_total_ = total;
  return rate;
}

}  // namespace gray
