// Descriptors of the RX ring become Frames; a Frame's cookie is its UMEM address.
#include "userspace/capture/tap.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "userspace/base/clock.h"

namespace gray {
namespace {

constexpr std::size_t kBatch = 256;
constexpr std::chrono::milliseconds kQuiet{20};

}  // namespace

TapSource::TapSource(const std::string& interface, std::uint32_t queue, std::uint32_t frames,
                     BindMode mode)
    : interface_{interface, "tap", LinkType::Ethernet, 0},
      tai_offset_(tai_minus_utc_ns()),
      umem_(frames),
      socket_(umem_, interface, queue, mode) {}

std::size_t TapSource::receive(std::span<Frame> out, std::chrono::milliseconds timeout) {
  if (umem_.submit()) socket_.wake();
  std::size_t count = take(out);
  if (count > 0) return count;
  const bool stopped = stopped_.load(std::memory_order_acquire);
  if (timeout.count() > 0 || stopped) socket_.wait(stopped ? kQuiet : timeout);
  count = take(out);
  quiet_waits_ = stopped && count == 0 ? quiet_waits_ + 1 : 0;
  return count;
}

std::size_t TapSource::take(std::span<Frame> out) noexcept {
  std::array<xdp_desc, kBatch> descriptors;
  const std::size_t count =
      socket_.receive(std::span(descriptors).first(std::min(out.size(), kBatch)));
  for (std::size_t i = 0; i < count; ++i) {
    const xdp_desc& descriptor = descriptors[i];
    const std::uint8_t* bytes = umem_.data(descriptor.addr);
    gray_frame_meta meta;
    std::memcpy(&meta, bytes - sizeof(meta), sizeof(meta));
    out[i] = {.bytes = {bytes, descriptor.len},
              .time_ns = meta.time_ns - static_cast<std::uint64_t>(tai_offset_),
              .tag = meta.tag,
              .wire_len = std::max(meta.wire_len, descriptor.len),
              .interface = 0,
              .link = LinkType::Ethernet,
              .queue = meta.queue,
              .flags = meta.flags,
              .direction = meta.direction,
              .cookie = descriptor.addr};
  }
  if (count > 0) received_.fetch_add(count, std::memory_order_relaxed);
  return count;
}

void TapSource::recycle(std::span<const Frame> frames) noexcept {
  for (const Frame& frame : frames) umem_.recycle(frame.cookie);
}

}  // namespace gray
