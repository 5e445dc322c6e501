// Records of the ring become Frames; a Frame's cookie is its record's ticket.
#include "userspace/capture/host.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "bpf/shared.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

constexpr std::size_t kBatch = 256;
constexpr std::chrono::milliseconds kQuiet{20};

// Records are of a few fixed sizes; cap_len says how much of one is frame.
Frame to_frame(const RingRecord& record, UtcFromTai& clock) noexcept {
  gray_frame_meta meta;
  std::memcpy(&meta, record.bytes.data(), sizeof(meta));
  const auto bytes = record.bytes.subspan(sizeof(meta));
  const std::size_t length = std::min<std::size_t>(meta.cap_len, bytes.size());
  return {.bytes = bytes.first(length),
          .time_ns = clock.utc(meta.time_ns),
          .tag = meta.tag,
          .wire_len = std::max(meta.wire_len, static_cast<std::uint32_t>(length)),
          .interface = 0,
          .link = LinkType::Ethernet,
          .queue = meta.queue,
          .flags = meta.flags,
          .direction = meta.direction,
          .cookie = record.ticket};
}

}  // namespace

HostSource::HostSource(const std::string& interface, std::uint32_t snaplen,
                       std::span<const int> ring_fds)
    : interface_{interface, "host", LinkType::Ethernet, snaplen}, rings_(ring_fds, clock_) {}

std::size_t HostSource::receive(std::span<Frame> out, std::chrono::milliseconds timeout) {
  std::size_t count = take(out);
  if (count > 0) return count;
  const bool stopped = stopped_.load(std::memory_order_acquire);
  if (stopped) rings_.close();
  if (timeout.count() > 0 || stopped) rings_.wait(stopped ? kQuiet : timeout);
  count = take(out);
  quiet_waits_ = stopped && count == 0 ? quiet_waits_ + 1 : 0;
  return count;
}

std::size_t HostSource::take(std::span<Frame> out) noexcept {
  std::array<RingRecord, kBatch> records;
  const std::size_t taken = rings_.take(std::span(records).first(std::min(out.size(), kBatch)));
  if (taken > 0) utc_.look();
  std::size_t count = 0;
  for (const RingRecord& record : std::span(records).first(taken)) {
    // Cannot be by our own programs; if it is, the stage does not balance.
    if (record.bytes.size() < sizeof(gray_frame_meta))
      rings_.give_back(record.ticket);
    else
      out[count++] = to_frame(record, utc_);
  }
  if (count > 0) received_.fetch_add(count, std::memory_order_relaxed);
  return count;
}

void HostSource::recycle(std::span<const Frame> frames) noexcept {
  for (const Frame& frame : frames) rings_.give_back(frame.cookie);
}

}  // namespace gray
