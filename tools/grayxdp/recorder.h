// What `capture` does with frames: write them to a file, print a line each, or only count. Runs on
// the consumer's thread of Workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tools/grayxdp/capture_output.h"
#include "tools/grayxdp/pause_switch.h"
#include "tools/grayxdp/progress.h"
#include "tools/grayxdp/stop.h"
#include "userspace/base/ledger.h"
#include "userspace/capture/live.h"
#include "userspace/capture/run.h"

namespace gray {

struct RecorderLimits {
  std::uint64_t count = 0;        ///< frames; 0: no limit
  std::uint64_t duration_ns = 0;  ///< 0: no limit
  std::uint32_t snaplen = 0;      ///< bytes of a frame that are put; 0: all
};

class Recorder final : public FrameConsumer {
 public:
  Recorder(FrameOutput& output, const RecorderLimits& limits, LiveCapture& capture, Stop& stop);

  void consume(std::span<const Frame> frames) noexcept override;
  void tick() noexcept override;

  /// Frames that are where they were to go. Exact after the output was finished.
  std::uint64_t put() const noexcept { return put_ - output_.unsafe(); }
  std::uint64_t frame_bytes() const noexcept { return frame_bytes_; }
  double seconds() const noexcept;
  /// Adds the output's stage. After the output was finished.
  void account(Ledger& ledger) const;

 private:
  void consume_one(const Frame& frame) noexcept;
  void show_progress();

  FrameOutput& output_;
  RecorderLimits limits_;
  LiveCapture& capture_;
  Stop& stop_;
  Progress progress_;
  std::uint64_t started_ns_;
  std::uint64_t flushed_ns_;
  std::uint64_t in_ = 0;
  std::uint64_t put_ = 0;
  std::uint64_t frame_bytes_ = 0;
  std::uint64_t after_count_ = 0;
  std::uint64_t failed_ = 0;
  PauseSwitch pause_;
  std::uint64_t drops_ = 0;           // in the kernel, as of the last tick
  std::uint64_t dropped_before_ = 0;  // to be told with the next frame
};

}  // namespace gray
