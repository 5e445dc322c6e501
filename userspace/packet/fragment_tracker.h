// The flow of each frame, fragments too, as the kernel's programs find it (bpf/fragment.h): a later
// fragment belongs to the flow that its first one was found to belong to, be it the flow inside of
// a tunnel that was cut. Bytes are not put together again: that is Defragmenter's. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "userspace/packet/packet.h"

namespace gray {

class FragmentTracker {
 public:
  /// Remembers `capacity` datagrams (at least 1), those seen least recently go first.
  explicit FragmentTracker(TunnelOptions tunnels = {}, std::size_t capacity = GRAY_MAX_FRAGMENTED)
      : tunnels_(std::move(tunnels)), capacity_(capacity) {}

  /// None for a frame of no flow: not IP, or odd. Frames come in the order of their capture.
  std::optional<FlowKey> flow(const Frame& frame) { return flow(decode(frame, tunnels_)); }
  /// Of what decode() made with the same options.
  std::optional<FlowKey> flow(const Packet& packet);

  const TunnelOptions& tunnels() const noexcept { return tunnels_; }
  /// Later fragments whose first was not seen: their flow has no ports.
  std::uint64_t orphans() const noexcept { return orphans_; }

 private:
  struct Datagram {
    IpAddress source;
    IpAddress destination;
    std::uint32_t id = 0;
    std::uint8_t proto = 0;  ///< IPv4 only: there it is part of the identity (RFC 791)
    std::uint8_t family = 0;
    bool operator==(const Datagram&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Datagram& datagram) const noexcept;
  };
  struct First {
    Datagram datagram;
    FlowKey flow;
  };
  using Order = std::list<First>;  ///< used last stands first
  /// First fragments met on the way in: the outermost and the innermost.
  struct Met {
    std::array<Datagram, 2> datagrams;
    std::size_t count = 0;
  };

  static Datagram datagram_of(const Packet& fragment) noexcept;
  std::optional<FlowKey> descend(Packet packet, Met& met);
  FlowKey follow(const Packet& later);
  void remember(const Datagram& datagram, const FlowKey& flow);

  TunnelOptions tunnels_;
  std::size_t capacity_;
  std::uint64_t orphans_ = 0;
  Order order_;
  std::unordered_map<Datagram, Order::iterator, Hash> index_;
};

}  // namespace gray
