// Capture threads push, the consumer pops; a Lane is what one pair shares. A sleeping consumer is
// woken through an eventfd, which costs a system call only when it does sleep.
#include "userspace/capture/workers.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <thread>

#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/spsc_ring.h"
#include "userspace/capture/ring_wait.h"

namespace gray {
namespace {

// More than a UMEM has frames: a late consumer exhausts the kernel's frames first.
constexpr std::size_t kLaneDepth = 32768;
constexpr std::size_t kBatch = 256;
constexpr std::uint64_t kTickNs = 50 * kNsPerMs;
constexpr std::chrono::milliseconds kIdle{50};
// While the consumer holds frames they have to be fetched back, traffic or not.
constexpr std::chrono::milliseconds kFetch{1};

}  // namespace

struct Workers::Lane {
  explicit Lane(Source& from) : source(from) {}

  Source& source;
  SpscRing<Frame> there{kLaneDepth};
  SpscRing<Frame> back{kLaneDepth};
  std::uint64_t lent = 0;  // the capture thread's: pushed and not yet back
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> consumed{0};
  std::exception_ptr failure;  // set before `done`
  std::atomic<bool> done{false};
  std::thread thread;
};

Workers::Workers(std::span<const std::unique_ptr<Source>> sources, FrameConsumer& consumer,
                 std::chrono::microseconds nap)
    : consumer_(consumer),
      nap_(nap),
      bell_(check_errno(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "make an eventfd")) {
  for (const auto& source : sources) lanes_.push_back(std::make_unique<Lane>(*source));
  for (const auto& lane : lanes_)
    lane->thread = std::thread([this, &shared = *lane] { capture(shared); });
}

Workers::~Workers() {
  quit_ = true;
  for (const auto& lane : lanes_) lane->thread.join();
}

void Workers::capture(Lane& lane) noexcept {
  std::array<Frame, kBatch> frames;
  RingWait wait(std::min(nap_, kRingNap), lane.source.ring_frames());
  try {
    while (!quit_.load(std::memory_order_relaxed) && !lane.source.ended()) {
      std::size_t count = 0;
      while (count < kBatch && lane.back.pop(frames[count])) ++count;
      lane.source.recycle({frames.data(), count});
      lane.lent -= count;
      const auto timeout = count == kBatch ? std::chrono::milliseconds(0)
                           : lane.lent > 0 ? kFetch
                                           : kIdle;
      count = lane.source.receive(frames, wait.timeout(timeout));
      if (count > 0) forward(lane, {frames.data(), count});
      wait.looked(count, monotonic_ns());
      if (count < kBatch && (count > 0 || wait.awake())) wait.rest();
    }
  } catch (...) {
    lane.failure = std::current_exception();
  }
  lane.done.store(true, std::memory_order_release);
  wake();
}

void Workers::forward(Lane& lane, std::span<Frame> frames) noexcept {
  std::size_t pushed = 0;
  // `lent` is bounded, too, so that the way back always has room.
  while (pushed < frames.size() && lane.lent < kLaneDepth && lane.there.push(frames[pushed])) {
    ++pushed;
    ++lane.lent;
  }
  lane.received.fetch_add(frames.size(), std::memory_order_relaxed);
  if (pushed < frames.size()) {
    lane.refused.fetch_add(frames.size() - pushed, std::memory_order_relaxed);
    lane.source.recycle(frames.subspan(pushed));
  }
  if (pushed > 0) wake();
}

// The exchange orders the pushes before it: either the consumer's last look, which follows an
// exchange of its own, sees them, or we see that it sleeps.
void Workers::wake() noexcept {
  if (!asleep_.exchange(false)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(bell_.get(), &one, sizeof(one));
}

void Workers::sleep(std::uint64_t until_ns) noexcept {
  asleep_.exchange(true);
  const bool waiting = std::any_of(lanes_.begin(), lanes_.end(),
                                   [](const auto& lane) { return lane->there.size() > 0; });
  const std::uint64_t now = monotonic_ns();
  if (!waiting && now < until_ns) {
    pollfd ring{bell_.get(), POLLIN, 0};
    poll(&ring, 1, static_cast<int>((until_ns - now) / kNsPerMs) + 1);
  }
  if (asleep_.exchange(false)) return;
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(bell_.get(), &count, sizeof(count));
}

std::size_t Workers::consume(Lane& lane) noexcept {
  std::array<Frame, kBatch> frames;
  std::size_t count = 0;
  while (count < kBatch && lane.there.pop(frames[count])) ++count;
  if (count == 0) return 0;
  consumer_.consume({frames.data(), count});
  lane.consumed.fetch_add(count, std::memory_order_relaxed);
  for (std::size_t i = 0; i < count; ++i) lane.back.push(frames[i]);
  return count;
}

// Once over all lanes. True when all have ended and are empty.
bool Workers::consume_round(std::size_t& moved) noexcept {
  bool ended = true;
  moved = 0;
  for (const auto& lane : lanes_) {
    const bool done = lane->done.load(std::memory_order_acquire);
    moved += consume(*lane);
    ended = ended && done && lane->there.size() == 0;
  }
  return ended;
}

void Workers::run(const std::atomic<bool>& stop) {
  std::uint64_t next_tick = monotonic_ns() + kTickNs;
  while (!stop.load(std::memory_order_relaxed)) {
    std::size_t moved = 0;
    if (consume_round(moved)) {
      for (const auto& lane : lanes_)
        if (lane->failure) std::rethrow_exception(lane->failure);
      return;
    }
    if (moved == 0) sleep(next_tick);
    if (const std::uint64_t now = monotonic_ns(); now >= next_tick) {
      consumer_.tick();
      next_tick = now + kTickNs;
    }
  }
}

std::uint64_t Workers::queued() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& lane : lanes_) sum += lane->there.size();
  return sum;
}

void Workers::account(Ledger& ledger) const {
  Stage stage{.name = "queue"};
  std::uint64_t refused = 0;
  for (const auto& lane : lanes_) {
    stage.in += lane->received.load();
    stage.out += lane->consumed.load();
    stage.held += lane->there.size();
    refused += lane->refused.load();
  }
  stage.drops = {{"queue_full", refused, DropKind::Loss}};
  ledger.add(std::move(stage));
}

}  // namespace gray
