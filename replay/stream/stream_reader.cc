#include "replay/stream/stream_reader.h"

#include <algorithm>

namespace gray {
namespace {

constexpr std::size_t kBatch = 32;  // frames: their packets stay in the cache

}  // namespace

void StreamReader::frames(std::span<const Frame> frames) noexcept {
  for (std::size_t at = 0; at < frames.size(); at += kBatch) {
    const auto rest = frames.subspan(at);
    const auto packets = segmenter_.read(rest, std::min(kBatch, rest.size()));
    reassembler_.segments(packets, [&](std::size_t i) {
      const std::uint64_t now = packets[i].packet.time_ns;
      if (expiry_.due(now)) reassembler_.expire(now);
    });
  }
}

void StreamReader::expire(std::uint64_t now) noexcept {
  expiry_.done(now);
  reassembler_.expire(now);
}

void StreamReader::account(Ledger& ledger) const {
  segmenter_.account(ledger);
  reassembler_.account(ledger);
}

}  // namespace gray
