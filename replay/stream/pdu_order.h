// Where in its stream an exported PDU is. Such a capture has the PDUs of one direction in order and
// nothing else, so each begins where the one before it ended, and they get running sequence
// numbers. Wireshark exports a message that goes on in the next TLS record twice, unless it was
// told not to: what there was of it, and the whole; what comes again is taken off. One thread.
// Never looks further into the bytes than to find where the last message or frame of a PDU began.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <unordered_map>

#include "userspace/base/clock.h"
#include "userspace/packet/exported_pdu.h"

namespace gray {

struct PduOrderLimits {
  std::size_t connections = 262'144;           ///< as the reassembler; about 250 bytes each
  std::uint64_t idle_ns = 600 * kNsPerSecond;  ///< longer than the reassembler: it forgets first
};

class PduOrder {
 public:
  explicit PduOrder(PduOrderLimits limits = {});

  /// The segment that `pdu`, which is not odd, would have been.
  Packet place(const ExportedPdu& pdu);

  std::size_t connections() const noexcept { return connections_.size(); }

 private:
  using Bytes = std::span<const std::uint8_t>;

  /// One direction. `open` is what there is of a message or frame that may be exported again.
  struct Side {
    static constexpr std::size_t kFrameHeader = 9;  // RFC 9113 section 4.1

    std::uint32_t next = 0;         ///< sequence number
    std::uint32_t open = 0;         ///< bytes at the end of what was given
    std::uint64_t open_hash = 0;    ///< of these
    std::uint32_t frame_left = 0;   ///< of HTTP/2: bytes until the payload of a frame ends
    std::uint32_t header_have = 0;  ///< and bytes of the header in front of it
    std::array<std::uint8_t, kFrameHeader> header{};
    bool answers = false;  ///< what is open is HTTP/1's answer

    void close() noexcept;
    void add_open(Bytes bytes) noexcept;
    bool begins_with_open(Bytes bytes) const noexcept;
    void walk_frames(Bytes bytes) noexcept;
  };
  struct Key {
    Endpoint low;
    Endpoint high;
    bool operator==(const Key&) const = default;
  };
  /// Seeded with random bits: who chooses the keys cannot choose those that meet.
  struct KeyHash {
    std::uint64_t seed;
    std::size_t operator()(const Key& key) const noexcept;
  };
  struct Connection {
    Key key;
    std::uint64_t last_ns = 0;
    std::array<Side, 2> sides;
  };
  using Connections = std::list<Connection>;  ///< the idlest first

  Connection& find(const Key& key, std::uint64_t now_ns);
  bool comes_again(const Side& side, const ExportedPdu& pdu) noexcept;
  static void follow(Side& side, Side& other, const Packet& packet, bool again, bool http2);

  const PduOrderLimits limits_;
  Connections connections_;
  std::unordered_map<Key, Connections::iterator, KeyHash> index_;
  bool once_ = false;  ///< the last that was certain: frames are exported in pieces, each once
};

}  // namespace gray
