// The outputs of `capture`: a pcapng file, lines of text, nothing. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "userspace/base/ledger.h"
#include "userspace/capture/live.h"
#include "userspace/packet/packet.h"
#include "userspace/pcapng/capture_writer.h"

namespace gray {

/// Where captured frames go.
class FrameOutput {
 public:
  virtual ~FrameOutput() = default;
  /// The ledger's name of it: "writer", "printer" or "counter".
  virtual std::string stage() const = 0;
  /// `dropped_before`: frames lost since the one before. False: it could not, and will not any
  /// more.
  virtual bool put(const Frame& frame, std::uint64_t dropped_before) noexcept = 0;
  /// After each batch of put(): what people watch is to be seen now.
  virtual void settle() noexcept {}
  /// About once a second: what was put is to be seen from outside.
  virtual void flush() noexcept {}
  /// Several times a second.
  virtual void tick() noexcept {}
  /// All that was wanted is there: what comes now is left out.
  virtual bool complete() const noexcept { return false; }
  /// Nothing more comes; `received` and `dropped` frames are for the file's own statistics.
  virtual void finish(std::uint64_t received, std::uint64_t dropped) noexcept {
    (void)received, (void)dropped;
  }
  /// Of the frames that put() took, those that turned out not to be safe. After finish().
  virtual std::uint64_t unsafe() const noexcept { return 0; }
  virtual std::uint64_t bytes() const noexcept { return 0; }
  /// Why it failed, and what is safe; empty when it did not.
  virtual std::string failure() const { return {}; }
};

/// Throws UsageError, std::system_error. `filter` is for the file's interface description.
std::unique_ptr<FrameOutput> open_capture_file(const CaptureWriterOptions& file,
                                               const LiveOptions& live, std::uint32_t snaplen,
                                               const std::string& filter);
std::unique_ptr<FrameOutput> discard_frames();

}  // namespace gray
