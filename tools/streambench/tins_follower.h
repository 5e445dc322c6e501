// libtins' StreamFollower, as a second opinion on reassembly and as what its speed is measured
// against. Its rules: a connection is followed from its SYN on; of bytes that were sent twice the
// first stay; after a lost segment it waits, unless recovery is on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "userspace/packet/packet.h"

namespace gray {

/// From whom to whom, and the how-manieth connection over these ports it is.
using DirectionName = std::tuple<Endpoint, Endpoint, unsigned>;
/// The bytes of each direction that has some, in order, gaps left out.
using DirectionBytes = std::map<DirectionName, std::string>;

struct TinsOptions {
  bool partial = false;               ///< follow connections without a SYN
  std::uint32_t recovery_window = 0;  ///< for enable_recovery_mode() on each stream; 0: off
  bool keep_bytes = true;             ///< false: count them only
};

class TinsFollower {
 public:
  explicit TinsFollower(const TinsOptions& options);
  ~TinsFollower();

  /// An Ethernet frame.
  void ethernet(const Frame& frame);
  /// An IP packet: what decode() found inside of tunnels, or a reassembled datagram.
  void ip(const Packet& packet);

  std::uint64_t delivered_bytes() const noexcept;
  const DirectionBytes& directions() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gray
