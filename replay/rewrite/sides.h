// Which side of its conversation a frame comes from, as tcpprep finds it: by who sent the SYN, else
// by the lower port, else by who spoke first; or by networks, or by the direction that was
// recorded. Remembers conversations up to a bound, so one thread uses a Sides, and feeds it every
// frame in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "replay/rewrite/way.h"
#include "userspace/packet/address.h"
#include "userspace/packet/packet.h"

namespace gray {

struct SidesOptions {
  enum class Rule : std::uint8_t {
    Auto,
    Direction,  ///< recorded inbound: client to server; outbound: server to client; else Auto
    Clients,    ///< a sender in `networks` is a client, every other one a server
    Servers,    ///< a sender in `networks` is a server, every other one a client
  };
  Rule rule = Rule::Auto;
  std::vector<Cidr> networks;
  std::size_t max_conversations = 1 << 20;  ///< remembered; the oldest half is forgotten above it

  /// "auto", "direction", "clients=10.0.0.0/8,…", "servers=10.1.0.0/16,…". Throws UsageError.
  static SidesOptions parse(std::string_view text);
};

class Sides {
 public:
  explicit Sides(SidesOptions options = {});
  ~Sides();
  Sides(Sides&&) noexcept;
  Sides& operator=(Sides&&) noexcept;

  /// Frames that tell nothing (no IP, no ARP) go from client to server.
  Way way(const Frame& frame);

  /// Conversations that were forgotten because there were too many; what comes of them later is
  /// decided anew.
  std::uint64_t forgotten() const noexcept;

 private:
  class Conversations;
  SidesOptions options_;
  std::unique_ptr<Conversations> conversations_;
};

}  // namespace gray
