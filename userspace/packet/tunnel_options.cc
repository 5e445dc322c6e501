#include "userspace/packet/tunnel_options.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>

#include "userspace/base/errors.h"

namespace gray {
namespace {

static_assert(3 * TunnelOptions::kMaxPorts + 2 <= GRAY_MAX_TUNNEL_PORTS);

}  // namespace

const TunnelOptions& default_tunnels() noexcept {
  static const TunnelOptions options;
  return options;
}

std::size_t tunnel_ports(const TunnelOptions& options, gray_tunnel_port* ports) noexcept {
  std::size_t count = 0;
  const auto add = [&](std::uint16_t port, gray_tunnel kind, bool either) {
    if (count < GRAY_MAX_TUNNEL_PORTS)
      ports[count++] = {.port = htons(port),
                        .kind = static_cast<std::uint8_t>(kind),
                        .either = static_cast<std::uint8_t>(either ? 1 : 0)};
  };
  for (const std::uint16_t port : options.vxlan) add(port, GRAY_TUNNEL_VXLAN, false);
  for (const std::uint16_t port : options.geneve) add(port, GRAY_TUNNEL_GENEVE, false);
  for (const std::uint16_t port : options.gtp) add(port, GRAY_TUNNEL_GTP, true);
  add(kTeredoPort, GRAY_TUNNEL_TEREDO, true);
  add(kAyiyaPort, GRAY_TUNNEL_AYIYA, true);
  return count;
}

void check_tunnels(const TunnelOptions& options) {
  if (options.depth > GRAY_MAX_TUNNEL_DEPTH)
    throw UsageError(fmt::format("tunnel depth {}: it must be 0 to {}", options.depth,
                                 static_cast<unsigned>(GRAY_MAX_TUNNEL_DEPTH)));
  std::vector<std::uint16_t> all = {kTeredoPort, kAyiyaPort};
  for (const auto* list : {&options.vxlan, &options.geneve, &options.gtp}) {
    if (list->size() > TunnelOptions::kMaxPorts)
      throw UsageError(fmt::format("{} ports for one kind of tunnel: {} are the most", list->size(),
                                   TunnelOptions::kMaxPorts));
    all.insert(all.end(), list->begin(), list->end());
  }
  std::ranges::sort(all);
  if (all.front() == 0) throw UsageError("port 0 is no tunnel's: give a port from 1 to 65535");
  const auto twice = std::ranges::adjacent_find(all);
  if (twice != all.end())
    throw UsageError(fmt::format("port {} stands for two kinds of tunnel: give it to one", *twice));
}

}  // namespace gray
