#include "replay/stream/direction.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace gray {
namespace {

// What is further from the next byte than the largest window (RFC 7323) is another connection's.
constexpr std::int32_t kMaxWindow = 1 << 30;
// What a held piece costs besides its bytes, a node of the map and two allocations: many small ones
// must not be free.
constexpr std::size_t kPieceCost = 112;

/// The rest of a segment from `seq` on, which is at most its end.
Segment from_seq(Segment segment, std::uint32_t seq) noexcept {
  const std::uint32_t known = seq - segment.seq;
  segment.seq = seq;
  segment.length -= known;
  segment.bytes = segment.bytes.subspan(std::min<std::size_t>(known, segment.bytes.size()));
  return segment;
}

}  // namespace

std::size_t Direction::held_segments() const noexcept {
  if (!held_) return 0;
  return static_cast<std::size_t>(std::count_if(held_->early.begin(), held_->early.end(),
                                                [](const auto& e) { return e.second.counts; }));
}

void Direction::segment(const Segment& segment, const Output& out) noexcept {
  StreamCounters& counters = *out.counters;
  if (segment.seq == next_ && !held_ && !fin_seen_) {
    ++counters.delivered;
    return deliver(segment, out);
  }
  const std::int32_t ahead = seq_diff(next_, segment.seq);
  if (ahead > kMaxWindow || ahead < -kMaxWindow) {
    ++counters.out_of_window;
  } else if (ended_ || (fin_seen_ && seq_diff(fin_seq_, segment.seq) >= 0)) {
    ++(ahead < 0 ? counters.retransmission : counters.after_close);
  } else if (ahead < 0 && static_cast<std::uint32_t>(-ahead) >= segment.length) {
    drop(segment, counters);
  } else {
    place(ahead < 0 ? from_seq(segment, next_) : segment, out);
  }
}

/// A segment that starts at next_ or after it.
void Direction::place(const Segment& segment, const Output& out) noexcept {
  Segment rest = segment;
  if (fin_seen_) {
    const auto room = static_cast<std::uint32_t>(seq_diff(rest.seq, fin_seq_));
    rest.length = std::min(rest.length, room);
    rest.bytes = rest.bytes.first(std::min<std::size_t>(rest.length, rest.bytes.size()));
  }
  const bool alone = !held_ || seq_diff(rest.seq + rest.length, held_->early.begin()->first) >= 0;
  if (rest.seq == next_ && alone) {
    ++out.counters->delivered;
    deliver(rest, out);
  } else if (!hold(rest, out)) {
    ++out.counters->retransmission;
  }
  drain(out);
}

void Direction::drop(const Segment& segment, StreamCounters& counters) noexcept {
  const bool probe = segment.length == 1 && segment.seq + 1 == next_;
  const bool was_lost = lost_from_ != lost_to_ && seq_diff(lost_from_, segment.seq) >= 0 &&
                        seq_diff(segment.seq, lost_to_) > 0;
  if (was_lost) {
    ++counters.late;
  } else if (probe) {
    ++counters.keep_alive;
  } else {
    ++counters.retransmission;
  }
}

void Direction::deliver(const Segment& segment, const Output& out) noexcept {
  next_ = segment.seq + static_cast<std::uint32_t>(segment.bytes.size());
  if (!segment.bytes.empty()) out.consumer->data(out.from, segment.bytes, segment.time_ns);
  if (segment.bytes.size() < segment.length) gap_to(segment.seq + segment.length, out);
}

void Direction::gap_to(std::uint32_t seq, const Output& out) noexcept {
  const std::int32_t length = seq_diff(next_, seq);
  if (length <= 0) return;
  ++out.counters->gaps;
  out.counters->gap_bytes += static_cast<std::uint64_t>(length);
  lost_from_ = next_;
  lost_to_ = next_ = seq;
  if (out.consumer != nullptr) out.consumer->gap(out.from, static_cast<std::uint64_t>(length));
}

