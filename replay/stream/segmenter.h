// From frames to TCP segments: decodes, follows tunnels, puts IP fragments together, and counts
// what every frame came to. Exported PDUs are made segments. The first half of stream reassembly,
// and the part of it that one thread does for all when the rest is spread over several. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "replay/stream/pdu_order.h"
#include "userspace/base/ledger.h"
#include "userspace/packet/defragment.h"
#include "userspace/packet/packet.h"

namespace gray {

struct TaggedPacket {
  Packet packet;          ///< has_tcp
  std::uint64_t tag = 0;  ///< of its frame; of a datagram, of the frame that completed it
};

class Segmenter {
 public:
  explicit Segmenter(TunnelOptions tunnels = {}, DefragmenterLimits limits = {})
      : tunnels_(std::move(tunnels)), rest_(tunnels_), defragmenter_(limits) {}

  /// The segments among the first `count` of `frames`, in order. Valid until the next call, as long
  /// as the frames are. Some dozens of frames at a time stay in the cache until they are needed
  /// again; the headers of as many behind them are fetched meanwhile.
  std::span<const TaggedPacket> read(std::span<const Frame> frames, std::size_t count);

  std::uint64_t frames() const noexcept { return frames_; }
  std::uint64_t segments() const noexcept { return segments_; }
  /// Of these frames, such as were `odd`.
  std::uint64_t count(Odd odd) const noexcept { return odd_[static_cast<std::size_t>(odd)]; }
  const Defragmenter::Counters& fragments() const noexcept { return defragmenter_.counters(); }
  /// Adds "decode" (frames to segments) and, when there were fragments, "defragment".
  void account(Ledger& ledger) const;

 private:
  static constexpr std::size_t kOddKinds = static_cast<std::size_t>(Odd::PduOfNoStream) + 1;

  Packet open(const Frame& frame);
  bool take(Packet& packet);
  Packet decode_inside(const Packet& fragment, std::span<const std::uint8_t> datagram);
  bool count(const Packet& packet) noexcept;

  const TunnelOptions tunnels_;
  TunnelOptions rest_;  // the same, for what is inside of those that were entered
  Defragmenter defragmenter_;
  PduOrder pdus_;
  std::vector<TaggedPacket> segments_read_;
  std::vector<std::vector<std::uint8_t>> datagrams_;  // what segments_read_ points into
  std::uint64_t frames_ = 0;
  std::uint64_t segments_ = 0;
  std::uint64_t not_tcp_ = 0;
  std::uint64_t fragments_ = 0;
  std::array<std::uint64_t, kOddKinds> odd_{};
};

/// When to look for idle connections: about once a second of the segments' own time, so that it
/// does not depend on how fast they are read. Time may be set back, and goes on from there.
class ExpiryClock {
 public:
  bool due(std::uint64_t time_ns) noexcept {
    constexpr std::uint64_t kEveryNs = 1'000'000'000;
    if (time_ns <= last_ns_ + kEveryNs && time_ns + kEveryNs >= last_ns_) return false;
    last_ns_ = time_ns;
    return true;
  }
  void done(std::uint64_t time_ns) noexcept { last_ns_ = time_ns; }

 private:
  std::uint64_t last_ns_ = 0;
};

}  // namespace gray
