#include "tools/grayxdp/recorder.h"

#include <fmt/format.h>

#include <algorithm>

#include "userspace/base/clock.h"
#include "userspace/base/prefetch.h"

namespace gray {
namespace {

// Frames come from the memory of another CPU, each from a place of its own, where the hardware does
// not look ahead.
constexpr std::size_t kAhead = 2;

std::uint64_t lost_in_kernel(LiveCapture& capture) {
  const Counters counters = capture.program().counters();
  return kernel_stage("", counters).dropped(DropKind::Loss) + capture.ring_lost();
}

}  // namespace

Recorder::Recorder(FrameOutput& output, const RecorderLimits& limits, LiveCapture& capture,
                   Stop& stop)
    : output_(output),
      limits_(limits),
      capture_(capture),
      stop_(stop),
      started_ns_(monotonic_ns()),
      flushed_ns_(started_ns_) {}

void Recorder::consume(std::span<const Frame> frames) noexcept {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i + kAhead < frames.size()) prefetch(frames[i + kAhead].bytes);
    consume_one(frames[i]);
  }
  output_.settle();
}

void Recorder::consume_one(const Frame& frame) noexcept {
  ++in_;
  if ((limits_.count > 0 && put_ >= limits_.count) || output_.complete()) {
    ++after_count_;
    return;
  }
  Frame cut = frame;
  if (limits_.snaplen > 0)
    cut.bytes = cut.bytes.first(std::min<std::size_t>(cut.bytes.size(), limits_.snaplen));
  if (!output_.put(cut, dropped_before_)) {
    ++failed_;
    stop_.request();
    return;
  }
  dropped_before_ = 0;
  ++put_;
  frame_bytes_ += cut.bytes.size();
  if (limits_.count > 0 && put_ == limits_.count) stop_.request();
}

void Recorder::tick() noexcept {
  const std::uint64_t now = monotonic_ns();
  if (limits_.duration_ns > 0 && now - started_ns_ >= limits_.duration_ns) stop_.request();
  output_.tick();
  if (output_.complete()) stop_.request();
  if (now - flushed_ns_ >= kNsPerSecond) {
    output_.flush();
    flushed_ns_ = now;
  }
  pause_.follow(stop_, capture_.program());
  const std::uint64_t drops = lost_in_kernel(capture_);
  dropped_before_ += drops - drops_;
  drops_ = drops;
  if (progress_.due()) show_progress();
}

void Recorder::show_progress() {
  progress_.show(fmt::format("{} frames, {:.0f}/s, {} dropped by the kernel", put_,
                             progress_.rate(put_), drops_));
}

double Recorder::seconds() const noexcept {
  return static_cast<double>(monotonic_ns() - started_ns_) / static_cast<double>(kNsPerSecond);
}

void Recorder::account(Ledger& ledger) const {
  ledger.add({.name = output_.stage(),
              .in = in_,
              .out = put(),
              .drops = {{"after_count", after_count_, DropKind::Selection},
                        {"write_failed", failed_ + output_.unsafe(), DropKind::Loss}}});
}

}  // namespace gray
