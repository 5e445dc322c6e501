#include "replay/stream/reassembler.h"

namespace gray {
namespace {

// A SYN that comes after data of its connection, or ports used anew without one: up to here apart
// two sequence numbers are taken as the same connection's.
constexpr std::int32_t kSameConnection = 1 << 20;

bool near(std::uint32_t a, std::uint32_t b) noexcept {
  const std::int32_t apart = seq_diff(a, b);
  return apart <= kSameConnection && apart >= -kSameConnection;
}

}  // namespace

StreamCounters& StreamCounters::operator+=(const StreamCounters& other) noexcept {
  for (const auto count :
       {&StreamCounters::in, &StreamCounters::delivered, &StreamCounters::control,
        &StreamCounters::retransmission, &StreamCounters::keep_alive, &StreamCounters::late,
        &StreamCounters::out_of_window, &StreamCounters::after_close, &StreamCounters::opaque,
        &StreamCounters::connections, &StreamCounters::gaps, &StreamCounters::gap_bytes,
        &StreamCounters::conflicts, &StreamCounters::flows_shed, &StreamCounters::buffer_full,
        &StreamCounters::stray_resets})
    this->*count += other.*count;
  return *this;
}

Flow& Reassembler::add(const Packet& packet, std::uint32_t hash) noexcept {
  while (table_.size() >= options_.max_flows && table_.oldest() != nullptr) {
    ++counters_.flows_shed;
    close(*table_.oldest(), CloseReason::Shed);
    table_.remove(*table_.oldest());
  }
  Flow& flow = table_.add(hash);
  flow.touched = moment(packet.time_ns);
  open(flow, packet);
  return flow;
}

void Reassembler::open(Flow& flow, const Packet& packet) noexcept {
  flow.connection = Connection{};
  flow.connection.stream = counters_.connections++;
  flow.connection.ends = {packet.source, packet.destination};
  flow.connection.first_ns = packet.time_ns;
  flow.sides = {};
  flow.closed = false;
}

void Reassembler::segment(const Packet& packet, std::uint64_t tag, std::uint32_t hash) noexcept {
  ++counters_.in;
  unsigned from = 0;
  Flow* found = table_.find(hash, packet, from);
  if (found == nullptr) {
    from = 0;
    found = &add(packet, hash);
  } else {
    table_.touch(*found, moment(packet.time_ns));
  }
  Flow& flow = *found;
  flow.last_ns = packet.time_ns;
  if (begins_anew(flow, from, packet)) {
    close(flow, CloseReason::Reused);
    open(flow, packet);
    from = 0;
  }
  if (flow.connection.tag == 0) flow.connection.tag = tag;
  receive(flow, from, packet);
  if (flow.waits || flow.sides[0].waiting() || flow.sides[1].waiting()) settle(flow);
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
  if ((flags & kTcpAck) != 0 && flow.sides[other].started()) acknowledged(flow, other, packet.ack);
  if (!empty) payload(flow, from, packet);
  if ((flags & kTcpFin) != 0) {
    const std::uint32_t syn = (flags & kTcpSyn) != 0 ? 1 : 0;
    const std::uint32_t seq = packet.seq + syn + packet.payload_wire_len;
    if (!side.started()) side.start(seq);
    side.fin(seq, output(flow, from));
    discard_unwanted(flow);
  }
  if ((flags & kTcpRst) != 0) {
    reset(flow, side, packet);
  } else if (flow.sides[0].ended() && flow.sides[1].ended()) {
    close(flow, CloseReason::Fin);
  }
}

void Reassembler::acknowledged(Flow& flow, unsigned side, std::uint32_t ack) noexcept {
  flow.sides[side].acked(ack, output(flow, side));
  discard_unwanted(flow);
}

/// A RST that is not near its sender's sequence numbers is a blind attacker's or an old
/// connection's (RFC 5961 section 3).
void Reassembler::reset(Flow& flow, const Direction& side, const Packet& packet) noexcept {
  if (side.started() && !near(side.next(), packet.seq)) {
    ++counters_.stray_resets;
  } else {
    close(flow, CloseReason::Reset);
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
  if (!flow.sides[0].waiting() && !flow.sides[1].waiting()) return;
  if (!flow.consumer || flow.consumer->wanted()) return;
  for (unsigned from = 0; from < 2; ++from) flow.sides[from].discard(output(flow, from));
}

Direction::Output Reassembler::output(Flow& flow, unsigned from) noexcept {
  return {flow.consumer.get(), from, &counters_, &held_bytes_};
}

// Keeps the list of those that wait, and the memory below its limit: whoever has waited longest for
// a missing segment waits no more.
void Reassembler::settle(Flow& flow) noexcept {
  if (flow.sides[0].waiting() || flow.sides[1].waiting()) {
    table_.wait(flow);
  } else {
    table_.wait_no_more(flow);
  }
  while (held_bytes_ > options_.max_buffered && table_.longest_waiting() != nullptr) {
    Flow& longest = *table_.longest_waiting();
    ++counters_.buffer_full;
    give_up_all(longest);
    table_.wait_no_more(longest);
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
  sink_.closed(flow.connection);
}

// A flow far in the future spoke before the clock was set back, or in a capture that another was
// appended to: it must not keep those behind it for as long, and is idle from now on.
void Reassembler::expire(std::uint64_t now) noexcept {
  const std::uint64_t timeout = options_.idle_timeout_ns;
  while (Flow* oldest = table_.oldest()) {
    if (oldest->last_ns > now && oldest->last_ns - now > timeout) {
      oldest->last_ns = now;
      table_.touch(*oldest, moment(now));
      continue;
    }
    if (oldest->last_ns + timeout >= now) return;
    close(*oldest, CloseReason::Idle);
    table_.remove(*oldest);
  }
}

void Reassembler::finish() noexcept {
  while (Flow* oldest = table_.oldest()) {
    close(*oldest, CloseReason::Finished);
    table_.remove(*oldest);
  }
}

std::size_t Reassembler::held_segments() const noexcept {
  std::size_t held = 0;
  for (const Flow* flow = table_.longest_waiting(); flow; flow = table_.next_waiting(*flow))
    held += flow->sides[0].held_segments() + flow->sides[1].held_segments();
  return held;
}

void account(const StreamCounters& c, std::size_t held, Ledger& ledger) {
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
              .held = held});
}

}  // namespace gray
