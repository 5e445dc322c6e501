// What was measured to choose this (Linux 6.18, a 2-core guest): a sleeping thread wakes up 30 µs
// late in the median and 60–150 µs in the 99th percentile, so sleeping alone is hopeless; spinning
// under SCHED_FIFO without pause is stopped by the kernel for up to 50 ms a second (RT throttling,
// the fair server). Hence: sleep up to a window before the deadline, learn the window, and give the
// real-time priority back whenever there is hardly a pause.
#include "replay/inject/pacer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "userspace/base/clock.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr int kPriority = 50;
constexpr int kNice = -20;
constexpr std::uint64_t kLeastWindowNs = 10 * kNsPerUs;
constexpr std::uint64_t kLargestWindowNs = 250 * kNsPerUs;
constexpr int kTrials = 100;
constexpr std::uint64_t kTrialNs = 100 * kNsPerUs;
// The window holds the 99.9th percentile of oversleeping: up by a step whenever it was too small,
// down by a thousandth of it otherwise.
constexpr std::uint64_t kStepUpNs = 10 * kNsPerUs;
constexpr std::uint64_t kStepDownNs = 10;
constexpr std::uint64_t kStretchNs = 100 * kNsPerMs;
constexpr std::uint64_t kLeastSleepShare = 12;  // a 12th: the kernel throttles at a 20th

void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu < CPU_SETSIZE) CPU_SET(static_cast<unsigned>(cpu), &set);
  if (const int error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
    throw_errno(error, "run on CPU " + std::to_string(cpu));
}

Fd refuse_deep_idle() {
  Fd fd(open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC));
  const std::int32_t none = 0;
  if (fd && write(fd.get(), &none, sizeof(none)) != sizeof(none)) fd.reset();
  return fd;
}

}  // namespace

SpinPacer::SpinPacer(Haste haste, int cpu) : window_(kLargestWindowNs) {
  pin(cpu);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  privileges_.memory_locked = mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
  // For when there is no real-time priority, or no time to hold it.
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);
  if (haste == Haste::TopSpeed) return;
  latency_ = refuse_deep_idle();
  privileges_.real_time = set_real_time(true);
  calibrate();
  stretch_start_ = now_ns();
}

void SpinPacer::calibrate() noexcept {
  Histogram overslept;
  for (int i = 0; i < kTrials; ++i) {
    const std::uint64_t time = now_ns() + kTrialNs;
    overslept.record(sleep_until(time) - time);
  }
  window_ = std::clamp(overslept.percentile(0.99), kLeastWindowNs, kLargestWindowNs);
}

std::uint64_t SpinPacer::now_ns() noexcept {
  return monotonic_ns();
}

// Gives when it woke up.
std::uint64_t SpinPacer::sleep_until(std::uint64_t time_ns) noexcept {
  const timespec time{static_cast<time_t>(time_ns / kNsPerSecond),
                      static_cast<long>(time_ns % kNsPerSecond)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
  return std::max(now_ns(), time_ns);
}

std::uint64_t SpinPacer::wait_until(std::uint64_t deadline_ns) noexcept {
  std::uint64_t now = now_ns();
  leave_time_to_others(now);
  if (deadline_ns > now + window_) {
    const std::uint64_t wake = deadline_ns - window_;
    const std::uint64_t woken = sleep_until(wake);
    slept_ += woken - now;
    learn(woken - wake);
  }
  while ((now = now_ns()) < deadline_ns) __builtin_ia32_pause();
  return now;
}

void SpinPacer::learn(std::uint64_t overslept_ns) noexcept {
  if (overslept_ns > window_)
    window_ = std::min(window_ + kStepUpNs, kLargestWindowNs);
  else
    window_ = std::max(window_ - kStepDownNs, kLeastWindowNs);
}

void SpinPacer::leave_time_to_others(std::uint64_t now) noexcept {
  const std::uint64_t stretch = now - stretch_start_;
  if (!privileges_.real_time || stretch < kStretchNs) return;
  const bool enough = slept_ * kLeastSleepShare >= stretch;
  if (enough != real_time_now_) set_real_time(enough);
  stretch_start_ = now;
  slept_ = 0;
}

bool SpinPacer::set_real_time(bool wanted) noexcept {
  sched_param parameters{};
  parameters.sched_priority = wanted ? kPriority : 0;
  const bool done =
      pthread_setschedparam(pthread_self(), wanted ? SCHED_FIFO : SCHED_OTHER, &parameters) == 0;
  if (done) real_time_now_ = wanted;
  return done;
}

}  // namespace gray
