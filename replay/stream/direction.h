// One direction of a TCP connection: where it is in sequence space, and what came too early. Bytes
// that were there first stay (first wins); a gap is declared when its caller says so, never here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "replay/stream/stream.h"

namespace gray {

/// `b - a` in sequence space (RFC 9293 section 3.4): negative when b is before a.
inline std::int32_t seq_diff(std::uint32_t a, std::uint32_t b) noexcept {
  return static_cast<std::int32_t>(b - a);
}

struct Segment {
  std::uint32_t seq = 0;
  std::uint32_t length = 0;             ///< on the wire; >= bytes.size(), the rest was not captured
  std::span<const std::uint8_t> bytes;  ///< as captured
  std::uint64_t time_ns = 0;
};

class Direction {
 public:
  /// Where bytes go and what is counted. The consumer may be null unless there is payload.
  struct Output {
    StreamConsumer* consumer;
    unsigned from;
    StreamCounters* counters;
    std::size_t* held;  ///< the sum of held_bytes() of all directions
  };

  bool started() const noexcept { return started_; }
  bool ended() const noexcept { return ended_; }
  std::uint32_t next() const noexcept { return next_; }
  bool waiting() const noexcept { return held_ != nullptr; }
  /// Of the first held segment; only when waiting().
  std::uint64_t waiting_since_ns() const noexcept { return held_->early.begin()->second.time_ns; }
  /// Segments that are held, and the memory they take.
  std::size_t held_segments() const noexcept;
  std::size_t held_bytes() const noexcept { return held_ ? held_->bytes : 0; }

  void start(std::uint32_t seq) noexcept {
    next_ = seq;
    started_ = true;
  }
  /// A segment with payload; counts it.
  void segment(const Segment& segment, const Output& out) noexcept;
  /// FIN: no byte at or after `seq`.
  void fin(std::uint32_t seq, const Output& out) noexcept;
  /// The other side has received everything before `ack`: what of it is missing never comes.
  void acked(std::uint32_t ack, const Output& out) noexcept;
  /// Gives up the bytes before the first held segment, and delivers from there.
  void give_up(const Output& out) noexcept;
  /// Forgets what is held, as if it had been delivered.
  void discard(const Output& out) noexcept;
  /// Of an unwanted connection: keeps up with the sequence numbers only.
  void pass(std::uint32_t seq, std::uint32_t length) noexcept;

 private:
  struct Early {
    std::uint32_t length;
    std::uint64_t time_ns;
    std::vector<std::uint8_t> bytes;
    bool counts;  // the piece of its segment that stands for it in the counters
  };
  // In sequence space; what is compared is never further apart than the largest window.
  struct Before {
    bool operator()(std::uint32_t a, std::uint32_t b) const noexcept { return seq_diff(a, b) > 0; }
  };
  struct Held {
    std::map<std::uint32_t, Early, Before> early;  // by sequence number; disjoint, all after next_
    std::size_t bytes = 0;
  };

  void place(const Segment& segment, const Output& out) noexcept;
  void drop(const Segment& segment, StreamCounters& counters) noexcept;
  void deliver(const Segment& segment, const Output& out) noexcept;
  void gap_to(std::uint32_t seq, const Output& out) noexcept;
  void drain(const Output& out) noexcept;
  void end_if_there(const Output& out) noexcept;
  bool hold(const Segment& segment, const Output& out) noexcept;
  void keep(const Segment& segment, std::uint32_t from, std::uint32_t to, const Output& out);
  static bool differ(std::uint32_t seq, const Early& held, const Segment& segment) noexcept;

  std::unique_ptr<Held> held_;  // there when something came too early: an idle direction is small
  std::uint32_t next_ = 0;
  std::uint32_t fin_seq_ = 0;
  std::uint32_t lost_from_ = 0;  // the last gap
  std::uint32_t lost_to_ = 0;
  bool started_ = false;
  bool fin_seen_ = false;
  bool ended_ = false;
};

}  // namespace gray
