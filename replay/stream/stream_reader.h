// Frames in, streams out: a Segmenter and a Reassembler, fed so that memory is waited for once for
// many packets. One thread. Hostile input costs bounded memory and never throws.
#pragma once

#include <cstdint>
#include <span>

#include "replay/stream/reassembler.h"
#include "replay/stream/segmenter.h"

namespace gray {

class StreamReader {
 public:
  StreamReader(const ReassemblerOptions& options, const TunnelOptions& tunnels, StreamSink& sink)
      : segmenter_(tunnels), reassembler_(options, sink) {}

  /// As many as are at hand: cut as the caller likes, the streams are the same.
  void frames(std::span<const Frame> frames) noexcept;
  /// Closes what is idle at `now` (UTC ns, the clock of the frames); frames() does so, too.
  void expire(std::uint64_t now) noexcept;
  /// End of the capture: closes everything.
  void finish() noexcept { reassembler_.finish(); }

  const Segmenter& segmenter() const noexcept { return segmenter_; }
  const Reassembler& reassembler() const noexcept { return reassembler_; }
  /// Adds "decode", perhaps "defragment", and "stream".
  void account(Ledger& ledger) const;

 private:
  Segmenter segmenter_;
  Reassembler reassembler_;
  ExpiryClock expiry_;
};

}  // namespace gray
