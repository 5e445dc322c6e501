// Each lane stages a batch of its ring; take() merges the stages. A ticket is the ring's own, with
// the lane's number in its topmost byte.
#include "userspace/kernel/ring_group.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "bpf/shared.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

using std::chrono::microseconds;

constexpr std::uint64_t kForever = std::numeric_limits<std::uint64_t>::max();
constexpr microseconds kShortNap{100};
constexpr microseconds kLongNap{5'000};
constexpr std::size_t kStage = 64;
constexpr int kLaneShift = 56;
constexpr std::size_t kMaxLanes = 64;

timespec to_timespec(std::uint64_t ns) noexcept {
  return {static_cast<time_t>(ns / kNsPerSecond), static_cast<long>(ns % kNsPerSecond)};
}

std::uint64_t time_of(const RingRecord& record) noexcept {
  std::uint64_t ns = 0;
  if (record.bytes.size() >= sizeof(gray_frame_meta))
    std::memcpy(&ns, record.bytes.data() + offsetof(gray_frame_meta, time_ns), sizeof(ns));
  return ns;
}

}  // namespace

struct RingGroup::Lane {
  Lane(int map_fd, std::uint64_t number) : ring(map_fd), mark(number << kLaneShift) {}

  bool staged() noexcept {
    if (at == count) {
      at = 0;
      count = ring.take(stage);
    }
    return at < count;
  }

  RingBuffer ring;
  std::uint64_t mark;
  std::array<RingRecord, kStage> stage;
  std::size_t at = 0;
  std::size_t count = 0;
};

RingGroup::RingGroup(std::span<const int> map_fds, const Clock& clock)
    : clock_(clock), nap_(kShortNap) {
  if (map_fds.empty() || map_fds.size() > kMaxLanes)
    throw_errno(EINVAL, "read " + std::to_string(map_fds.size()) + " BPF ring buffers");
  for (const int fd : map_fds) lanes_.push_back(std::make_unique<Lane>(fd, lanes_.size()));
}

RingGroup::~RingGroup() = default;

// Up to which stamp nothing more can come from a ring that is found empty after this call.
std::uint64_t RingGroup::horizon() const noexcept {
  return closed_ || lanes_.size() == 1 ? kForever : clock_.now_ns() - kSettleNs;
}

std::size_t RingGroup::take(std::span<RingRecord> out) noexcept {
  const std::uint64_t settled = horizon();
  std::size_t count = 0;
  held_back_ = false;
  while (count < out.size()) {
    Lane* first = nullptr;
    std::uint64_t earliest = kForever;
    std::uint64_t limit = kForever;  // what the other lanes allow the first one
    for (const auto& lane : lanes_) {
      if (!lane->staged()) {
        limit = std::min(limit, settled);
        continue;
      }
      const std::uint64_t time = time_of(lane->stage[lane->at]);
      if (first == nullptr || time < earliest) {
        if (first != nullptr) limit = std::min(limit, earliest);
        first = lane.get();
        earliest = time;
      } else {
        limit = std::min(limit, time);
      }
    }
    if (first == nullptr) break;
    // A stamp far ahead of now: the clock was set back, and waiting for it would stop all.
    if (earliest > limit && earliest - limit < kNsPerSecond) {
      held_back_ = true;
      break;
    }
    do {
      out[count] = first->stage[first->at++];
      out[count++].ticket |= first->mark;
    } while (count < out.size() && first->at < first->count &&
             time_of(first->stage[first->at]) <= limit);
  }
  if (count > 0) nap_ = kShortNap;
  return count;
}

void RingGroup::give_back(std::uint64_t ticket) noexcept {
  const std::size_t lane = ticket >> kLaneShift;
  if (lane < lanes_.size())
    lanes_[lane]->ring.give_back(ticket & ((std::uint64_t{1} << kLaneShift) - 1));
}

bool RingGroup::readable() const noexcept {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](const auto& lane) { return lane->ring.readable(); });
}

bool RingGroup::empty() const noexcept {
  return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) {
    return lane->at == lane->count && lane->ring.empty();
  });
}

void RingGroup::wait(std::chrono::milliseconds timeout) noexcept {
  const std::uint64_t deadline =
      monotonic_ns() + static_cast<std::uint64_t>(timeout.count()) * kNsPerMs;
  if (held_back_) {
    const timespec settle = to_timespec(kSettleNs);
    nanosleep(&settle, nullptr);
    return;
  }
  while (!readable()) {
    const std::uint64_t now = monotonic_ns();
    if (now >= deadline) return;
    nap(deadline - now);
  }
}

// The kernel wakes pollers of a ring; but its poll would return at once while records are lent, or
// one is being written.
void RingGroup::nap(std::uint64_t left_ns) noexcept {
  const auto nap_ns = static_cast<std::uint64_t>(nap_.count()) * kNsPerUs;
  const timespec time = to_timespec(std::min(nap_ns, left_ns));
  std::array<pollfd, kMaxLanes> ready;
  nfds_t quiet = 0;
  for (const auto& lane : lanes_)
    if (lane->ring.lent() == 0 && lane->ring.empty()) ready[quiet++] = {lane->ring.fd(), POLLIN, 0};
  ppoll(ready.data(), quiet, &time, nullptr);
  nap_ = std::min(nap_ * 2, kLongNap);
}

}  // namespace gray
