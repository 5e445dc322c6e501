// TCP reassembly: segments in, connections with their bytes in order out. One flow table by
// five-tuple; order is by sequence number alone. A gap is declared when the other side has
// acknowledged the missing bytes, when a budget is used up, or at the end of the connection; never
// by time alone. One thread. Memory is bounded by ReassemblerOptions: a flow takes 192 bytes and,
// of the table, 16 to 32, beside its consumer and what it holds out of order.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "replay/stream/flow_table.h"
#include "replay/stream/stream.h"
#include "userspace/base/ledger.h"
#include "userspace/packet/packet.h"

namespace gray {

struct ReassemblerOptions {
  std::size_t max_flows = 262'144;               ///< the idlest is shed above, to four seconds or so
  std::size_t max_buffered = 256u << 20;         ///< bytes held out of order, over all flows
  std::size_t max_buffered_per_flow = 4u << 20;  ///< and in one direction of one
  std::uint64_t idle_timeout_ns = 300'000'000'000;
};

/// Adds stage "stream", in segments, `held` of which are waiting.
void account(const StreamCounters& counters, std::size_t held, Ledger& ledger);

class Reassembler {
 public:
  Reassembler(const ReassemblerOptions& options, StreamSink& sink)
      : options_(options), sink_(sink), moment_bits_(moment_bits(options.idle_timeout_ns)) {}
  Reassembler(const Reassembler&) = delete;
  Reassembler& operator=(const Reassembler&) = delete;

  /// A packet with has_tcp. `tag` is its frame's flow tag, 0 when unknown.
  void segment(const Packet& packet, std::uint64_t tag) noexcept {
    segment(packet, tag, table_.hash(packet));
  }
  /// The same for many; with hundreds of thousands of flows this costs half as much. Calls
  /// `after(i)` behind each.
  template <class Tagged, class After>
  void segments(std::span<const Tagged> packets, After&& after) noexcept;
  /// Closes what has been idle at `now` (UTC ns, the clock of the packets).
  void expire(std::uint64_t now) noexcept;
  /// Closes everything.
  void finish() noexcept;

  const StreamCounters& counters() const noexcept { return counters_; }
  std::size_t flows() const noexcept { return table_.size(); }
  /// What the flow table takes.
  std::size_t table_bytes() const noexcept { return table_.memory(); }
  std::size_t held_segments() const noexcept;
  std::size_t held_bytes() const noexcept { return held_bytes_; }
  void account(Ledger& ledger) const { gray::account(counters_, held_segments(), ledger); }

 private:
  static constexpr std::size_t kBatch = 32;

  /// Of a moment, in which all packets are of one age: 2^32 ns, or a 16th of the timeout.
  static constexpr unsigned moment_bits(std::uint64_t idle_timeout_ns) noexcept {
    return static_cast<unsigned>(std::min<std::uint64_t>(32, std::bit_width(idle_timeout_ns / 16)));
  }
  std::uint32_t moment(std::uint64_t time_ns) const noexcept {
    return static_cast<std::uint32_t>(time_ns >> moment_bits_);
  }
  void segment(const Packet& packet, std::uint64_t tag, std::uint32_t hash) noexcept;
  Flow& add(const Packet& packet, std::uint32_t hash) noexcept;
  void open(Flow& flow, const Packet& packet) noexcept;
  void close(Flow& flow, CloseReason reason) noexcept;
  bool begins_anew(const Flow& flow, unsigned from, const Packet& packet) const noexcept;
  void receive(Flow& flow, unsigned from, const Packet& packet) noexcept;
  void acknowledged(Flow& flow, unsigned side, std::uint32_t ack) noexcept;
  void reset(Flow& flow, const Direction& side, const Packet& packet) noexcept;
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
  const unsigned moment_bits_;
  FlowTable table_;
};

template <class Tagged, class After>
void Reassembler::segments(std::span<const Tagged> packets, After&& after) noexcept {
  std::array<std::uint32_t, kBatch> hashes;
  for (std::size_t start = 0; start < packets.size(); start += kBatch) {
    const auto batch = packets.subspan(start, std::min(kBatch, packets.size() - start));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      hashes[i] = table_.hash(batch[i].packet);
      table_.prefetch_slot(hashes[i]);
    }
    for (std::size_t i = 0; i < batch.size(); ++i) table_.prefetch_flow(hashes[i]);
    for (std::size_t i = 0; i < batch.size(); ++i)
      table_.prefetch_neighbours(hashes[i], moment(batch[i].packet.time_ns));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      segment(batch[i].packet, batch[i].tag, hashes[i]);
      after(start + i);
    }
  }
}

}  // namespace gray
