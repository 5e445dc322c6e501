// One source and its consumer in one thread: no queue, no second look at a frame.
#include <algorithm>
#include <array>

#include "userspace/base/clock.h"
#include "userspace/capture/ring_wait.h"
#include "userspace/capture/run.h"
#include "userspace/capture/workers.h"

namespace gray {
namespace {

constexpr std::size_t kBatch = 256;
constexpr std::uint64_t kTickNs = 50 * kNsPerMs;
constexpr std::chrono::milliseconds kIdle{50};

/// A long one only where RingWait knows what the ring bridges.
std::chrono::microseconds nap_for(std::chrono::microseconds nap, std::size_t ring_frames) noexcept {
  return ring_frames > 0 ? nap : std::min(nap, kRingNap);
}

class DirectRun final : public CaptureRun {
 public:
  DirectRun(Source& source, FrameConsumer& consumer, std::chrono::microseconds nap)
      : source_(source),
        consumer_(consumer),
        wait_(nap_for(nap, source.ring_frames()), source.ring_frames()) {}

  void run(const std::atomic<bool>& stop) override {
    std::uint64_t next_tick = monotonic_ns() + kTickNs;
    while (!stop.load(std::memory_order_relaxed) && !source_.ended()) {
      const std::size_t count = move_batch();
      const std::uint64_t now = monotonic_ns();
      wait_.looked(count, now);
      if (now >= next_tick) {
        consumer_.tick();
        next_tick = now + kTickNs;
      }
      // Fewer than asked for: the ring is empty by now, or nearly.
      if (count < kBatch && (count > 0 || wait_.awake())) wait_.rest();
    }
  }

  std::uint64_t queued() const noexcept override { return 0; }
  void account(Ledger&) const override {}

 private:
  std::size_t move_batch() {
    const std::size_t count = source_.receive(frames_, wait_.timeout(kIdle));
    if (count == 0) return 0;
    consumer_.consume({frames_.data(), count});
    source_.recycle({frames_.data(), count});
    return count;
  }

  Source& source_;
  FrameConsumer& consumer_;
  RingWait wait_;
  std::array<Frame, kBatch> frames_;
};

}  // namespace

std::unique_ptr<CaptureRun> make_run(std::span<const std::unique_ptr<Source>> sources,
                                     FrameConsumer& consumer, std::chrono::microseconds nap) {
  if (sources.size() == 1) return std::make_unique<DirectRun>(*sources[0], consumer, nap);
  return std::make_unique<Workers>(sources, consumer, nap);
}

}  // namespace gray
