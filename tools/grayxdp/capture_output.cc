#include "tools/grayxdp/capture_output.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "userspace/base/clock.h"
#include "userspace/pcapng/writer.h"

namespace gray {
namespace {

constexpr std::size_t kEthernet = 14;

std::string kernel_name() {
  utsname kernel{};
  uname(&kernel);
  return fmt::format("{} {}", kernel.sysname, kernel.release);
}

SectionInfo describe_section(const LiveOptions& live) {
  return {.application = "grayxdp",
          .os = kernel_name(),
          .clock = fmt::format("CLOCK_TAI at the hook, less {} s to UTC",
                               tai_minus_utc_ns() / static_cast<std::int64_t>(kNsPerSecond)),
          .tag_seed = live.program.seed};
}

class CaptureFile final : public FrameOutput {
 public:
  CaptureFile(const std::string& path, const LiveOptions& live, const InterfaceInfo& interface)
      : path_(path),
        started_ns_(utc_ns()),
        writer_(create_capture(path), describe_section(live), std::span(&interface, 1)) {
    writer_.flush();
  }

  std::string stage() const override { return "writer"; }
  bool put(const Frame& frame, std::uint64_t dropped_before) noexcept override {
    return writer_.write(frame, dropped_before);
  }
  void flush() noexcept override { writer_.flush(); }
  void finish(std::uint64_t received, std::uint64_t dropped) noexcept override {
    const std::array statistics{InterfaceStatistics{
        .start_ns = started_ns_, .end_ns = utc_ns(), .received = received, .dropped = dropped}};
    writer_.finish(statistics);
  }
  std::uint64_t unsafe() const noexcept override {
    return writer_.failure() ? writer_.frames_written() - writer_.frames_safe() : 0;
  }
  std::uint64_t bytes() const noexcept override { return writer_.bytes_safe(); }
  std::string failure() const override {
    if (!writer_.failure()) return {};
    return fmt::format("write {}: {}; {} frames are safe in it", path_, writer_.failure().message(),
                       writer_.frames_safe());
  }

 private:
  std::string path_;
  std::uint64_t started_ns_;
  PcapngWriter writer_;
};

class Printer final : public FrameOutput {
 public:
  Printer(const PrintOptions& options, bool hex) : options_(options), hex_(hex) {}

  std::string stage() const override { return "printer"; }
  bool put(const Frame& frame, std::uint64_t) noexcept override {
    std::cout << print_frame(frame, options_) << '\n';
    // As tcpdump -x: without the link header.
    if (hex_) std::cout << print_hex(frame.bytes.subspan(std::min(kEthernet, frame.bytes.size())));
    return std::cout.good();
  }
  void flush() noexcept override { std::cout.flush(); }
  void finish(std::uint64_t, std::uint64_t) noexcept override { std::cout.flush(); }

 private:
  PrintOptions options_;
  bool hex_;
};

class Discard final : public FrameOutput {
 public:
  std::string stage() const override { return "counter"; }
  bool put(const Frame&, std::uint64_t) noexcept override { return true; }
};

}  // namespace

std::unique_ptr<FrameOutput> open_capture_file(const std::string& path, const LiveOptions& live,
                                               std::uint32_t snaplen, const std::string& filter) {
  const InterfaceInfo interface {
    .name = live.interface,
    .description =
        live.mode == CaptureMode::Tap ? "grayxdp tap (XDP)" : "grayxdp host (tc, both directions)",
    .os = kernel_name(), .filter = filter, .snaplen = snaplen
  };
  return std::make_unique<CaptureFile>(path, live, interface);
}

std::unique_ptr<FrameOutput> print_frames(const PrintOptions& options, bool hex) {
  return std::make_unique<Printer>(options, hex);
}

std::unique_ptr<FrameOutput> discard_frames() {
  return std::make_unique<Discard>();
}

}  // namespace gray
