// Puts IP fragments together again (RFC 791, RFC 8200 §4.5), within bounds of memory and time, for
// one thread. Overlapping fragments make the whole datagram void (RFC 5722), in IPv4, too:
// different systems resolve them differently, and that is how detection is evaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "userspace/base/clock.h"
#include "userspace/base/ledger.h"
#include "userspace/packet/packet.h"

namespace gray {

struct DefragmenterLimits {
  std::size_t bytes = 16 * 1024 * 1024;          ///< held at most, bookkeeping counted in
  std::uint64_t timeout_ns = 30 * kNsPerSecond;  ///< from a datagram's first fragment, as Linux
};

class Defragmenter {
 public:
  struct Counters {
    std::uint64_t fragments = 0;   ///< all that came in
    std::uint64_t completed = 0;   ///< of these, such as became part of a whole datagram
    std::uint64_t datagrams = 0;   ///< whole ones given out
    std::uint64_t duplicates = 0;  ///< the same bytes at the same place again
    std::uint64_t overlaps = 0;    ///< and all other fragments of such datagrams
    std::uint64_t malformed = 0;   ///< an impossible length or offset
    std::uint64_t cut = 0;         ///< not captured whole
    std::uint64_t timeouts = 0;
    std::uint64_t evicted = 0;  ///< to stay within limits.bytes
    std::uint64_t held = 0;
  };

  explicit Defragmenter(DefragmenterLimits limits = {});

  /// Takes a packet with `fragment` set; others are none of its business and give nothing. When it
  /// was the missing piece: the whole datagram from its IP header on, for decode_ip(), valid until
  /// the next call. Time is the packets' own, so a file is read as it was captured.
  std::optional<std::span<const std::uint8_t>> add(const Packet& packet);

  const Counters& counters() const noexcept { return counters_; }
  /// Adds the stage "defragment" in fragments.
  void account(Ledger& ledger) const;

 private:
  struct Key {
    IpAddress source;
    IpAddress destination;
    std::uint32_t id = 0;
    std::uint16_t vlan = 0;
    std::uint8_t proto = 0;  ///< IPv4 only: there it is part of the identity
    bool operator==(const Key&) const = default;
  };
  /// Seeded with random bits: who chooses the keys cannot choose those that meet.
  struct KeyHash {
    std::uint64_t seed;
    std::size_t operator()(const Key& key) const noexcept;
  };
  using Bytes = std::vector<std::uint8_t>;
  struct Datagram {
    Key key;
    std::uint64_t first_ns = 0;
    Bytes header;                          ///< of the first fragment, once it is here
    std::map<std::uint32_t, Bytes> parts;  ///< by offset, no two overlap
    std::optional<std::uint32_t> length;   ///< once the last fragment is here
    std::uint32_t received = 0;            ///< bytes in parts
    std::uint64_t fragments = 0;
    std::size_t cost = 0;
    bool is_v4 = false;
    bool poisoned = false;  ///< overlapped: what else comes is dropped until it times out
  };
  using Datagrams = std::list<Datagram>;  ///< oldest first

  enum class Fit { New, Duplicate, Overlap };

  Datagram& find(const Packet& packet);
  static Fit fit(const Datagram& datagram, std::uint32_t offset, const Packet& packet);
  void insert(Datagram& datagram, const Packet& packet);
  void poison(Datagram& datagram);
  bool assemble(const Datagram& datagram);
  void erase(Datagrams::iterator datagram, std::uint64_t& counter);
  void expire(std::uint64_t now_ns);
  void make_room();

  DefragmenterLimits limits_;
  Counters counters_;
  Datagrams datagrams_;
  std::unordered_map<Key, Datagrams::iterator, KeyHash> index_;
  std::size_t cost_ = 0;
  Bytes whole_;
};

}  // namespace gray
