// What reassembly gives: connections, and for each the bytes of its two directions in order. The
// sides of a connection are 0 and 1; side 0 sent the first segment that was seen.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "userspace/packet/address.h"

namespace gray {

struct Connection {
  std::uint64_t stream = 0;  ///< numbered in order of appearance, from 0
  std::array<Endpoint, 2> ends;
  std::array<std::uint32_t, 2> first_seq{};  ///< sequence number of stream offset 0, once known
  std::array<bool, 2> syn{};       ///< the side's SYN was seen: offset 0 is its first byte
  std::optional<unsigned> client;  ///< the side that opened, when the handshake told it
  std::uint64_t tag = 0;           ///< of the first frame that had one
  std::uint64_t first_ns = 0;      ///< UTC, of the first segment
};

enum class CloseReason : std::uint8_t {
  Fin,       ///< both directions ended
  Reset,     ///< RST, near what its sender had sent (RFC 5961 section 3)
  Reused,    ///< a new connection took the same ports
  Idle,      ///< nothing for longer than the idle timeout
  Shed,      ///< the flow table was full
  Finished,  ///< the capture ended
};

/// Reads one connection. `from` is the sending side. Calls come in stream order for each direction;
/// bytes are lent for the call.
class StreamConsumer {
 public:
  virtual ~StreamConsumer() = default;
  /// `time_ns` is of the frame that carried these bytes.
  virtual void data(unsigned from, std::span<const std::uint8_t> bytes,
                    std::uint64_t time_ns) noexcept = 0;
  /// `length` bytes were never captured.
  virtual void gap(unsigned from, std::uint64_t length) noexcept = 0;
  /// The side has sent its last byte (FIN).
  virtual void end(unsigned from) noexcept = 0;
  virtual void closed(CloseReason reason) noexcept = 0;
  /// False: wants no more data of this connection, which then is not reassembled any further.
  virtual bool wanted() const noexcept = 0;
};

class StreamSink {
 public:
  virtual ~StreamSink() = default;
  /// Called before the first byte or gap of a connection; one that carries nothing is never opened.
  /// `connection` stays where it is until closed() has returned.
  virtual std::unique_ptr<StreamConsumer> opened(const Connection& connection) noexcept = 0;
  /// Of every connection, also of those that were never opened: the last that is heard of it.
  virtual void closed(const Connection& connection) noexcept { (void)connection; }
};

/// Segments: in = delivered + control + all drops + held (asked of the reassembler).
struct StreamCounters {
  std::uint64_t in = 0;
  std::uint64_t delivered = 0;       ///< with bytes that went on, or will have with the next ones
  std::uint64_t control = 0;         ///< without payload
  std::uint64_t retransmission = 0;  ///< all bytes were there already
  std::uint64_t keep_alive = 0;
  std::uint64_t late = 0;  ///< came after they had been given up as a gap
  std::uint64_t out_of_window = 0;
  std::uint64_t after_close = 0;
  std::uint64_t opaque = 0;  ///< of a connection that its consumer does not want
  // Not segments, and no drops:
  std::uint64_t connections = 0;
  std::uint64_t gaps = 0;
  std::uint64_t gap_bytes = 0;
  std::uint64_t conflicts = 0;  ///< overlaps whose bytes differ; the first ones stayed
  std::uint64_t flows_shed = 0;
  std::uint64_t buffer_full = 0;   ///< gaps declared early, to stay within a budget
  std::uint64_t stray_resets = 0;  ///< RST far from what its sender had sent: ignored

  StreamCounters& operator+=(const StreamCounters& other) noexcept;
};

}  // namespace gray
