// Moves frames from the sources of a live capture to what consumes them. Between two looks at a
// ring that was found empty it naps instead of asking to be woken by the next frame: a wakeup costs
// the kernel more than a frame does, and the rings hold many times what comes in that time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

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

/// How long a frame may lie in a ring before somebody looks; 0 with busy polling. Nobody waits for
/// one that goes to a file, and each nap costs as much as tens of frames.
inline constexpr std::chrono::microseconds kRingNap{1000};
inline constexpr std::chrono::microseconds kFileNap{5000};

class CaptureRun {
 public:
  virtual ~CaptureRun() = default;

  /// Runs the consumer in this thread until every source has ended and all is consumed, or until
  /// `stop` becomes true (the caller then stops the sources and calls run() again, with a `stop`
  /// that stays false, to drain). Passes on what a source threw.
  virtual void run(const std::atomic<bool>& stop) = 0;
  /// Frames waiting between threads, for the progress line.
  virtual std::uint64_t queued() const noexcept = 0;
  /// Adds the stage between sources and consumer, when there is one.
  virtual void account(Ledger& ledger) const = 0;
};

/// For a consumer that is as quick as the wire, such as a file's: with one source, both run in the
/// caller's thread, and when the consumer is late frames wait in the kernel's ring; several sources
/// have a thread each (Workers). Sources and consumer outlive the run.
std::unique_ptr<CaptureRun> make_run(std::span<const std::unique_ptr<Source>> sources,
                                     FrameConsumer& consumer, std::chrono::microseconds nap);

}  // namespace gray
