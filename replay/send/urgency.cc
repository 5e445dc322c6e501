#include "replay/send/urgency.h"

#include <pthread.h>
#include <sched.h>

#include "userspace/base/clock.h"

namespace gray {
namespace {

constexpr int kPriority = 1;  // any is before all ordinary threads
constexpr std::uint64_t kStretchNs = 50 * kNsPerMs;
constexpr std::uint64_t kLeastSleepShare = 5;  // a 5th; the kernel itself would stop it at a 20th

}  // namespace

Urgency::Urgency(bool wanted) noexcept {
  permitted_ = wanted && set(true);
}

Urgency::~Urgency() {
  if (real_time_) set(false);
}

void Urgency::turn(std::uint64_t now_ns, std::uint64_t slept_ns) noexcept {
  if (!permitted_) return;
  if (since_ns_ == 0) since_ns_ = now_ns;
  slept_ns_ += slept_ns;
  const std::uint64_t stretch = now_ns - since_ns_;
  if (stretch < kStretchNs) return;
  const bool enough = slept_ns_ * kLeastSleepShare >= stretch;
  if (enough != real_time_) set(enough);
  since_ns_ = now_ns;
  slept_ns_ = 0;
}

bool Urgency::set(bool wanted) noexcept {
  sched_param parameters{};
  parameters.sched_priority = wanted ? kPriority : 0;
  const int policy = wanted ? SCHED_FIFO : SCHED_OTHER;
  // The flag stays: who is allowed the priority by a limit only may not take the flag back.
  const bool done = ::sched_setscheduler(0, policy | SCHED_RESET_ON_FORK, &parameters) == 0;
  if (done) real_time_ = wanted;
  return done;
}

}  // namespace gray
