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
#include "userspace/capture/source.h"

namespace gray {

/// Runs on the consumer's thread only.
class FrameConsumer {
 public:
  virtual ~FrameConsumer() = default;
  /// Frames of one source, in order; their bytes are valid during the call.
  virtual void consume(std::span<const Frame> frames) noexcept = 0;
  /// Called about every 50 ms, also without traffic.
  virtual void tick() noexcept {}
};

class Workers {
 public:
  /// Starts a thread a source; `sources` and `consumer` outlive this object.
  Workers(std::span<const std::unique_ptr<Source>> sources, FrameConsumer& consumer);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Runs the consumer in this thread until every source has ended and all is consumed, or until
  /// `stop` becomes true (the caller then stops the sources and calls run() again, with a `stop`
  /// that stays false, to drain). Passes on what a source threw.
  void run(const std::atomic<bool>& stop);

  /// Frames waiting between the threads, for the progress line.
  std::uint64_t queued() const noexcept;
  /// Adds the stage "queue": frames from the sources in, frames consumed out, queue_full.
  void account(Ledger& ledger) const;

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
  Fd bell_;                          // an eventfd: the consumer sleeps on it
  std::atomic<bool> asleep_{false};  // whether someone must ring it
  std::atomic<bool> quit_{false};
};

}  // namespace gray