/// Keeps the bytes from `from` to `to` of the segment, between which nothing is held.
void Direction::keep(const Segment& segment, std::uint32_t from, std::uint32_t to,
                     const Output& out) {
  const auto bytes = from_seq(segment, from).bytes;
  const auto kept = bytes.first(std::min<std::size_t>(to - from, bytes.size()));
  if (!held_) held_ = std::make_unique<Held>();
  held_->early.emplace(from, Early{to - from, segment.time_ns, {kept.begin(), kept.end()}, false});
  held_->bytes += kept.size() + kPieceCost;
  *out.held += kept.size() + kPieceCost;
}

bool Direction::differ(std::uint32_t seq, const Early& held, const Segment& segment) noexcept {
  const std::uint32_t from = seq_diff(seq, segment.seq) > 0 ? segment.seq : seq;
  const std::size_t a = from - seq;
  const std::size_t b = from - segment.seq;
  if (a >= held.bytes.size() || b >= segment.bytes.size()) return false;
  const std::size_t both = std::min(held.bytes.size() - a, segment.bytes.size() - b);
  return !std::equal(segment.bytes.begin() + static_cast<std::ptrdiff_t>(b),
                     segment.bytes.begin() + static_cast<std::ptrdiff_t>(b + both),
                     held.bytes.begin() + static_cast<std::ptrdiff_t>(a));
}

// Puts those parts of the segment that fill holes between the held pieces there. False when it
// filled none.
bool Direction::hold(const Segment& segment, const Output& out) noexcept {
  const std::uint32_t end = segment.seq + segment.length;
  std::uint32_t at = segment.seq;
  std::optional<std::uint32_t> first;  // of the pieces kept
  const auto fill = [&](std::uint32_t to) {
    if (seq_diff(at, to) <= 0) return;
    keep(segment, at, to, out);
    if (!first) first = at;
  };
  if (held_) {
    auto place = held_->early.upper_bound(segment.seq);
    if (place != held_->early.begin()) {
      const auto before = std::prev(place);
      if (seq_diff(segment.seq, before->first + before->second.length) > 0) place = before;
    }
    for (; place != held_->early.end() && seq_diff(place->first, end) > 0; ++place) {
      fill(place->first);
      if (differ(place->first, place->second, segment)) ++out.counters->conflicts;
      at = place->first + place->second.length;
    }
  }
  fill(end);
  if (first) held_->early.at(*first).counts = true;
  return first.has_value();
}

void Direction::drain(const Output& out) noexcept {
  while (held_ && held_->early.begin()->first == next_) {
    const auto node = held_->early.extract(held_->early.begin());
    const Early& early = node.mapped();
    held_->bytes -= early.bytes.size() + kPieceCost;
    *out.held -= early.bytes.size() + kPieceCost;
    if (held_->early.empty()) held_.reset();
    if (early.counts) ++out.counters->delivered;
    deliver({node.key(), early.length, early.bytes, early.time_ns}, out);
  }
  end_if_there(out);
}

void Direction::end_if_there(const Output& out) noexcept {
  if (!fin_seen_ || ended_ || next_ != fin_seq_) return;
  ended_ = true;
  if (out.consumer != nullptr) out.consumer->end(out.from);
}

void Direction::fin(std::uint32_t seq, const Output& out) noexcept {
  if (fin_seen_ || seq_diff(next_, seq) < 0 || seq_diff(next_, seq) > kMaxWindow) return;
  if (held_) {
    const auto& [last, early] = *held_->early.rbegin();
    if (seq_diff(last + early.length, seq) < 0) return;
  }
  fin_seen_ = true;
  fin_seq_ = seq;
  end_if_there(out);
}

void Direction::acked(std::uint32_t ack, const Output& out) noexcept {
  while (held_ && seq_diff(held_->early.begin()->first, ack) >= 0) give_up(out);
  if (fin_seen_ && !ended_ && !held_ && seq_diff(fin_seq_, ack) > 0) {
    gap_to(fin_seq_, out);
    end_if_there(out);
  }
}

void Direction::give_up(const Output& out) noexcept {
  if (!held_) return;
  gap_to(held_->early.begin()->first, out);
  drain(out);
}

void Direction::discard(const Output& out) noexcept {
  if (!held_) return;
  out.counters->opaque += held_segments();
  *out.held -= held_->bytes;
  held_.reset();
}

void Direction::pass(std::uint32_t seq, std::uint32_t length) noexcept {
  if (seq_diff(next_, seq + length) > 0) next_ = seq + length;
}

}  // namespace gray
