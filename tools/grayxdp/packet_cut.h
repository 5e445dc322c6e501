// Which packets belong to exchanges that were listed: those of their connection between their first
// and their last byte, and the connection's handshake and end; of HTTP/2, the first packet of each
// side, too. Asked in a second pass over the files. One thread; 16 bytes an exchange at most.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "replay/protocol/exchange.h"
#include "userspace/packet/packet.h"

namespace gray {

class PacketCut {
 public:
  void add(const Exchange& exchange);
  /// After the last add(), before the first wants().
  void sort();
  /// Packets of one connection in the order of the files. What was pipelined with a listed exchange
  /// comes with it, and so does each handshake and end between the same ports.
  bool wants(const Packet& packet);

 private:
  struct Span {
    std::uint64_t from_ns;
    std::uint64_t to_ns;
  };
  struct Talk {
    std::vector<Span> spans;
    bool greeted = false;  // SYN and ACK were the last packet: an empty ACK ends the handshake
    bool http2 = false;    // some exchange is
    std::array<bool, 2> said_nothing{};  // behind the SYN, by which endpoint is the lesser one
  };
  using Key = std::pair<Endpoint, Endpoint>;  // the lesser one first
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<Endpoint>()(key.first) * 31 + std::hash<Endpoint>()(key.second);
    }
  };

  static Key key_of(Endpoint a, Endpoint b, bool with_ports) noexcept;
  static bool opens_http2(Talk& talk, const Packet& packet) noexcept;
  static bool within(const Talk& talk, std::uint64_t time_ns) noexcept;

  std::unordered_map<Key, Talk, KeyHash> talks_;
};

}  // namespace gray
