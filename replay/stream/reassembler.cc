#include "replay/stream/reassembler.h"

#include <cstring>
#include <random>
#include <unordered_map>

#include "bpf/tag.h"

namespace gray {
namespace {

// A SYN that comes after data of its connection, or ports used anew without one: up to here apart
// two sequence numbers are taken as the same connection's.
constexpr std::int32_t kSameConnection = 1 << 20;

struct Key {
  Endpoint low;
  Endpoint high;
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  std::uint64_t seed;

  std::uint64_t add(std::uint64_t hash, const Endpoint& end) const noexcept {
    std::uint64_t words[2];
    std::memcpy(words, end.address.bytes.data(), sizeof words);
    return gray_mix(gray_mix(hash ^ words[0]) ^ words[1] ^ end.port);
  }
  std::size_t operator()(const Key& key) const noexcept {
    return add(add(seed, key.low), key.high);
  }
};

bool near(std::uint32_t a, std::uint32_t b) noexcept {
  const std::int32_t apart = seq_diff(a, b);
  return apart <= kSameConnection && apart >= -kSameConnection;
}

}  // namespace

struct Reassembler::Flow {
  struct Link {
    Flow* previous = nullptr;
    Flow* next = nullptr;
    bool linked = false;
  };

  const Key* key = nullptr;
  Connection connection;
  std::array<Direction, 2> sides;
  std::unique_ptr<StreamConsumer> consumer;
  std::uint64_t last_ns = 0;
  std::size_t held = 0;  // as the reassembler's sum has it
  bool closed = false;
  Link by_age;
  Link by_waiting;
};

struct Reassembler::Table {
  // Doubly linked through the flows themselves: oldest first.
  template <Flow::Link Flow::*link>
  struct List {
    Flow* first = nullptr;
    Flow* last = nullptr;

    void append(Flow& flow) noexcept {
      (flow.*link) = {last, nullptr, true};
      (last != nullptr ? (last->*link).next : first) = &flow;
      last = &flow;
    }
    void remove(Flow& flow) noexcept {
      Flow::Link& own = flow.*link;
      if (!own.linked) return;
      (own.previous != nullptr ? (own.previous->*link).next : first) = own.next;
      (own.next != nullptr ? (own.next->*link).previous : last) = own.previous;
      own = {};
    }
  };

