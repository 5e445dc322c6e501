#include "replay/stream/direction.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gray {
namespace {

// What is further from the next byte than the largest window (RFC 7323) is another connection's.
constexpr std::int32_t kMaxWindow = 1 << 30;

// What a held piece costs besides its bytes: many small ones must not be free.
constexpr std::size_t kPieceCost = 96;

}  // namespace

std::size_t Direction::held_segments() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(early_.begin(), early_.end(), [](const Early& e) { return e.counts; }));
}

void Direction::segment(const Segment& segment, const Output& out) noexcept {
  StreamCounters& counters = *out.counters;
  Segment rest = segment;
  const std::int32_t ahead = seq_diff(next_, segment.seq);
  if (ahead > kMaxWindow || ahead < -kMaxWindow) {
    ++counters.out_of_window;
    return;
  }
  if (ended_ || (fin_seen_ && seq_diff(fin_seq_, segment.seq) >= 0)) {
    ++(ahead < 0 ? counters.retransmission : counters.after_close);
    return;
  }
  if (ahead < 0) {
    const auto known = static_cast<std::uint32_t>(-ahead);
    if (known >= segment.length) return drop(segment, counters);
    rest.seq = next_;
    rest.length -= known;
    rest.bytes = rest.bytes.subspan(std::min<std::size_t>(known, rest.bytes.size()));
  }
  if (fin_seen_) {
    const auto room = static_cast<std::uint32_t>(seq_diff(rest.seq, fin_seq_));
    rest.length = std::min(rest.length, room);
    rest.bytes = rest.bytes.first(std::min<std::size_t>(rest.length, rest.bytes.size()));
  }
  const bool alone = early_.empty() || seq_diff(rest.seq + rest.length, early_.front().seq) >= 0;
  if (rest.seq == next_ && alone) {
    ++counters.delivered;
    deliver(rest, out);
  } else if (!hold(rest, counters)) {
    ++counters.retransmission;
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
  gap_to(segment.seq + segment.length, out);
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

Direction::Early Direction::piece(const Segment& segment, std::uint32_t from,
                                  std::uint32_t to) const noexcept {
  const std::size_t skip = std::min<std::size_t>(from - segment.seq, segment.bytes.size());
  const auto bytes = segment.bytes.subspan(skip);
  const auto kept = bytes.first(std::min<std::size_t>(to - from, bytes.size()));
  return {from, to - from, segment.time_ns, {kept.begin(), kept.end()}, false};
}

bool Direction::differ(const Early& held, const Segment& segment) noexcept {
  const std::uint32_t from = seq_diff(held.seq, segment.seq) > 0 ? segment.seq : held.seq;
  const std::size_t a = from - held.seq;
  const std::size_t b = from - segment.seq;
  if (a >= held.bytes.size() || b >= segment.bytes.size()) return false;
  const std::size_t both = std::min(held.bytes.size() - a, segment.bytes.size() - b);
  return !std::equal(segment.bytes.begin() + static_cast<std::ptrdiff_t>(b),
                     segment.bytes.begin() + static_cast<std::ptrdiff_t>(b + both),
                     held.bytes.begin() + static_cast<std::ptrdiff_t>(a));
}

// Puts those parts of the segment that fill holes between the held pieces there. False when it
// filled none.
bool Direction::hold(const Segment& segment, StreamCounters& counters) noexcept {
  const std::uint32_t end = segment.seq + segment.length;
  std::uint32_t at = segment.seq;
  bool counts = true;
  auto place = std::partition_point(early_.begin(), early_.end(), [&](const Early& e) {
    return seq_diff(segment.seq, e.end()) <= 0;
  });
  const auto insert = [&](std::uint32_t to) {
    Early early = piece(segment, at, to);
    early.counts = std::exchange(counts, false);
    held_bytes_ += early.bytes.size() + kPieceCost;
    place = std::next(early_.insert(place, std::move(early)));
  };
  while (place != early_.end() && seq_diff(place->seq, end) > 0) {
    if (seq_diff(at, place->seq) > 0) insert(place->seq);
    if (differ(*place, segment)) ++counters.conflicts;
    at = place->end();
    ++place;
  }
  if (seq_diff(at, end) > 0) insert(end);
  return !counts;
}

void Direction::drain(const Output& out) noexcept {
  auto place = early_.begin();
  for (; place != early_.end() && place->seq == next_; ++place) {
    held_bytes_ -= place->bytes.size() + kPieceCost;
    if (place->counts) ++out.counters->delivered;
    deliver({place->seq, place->length, place->bytes, place->time_ns}, out);
  }
  early_.erase(early_.begin(), place);
  end_if_there(out);
}

void Direction::end_if_there(const Output& out) noexcept {
  if (!fin_seen_ || ended_ || next_ != fin_seq_) return;
  ended_ = true;
  if (out.consumer != nullptr) out.consumer->end(out.from);
}

void Direction::fin(std::uint32_t seq, const Output& out) noexcept {
  if (fin_seen_ || seq_diff(next_, seq) < 0 || seq_diff(next_, seq) > kMaxWindow) return;
  if (!early_.empty() && seq_diff(early_.back().end(), seq) < 0) return;
  fin_seen_ = true;
  fin_seq_ = seq;
  end_if_there(out);
}

void Direction::acked(std::uint32_t ack, const Output& out) noexcept {
  while (!early_.empty() && seq_diff(early_.front().seq, ack) >= 0) give_up(out);
  if (fin_seen_ && !ended_ && early_.empty() && seq_diff(fin_seq_, ack) > 0) {
    gap_to(fin_seq_, out);
    end_if_there(out);
  }
}

void Direction::give_up(const Output& out) noexcept {
  if (early_.empty()) return;
  gap_to(early_.front().seq, out);
  drain(out);
}

void Direction::discard(StreamCounters& counters) noexcept {
  counters.opaque += held_segments();
  early_.clear();
  early_.shrink_to_fit();
  held_bytes_ = 0;
}

void Direction::pass(std::uint32_t seq, std::uint32_t length) noexcept {
  if (seq_diff(next_, seq + length) > 0) next_ = seq + length;
}

}  // namespace gray
