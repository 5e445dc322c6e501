// Frames in, exchanges out: decodes, reassembles, recognises the protocol and pairs what was asked
// with what was answered. One thread calls it, and gets the exchanges; with
// ExtractorOptions::threads the work is done by others. Hostile input costs bounded memory and
// never throws.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "replay/protocol/exchange.h"
#include "userspace/base/ledger.h"
#include "userspace/packet/packet.h"

namespace gray {

struct ExtractorOptions {
  std::uint64_t seed = 0;                 ///< of the flow tag, when frames have none
  std::size_t max_body = 16u << 20;       ///< bytes of a body that are kept
  std::size_t max_flows = 262'144;        ///< the idlest is shed above
  std::size_t max_buffered = 256u << 20;  ///< bytes of out-of-order segments, over all flows
  std::size_t max_kept = 1u << 30;        ///< bytes of messages that are not given out yet
  std::uint64_t idle_timeout_ns = 300'000'000'000;
  bool hash_bodies = false;
  bool community_ids = false;
  TunnelOptions tunnels = {};  ///< which are followed to the requests inside
  /// That reassemble and read, connections being spread over them by flow tag. 1: the caller's own.
  /// With more, exchanges come later, and each thread has its share of the bounds above; of flows,
  /// which chance spreads, somewhat more. As long as none of these is reached, exchanges, their ids
  /// and their stream numbers are the same.
  unsigned threads = 1;
};

/// For the summary of `requests`.
struct ExtractorSummary {
  std::uint64_t packets = 0;
  std::uint64_t unread = 0;       ///< of these, of a link type that is not read
  std::uint64_t unread_pdus = 0;  ///< and exported PDUs that are of no stream
  std::uint64_t streams = 0;
  std::uint64_t exchanges = 0;
  std::uint64_t gaps = 0;
  std::uint64_t gap_bytes = 0;
  std::uint64_t flows_shed = 0;                 ///< connections given up, above max_flows
  std::uint64_t early_gaps = 0;                 ///< declared to stay within max_buffered
  std::uint64_t interim = 0;                    ///< responses of 1xx, which are no answers
  std::uint64_t bad = 0;                        ///< messages of which nothing could be listed
  std::uint64_t skipped_bytes = 0;              ///< of no message that could be read
  std::map<std::string, std::uint64_t> opaque;  ///< streams by reason: "tls", "http2", "unknown", …
};

class Extractor {
 public:
  Extractor(const ExtractorOptions& options, ExchangeSink& sink);
  ~Extractor();

  void frame(const Frame& frame) noexcept { frames({&frame, 1}); }
  /// As many as are at hand: that is faster than one by one, and gives the same.
  void frames(std::span<const Frame> frames) noexcept;
  /// Expires what is idle at `now` (UTC ns, the clock of the frames).
  void expire(std::uint64_t now) noexcept;
  /// End of the capture: what is open is given out as it stands.
  void finish() noexcept;

  /// Exchanges that are still to come began then or later (UTC ns), if frames came in the order of
  /// their times, and but for what a request takes from its first byte to the end of its first
  /// line or of its first header block. 0 while nothing is known; with several threads, always.
  std::uint64_t settled_ns() const noexcept;

  // Both wait for the other threads, and give out what these have found.
  ExtractorSummary summary() const;
  /// Adds "decode" (frames → TCP segments), "stream" (segments) and "http" (exchanges).
  void account(Ledger& ledger) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gray