  std::unordered_map<Key, Flow, KeyHash> flows{
      16, KeyHash{(std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()}};
  List<&Flow::by_age> by_age;
  List<&Flow::by_waiting> waiting;  // those that hold early segments
};

Reassembler::Reassembler(const ReassemblerOptions& options, StreamSink& sink)
    : options_(options), sink_(sink), table_(std::make_unique<Table>()) {}

Reassembler::~Reassembler() = default;

std::size_t Reassembler::flows() const noexcept {
  return table_->flows.size();
}

Reassembler::Flow& Reassembler::find(const Packet& packet) noexcept {
  const bool ordered = packet.source < packet.destination;
  const Key key{ordered ? packet.source : packet.destination,
                ordered ? packet.destination : packet.source};
  auto found = table_->flows.find(key);
  if (found == table_->flows.end()) {
    while (table_->flows.size() >= options_.max_flows && table_->by_age.first != nullptr) {
      ++counters_.flows_shed;
      close(*table_->by_age.first, CloseReason::Shed);
      remove(*table_->by_age.first);
    }
    found = table_->flows.try_emplace(key).first;
    found->second.key = &found->first;
    open(found->second, packet);
  } else {
    table_->by_age.remove(found->second);
  }
  table_->by_age.append(found->second);
  found->second.last_ns = packet.time_ns;
  return found->second;
}

void Reassembler::open(Flow& flow, const Packet& packet) noexcept {
  flow.connection = Connection{};
  flow.connection.stream = counters_.connections++;
  flow.connection.ends = {packet.source, packet.destination};
  flow.connection.first_ns = packet.time_ns;
  flow.sides = {};
  flow.closed = false;
}

void Reassembler::segment(const Packet& packet, std::uint64_t tag) noexcept {
  ++counters_.in;
  Flow& flow = find(packet);
  unsigned from = flow.connection.ends[0] == packet.source ? 0 : 1;
  if (begins_anew(flow, from, packet)) {
    close(flow, CloseReason::Reused);
    open(flow, packet);
    from = 0;
  }
  if (flow.connection.tag == 0) flow.connection.tag = tag;
  receive(flow, from, packet);
  settle(flow);
}

bool Reassembler::begins_anew(const Flow& flow, unsigned from,
                              const Packet& packet) const noexcept {
  const Direction& side = flow.sides[from];
  const bool syn = (packet.tcp_flags & kTcpSyn) != 0;
  if (!syn) {
    return flow.closed && packet.payload_wire_len > 0 && side.started() &&
           !near(side.next(), packet.seq);
  }
  if ((packet.tcp_flags & kTcpAck) != 0) return false;
  if (!side.started()) return flow.closed;
  const std::uint32_t first = flow.connection.first_seq[from];
  if (flow.connection.syn[from]) return first != packet.seq + 1;
  return !near(packet.seq + 1, first);
}

void Reassembler::receive(Flow& flow, unsigned from, const Packet& packet) noexcept {
  const bool empty = packet.payload_wire_len == 0;
  if (empty) ++counters_.control;
  if (flow.closed) {
    if (!empty) ++counters_.after_close;
    return;
  }
  Direction& side = flow.sides[from];
  const std::uint8_t flags = packet.tcp_flags;
  if ((flags & kTcpSyn) != 0) synchronise(flow, from, packet);
  const unsigned other = 1 - from;
  if ((flags & kTcpAck) != 0 && flow.sides[other].started())
    flow.sides[other].acked(packet.ack, output(flow, other));
  discard_unwanted(flow);
  if (!empty) payload(flow, from, packet);
  if ((flags & kTcpFin) != 0) {
    const std::uint32_t seq = packet.seq + packet.payload_wire_len;
    if (!side.started()) side.start(seq);
    side.fin(seq, output(flow, from));
  }
  if ((flags & kTcpRst) != 0) {
    close(flow, CloseReason::Reset);
  } else if (flow.sides[0].ended() && flow.sides[1].ended()) {
    close(flow, CloseReason::Fin);
  }
}

void Reassembler::synchronise(Flow& flow, unsigned from, const Packet& packet) noexcept {
  Connection& connection = flow.connection;
  Direction& side = flow.sides[from];
  const std::uint32_t first = packet.seq + 1;
  connection.client = (packet.tcp_flags & kTcpAck) != 0 ? 1 - from : from;
  const bool untouched = side.next() == connection.first_seq[from] && !side.waiting();
  if (!side.started() || untouched) {
    side.start(first);
    connection.first_seq[from] = first;
    connection.syn[from] = true;
  }
}

void Reassembler::payload(Flow& flow, unsigned from, const Packet& packet) noexcept {
  const bool syn = (packet.tcp_flags & kTcpSyn) != 0;
  const Segment segment{packet.seq + (syn ? 1U : 0U), packet.payload_wire_len, packet.payload,
                        packet.time_ns};
  Direction& side = flow.sides[from];
  if (!side.started()) {
    side.start(segment.seq);
    flow.connection.first_seq[from] = segment.seq;
  }
  if (!flow.consumer) flow.consumer = sink_.opened(flow.connection);
  if (!flow.consumer->wanted()) {
    ++counters_.opaque;
    side.pass(segment.seq, segment.length);
    return;
  }
  side.segment(segment, output(flow, from));
  while (side.held_bytes() > options_.max_buffered_per_flow) {
    ++counters_.buffer_full;
    side.give_up(output(flow, from));
  }
  discard_unwanted(flow);
}

void Reassembler::discard_unwanted(Flow& flow) noexcept {
  if (!flow.consumer || flow.consumer->wanted()) return;
  for (Direction& side : flow.sides) side.discard(counters_);
}

Direction::Output Reassembler::output(Flow& flow, unsigned from) noexcept {
  return {flow.consumer.get(), from, &counters_};
}

// Brings the sums up to date, and the memory below its limit: whoever has waited longest for a
// missing segment waits no more.
void Reassembler::settle(Flow& flow) noexcept {
  const std::size_t held = flow.sides[0].held_bytes() + flow.sides[1].held_bytes();
  held_bytes_ += held - flow.held;
  flow.held = held;
  if (held == 0) {
    table_->waiting.remove(flow);
  } else if (!flow.by_waiting.linked) {
    table_->waiting.append(flow);
  }
  while (held_bytes_ > options_.max_buffered && table_->waiting.first != nullptr) {
    Flow& longest = *table_->waiting.first;
    ++counters_.buffer_full;
    give_up_all(longest);
    held_bytes_ -= longest.held;
    longest.held = 0;
    table_->waiting.remove(longest);
  }
}

// What was captured first is delivered first, so that what was asked comes before its answer.
void Reassembler::give_up_all(Flow& flow) noexcept {
  const auto& sides = flow.sides;
  while (sides[0].waiting() || sides[1].waiting()) {
    const bool second =
        !sides[0].waiting() ||
        (sides[1].waiting() && sides[1].waiting_since_ns() < sides[0].waiting_since_ns());
    flow.sides[second].give_up(output(flow, second));
    discard_unwanted(flow);
  }
}

void Reassembler::close(Flow& flow, CloseReason reason) noexcept {
  if (flow.closed) return;
  give_up_all(flow);
  settle(flow);
  flow.closed = true;
  if (flow.consumer) flow.consumer->closed(reason);
  flow.consumer.reset();
}

void Reassembler::remove(Flow& flow) noexcept {
  table_->by_age.remove(flow);
  table_->waiting.remove(flow);
  const Key key = *flow.key;
  table_->flows.erase(key);
}

void Reassembler::expire(std::uint64_t now) noexcept {
  while (table_->by_age.first != nullptr) {
    Flow& oldest = *table_->by_age.first;
    if (oldest.last_ns + options_.idle_timeout_ns >= now) return;
    close(oldest, CloseReason::Idle);
    remove(oldest);
  }
}

void Reassembler::finish() noexcept {
  while (table_->by_age.first != nullptr) {
    close(*table_->by_age.first, CloseReason::Finished);
    remove(*table_->by_age.first);
  }
}

std::size_t Reassembler::held_segments() const noexcept {
  std::size_t held = 0;
  for (const Flow* flow = table_->waiting.first; flow != nullptr; flow = flow->by_waiting.next)
    held += flow->sides[0].held_segments() + flow->sides[1].held_segments();
  return held;
}

void Reassembler::account(Ledger& ledger) const {
  const StreamCounters& c = counters_;
  ledger.add({.name = "stream",
              .unit = "segments",
              .in = c.in,
              .out = c.delivered + c.control,
              .drops = {{"retransmission", c.retransmission, DropKind::Selection},
                        {"keep_alive", c.keep_alive, DropKind::Selection},
                        {"opaque", c.opaque, DropKind::Selection},
                        {"late", c.late},
                        {"out_of_window", c.out_of_window},
                        {"after_close", c.after_close}},
              .held = held_segments()});
}

}  // namespace gray
