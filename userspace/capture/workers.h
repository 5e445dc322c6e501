// The threads of a live capture: one a source, which only moves frame references, and one that
// consumes (writes, prints, reassembles). Between them a bounded single-producer ring each way.
// Capture never waits for the consumer: when the forward ring is full, the newest frame is given
// back and counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "userspace/base/fd.h"
#include "userspace/base/ledger.h"
#include "userspace/capture/run.h"
#include "userspace/capture/source.h"

namespace gray {

class Workers final : public CaptureRun {
 public:
  /// Starts a thread a source; `sources` and `consumer` outlive this object.
  Workers(std::span<const std::unique_ptr<Source>> sources, FrameConsumer& consumer,
          std::chrono::microseconds nap = kRingNap);
  ~Workers() override;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void run(const std::atomic<bool>& stop) override;
  std::uint64_t queued() const noexcept override;
  /// Adds the stage "queue": frames from the sources in, frames consumed out, queue_full.
  void account(Ledger& ledger) const override;

 private:
  struct Lane;

  void capture(Lane& lane) noexcept;
  void forward(Lane& lane, std::span<Frame> frames) noexcept;
  std::size_t consume(Lane& lane) noexcept;
  bool consume_round(std::size_t& moved) noexcept;
  void sleep(std::uint64_t until_ns) noexcept;
  void wake() noexcept;

  std::vector<std::unique_ptr<Lane>> lanes_;
  FrameConsumer& consumer_;
  const std::chrono::microseconds nap_;
  Fd bell_;                          // an eventfd: the consumer sleeps on it
  std::atomic<bool> asleep_{false};  // whether someone must ring it
  std::atomic<bool> quit_{false};
};

}  // namespace gray
