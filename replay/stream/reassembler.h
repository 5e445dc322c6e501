// TCP reassembly: segments in, connections with their bytes in order out. One flow table by
// five-tuple; order is by sequence number alone. A gap is declared when the other side has
// acknowledged the missing bytes, when a budget is used up, or at the end of the connection; never
// by time alone. One thread. Memory is bounded by ReassemblerOptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "replay/stream/direction.h"
#include "replay/stream/stream.h"
#include "userspace/base/ledger.h"
#include "userspace/packet/packet.h"

namespace gray {

struct ReassemblerOptions {
  std::size_t max_flows = 262'144;               ///< the idlest is shed above
  std::size_t max_buffered = 256u << 20;         ///< bytes held out of order, over all flows
  std::size_t max_buffered_per_flow = 4u << 20;  ///< and in one direction of one
  std::uint64_t idle_timeout_ns = 300'000'000'000;
};

class Reassembler {
 public:
  Reassembler(const ReassemblerOptions& options, StreamSink& sink);
  ~Reassembler();
  Reassembler(const Reassembler&) = delete;
  Reassembler& operator=(const Reassembler&) = delete;

  /// A packet with has_tcp. `tag` is its frame's flow tag, 0 when unknown.
  void segment(const Packet& packet, std::uint64_t tag) noexcept;
  /// Closes what has been idle at `now` (UTC ns, the clock of the packets).
  void expire(std::uint64_t now) noexcept;
  /// Closes everything.
  void finish() noexcept;

  const StreamCounters& counters() const noexcept { return counters_; }
  std::size_t flows() const noexcept;
  std::size_t held_segments() const noexcept;
  std::size_t held_bytes() const noexcept { return held_bytes_; }
  /// Adds stage "stream", in segments.
  void account(Ledger& ledger) const;

 private:
  struct Flow;
  struct Table;

  Flow& find(const Packet& packet) noexcept;
  void open(Flow& flow, const Packet& packet) noexcept;
  void close(Flow& flow, CloseReason reason) noexcept;
  void remove(Flow& flow) noexcept;
  bool begins_anew(const Flow& flow, unsigned from, const Packet& packet) const noexcept;
  void receive(Flow& flow, unsigned from, const Packet& packet) noexcept;
  void synchronise(Flow& flow, unsigned from, const Packet& packet) noexcept;
  void payload(Flow& flow, unsigned from, const Packet& packet) noexcept;
  void give_up_all(Flow& flow) noexcept;
  void discard_unwanted(Flow& flow) noexcept;
  void settle(Flow& flow) noexcept;
  Direction::Output output(Flow& flow, unsigned from) noexcept;

  const ReassemblerOptions options_;
  StreamSink& sink_;
  StreamCounters counters_;
  std::size_t held_bytes_ = 0;
  std::unique_ptr<Table> table_;
};

}  // namespace gray
