// Descriptors of the RX ring become Frames; a Frame's cookie is its UMEM address, or its side
// buffer.
#include "userspace/capture/tap.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

namespace gray {
namespace {

constexpr std::size_t kBatch = 256;
constexpr std::size_t kAhead = 8;  // frames whose metadata is asked for before it is read
constexpr std::chrono::milliseconds kQuiet{20};
constexpr std::chrono::milliseconds kStarved{1};
constexpr std::uint32_t kSideBuffers = 1024;
constexpr std::uint64_t kSideCookie = std::uint64_t{1} << 63;  // no UMEM address is that high

// How many of `descriptors`, at least one, are its first frame.
std::size_t chain_length(std::span<const xdp_desc> descriptors) noexcept {
  std::size_t length = 1;
  while (length < descriptors.size() && (descriptors[length - 1].options & XDP_PKT_CONTD) != 0)
    ++length;
  return length;
}

}  // namespace

TapSource::TapSource(const std::string& interface, std::uint32_t queue, const UmemSize& umem,
                     const BindOptions& options)
    : interface_{interface, "tap", LinkType::Ethernet, 0},
      umem_(umem.bytes, umem.frame_size),
      socket_(umem_, interface, queue, options),
      side_(options.multi_buffer ? kSideBuffers : 1) {}

std::size_t TapSource::receive(std::span<Frame> out, std::chrono::milliseconds timeout) {
  if (umem_.submit()) socket_.wake();
  std::size_t count = take(out);
  if (count > 0) return count;
  const bool stopped = stopped_.load(std::memory_order_acquire);
  if (starved_) {
    // The socket is readable, so that waiting for it would be no wait.
    if (timeout.count() > 0) std::this_thread::sleep_for(std::min(timeout, kStarved));
    return 0;
  }
  if (timeout.count() > 0 || stopped) socket_.wait(stopped ? kQuiet : timeout);
  count = take(out);
  quiet_waits_ = stopped && count == 0 && !starved_ ? quiet_waits_ + 1 : 0;
  return count;
}

std::size_t TapSource::take(std::span<Frame> out) noexcept {
  std::array<xdp_desc, kBatch> descriptors;
  const std::size_t shown =
      socket_.peek(std::span(descriptors).first(std::min(out.size(), kBatch)));
  if (shown > 0) clock_.look();
  std::size_t taken = 0;
  std::size_t count = 0;
  std::uint64_t by_hardware = 0;
  starved_ = false;
  for (std::size_t i = 0; i < std::min(shown, kAhead); ++i) prefetch_meta(descriptors[i]);
  while (taken < shown) {
    if (taken + kAhead < shown) prefetch_meta(descriptors[taken + kAhead]);
    const auto rest = std::span(descriptors).first(shown).subspan(taken);
    const std::size_t length = chain_length(rest);
    starved_ = length > 1 && side_.empty();
    if (starved_) break;
    out[count++] = length == 1 ? lend(rest.front()) : join(rest.first(length));
    by_hardware += (out[count - 1].flags & GRAY_F_HW_TIME) != 0 ? 1 : 0;
    taken += length;
  }
  socket_.take(taken);
  if (by_hardware > 0) hardware_stamped_.fetch_add(by_hardware, std::memory_order_relaxed);
  if (count > 0) received_.fetch_add(count, std::memory_order_relaxed);
  return count;
}

void TapSource::prefetch_meta(const xdp_desc& descriptor) const noexcept {
  __builtin_prefetch(umem_.data(descriptor.addr) - sizeof(gray_frame_meta));
}

Frame TapSource::lend(const xdp_desc& descriptor) noexcept {
  const std::uint8_t* bytes = umem_.data(descriptor.addr);
  gray_frame_meta meta;
  std::memcpy(&meta, bytes - sizeof(meta), sizeof(meta));
  return {.bytes = {bytes, descriptor.len},
          .time_ns = clock_.utc(meta.time_ns),
          .tag = meta.tag,
          .wire_len = std::max(meta.wire_len, descriptor.len),
          .interface = 0,
          .link = LinkType::Ethernet,
          .queue = meta.queue,
          .flags = meta.flags,
          .direction = meta.direction,
          .cookie = descriptor.addr};
}

// The chunks go back to the kernel at once. The metadata stands in front of the first.
Frame TapSource::join(std::span<const xdp_desc> chain) noexcept {
  const std::uint32_t slot = side_.take();
  const std::span<std::uint8_t> to = side_.bytes(slot);
  Frame frame = lend(chain.front());
  std::size_t size = 0;
  for (const xdp_desc& descriptor : chain) {
    const std::size_t length = std::min<std::size_t>(descriptor.len, to.size() - size);
    std::memcpy(to.data() + size, umem_.data(descriptor.addr), length);
    size += length;
    umem_.recycle(descriptor.addr);
  }
  frame.bytes = to.first(size);
  frame.wire_len = std::max(frame.wire_len, static_cast<std::uint32_t>(size));
  frame.cookie = kSideCookie | slot;
  joined_.fetch_add(1, std::memory_order_relaxed);
  return frame;
}

void TapSource::recycle(std::span<const Frame> frames) noexcept {
  for (const Frame& frame : frames)
    if ((frame.cookie & kSideCookie) != 0)
      side_.give_back(static_cast<std::uint32_t>(frame.cookie));
    else
      umem_.recycle(frame.cookie);
}

}  // namespace gray
