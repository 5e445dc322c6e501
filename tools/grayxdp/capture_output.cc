#include "tools/grayxdp/capture_output.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include "userspace/base/clock.h"

namespace gray {
namespace {

std::string kernel_name() {
  utsname kernel{};
  uname(&kernel);
  return fmt::format("{} {}", kernel.sysname, kernel.release);
}

SectionInfo describe_section(const LiveOptions& live) {
  return {.application = "grayxdp",
          .os = kernel_name(),
          .clock = fmt::format("{}, less {} s to UTC",
                               live.clock == CaptureClock::Hardware
                                   ? "the NIC's hardware clock, taken as TAI, where it stamped the "
                                     "frame, else CLOCK_TAI at the hook"
                                   : "CLOCK_TAI at the hook",
                               tai_minus_utc_ns() / static_cast<std::int64_t>(kNsPerSecond)),
          .tag_seed = live.program.seed};
}

class CaptureFile final : public FrameOutput {
 public:
  CaptureFile(const CaptureWriterOptions& file, const LiveOptions& live,
              const InterfaceInfo& interface)
      : writer_(file, describe_section(live), interface) {}

  std::string stage() const override { return "writer"; }
  bool put(const Frame& frame, std::uint64_t dropped_before) noexcept override {
    return writer_.write(frame, dropped_before);
  }
  void flush() noexcept override { writer_.flush(); }
  void tick() noexcept override { writer_.rotate_when_due(); }
  bool complete() const noexcept override { return writer_.complete(); }
  void finish(std::uint64_t received, std::uint64_t dropped) noexcept override {
    writer_.finish(received, dropped);
  }
  std::uint64_t unsafe() const noexcept override {
    return writer_.frames_written() - writer_.frames_safe();
  }
  std::uint64_t bytes() const noexcept override { return writer_.bytes_safe(); }
  std::string failure() const override {
    if (writer_.failure().empty()) return {};
    return fmt::format("{}; {} frames are safe", writer_.failure(), writer_.frames_safe());
  }

 private:
  CaptureWriter writer_;
};

class Discard final : public FrameOutput {
 public:
  std::string stage() const override { return "counter"; }
  bool put(const Frame&, std::uint64_t) noexcept override { return true; }
};

}  // namespace

std::unique_ptr<FrameOutput> open_capture_file(const CaptureWriterOptions& file,
                                               const LiveOptions& live, std::uint32_t snaplen,
                                               const std::string& filter) {
  const InterfaceInfo interface {
    .name = live.interface,
    .description =
        live.mode == CaptureMode::Tap ? "grayxdp tap (XDP)" : "grayxdp host (tc, both directions)",
    .os = kernel_name(), .filter = filter, .snaplen = snaplen
  };
  return std::make_unique<CaptureFile>(file, live, interface);
}

std::unique_ptr<FrameOutput> discard_frames() {
  return std::make_unique<Discard>();
}

}  // namespace gray
