#include "userspace/kernel/selection.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "userspace/base/errors.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

void require_room(const char* what, std::size_t count, std::size_t room) {
  if (count > room)
    throw UsageError(
        fmt::format("{} {} asked for, the kernel side holds {} at most", count, what, room));
}

gray_net to_net(const Cidr& cidr) {
  std::array<std::uint8_t, 16> mask{};
  for (unsigned bit = 0; bit < std::min(cidr.prefix, 128U); ++bit)
    mask[bit / 8] = static_cast<std::uint8_t>(mask[bit / 8] | (0x80U >> (bit % 8)));
  std::array<std::uint8_t, 16> address = cidr.address.bytes;
  for (std::size_t i = 0; i < address.size(); ++i) address[i] &= mask[i];

  gray_net net{};
  std::memcpy(net.addr, address.data(), sizeof(net.addr));
  std::memcpy(net.mask, mask.data(), sizeof(net.mask));
  return net;
}

gray_endpoint to_endpoint(const Endpoint& endpoint) {
  gray_endpoint out{};
  std::memcpy(out.addr, endpoint.address.bytes.data(), sizeof(out.addr));
  out.port = htons(endpoint.port);
  return out;
}

void set_tunnels(const TunnelOptions& tunnels, gray_config& config) {
  config.tunnel_depth = tunnels.depth;
  config.tunnel_port_count = static_cast<std::uint32_t>(tunnel_ports(tunnels, config.tunnel_ports));
  for (std::size_t i = 0; i < config.tunnel_port_count; ++i)
    config.tunnel_hint |= GRAY_TUNNEL_BIT(ntohs(config.tunnel_ports[i].port));
}

struct CounterInfo {
  enum Kind { STAGE, SELECT, LOSS, NOTE };
  const char* name;
  Kind kind;
};

constexpr std::array<CounterInfo, GRAY_COUNTER_MAX> kCounters{{
#define GRAY_COUNTER_INFO(id, name, kind) {name, CounterInfo::kind},
    GRAY_COUNTERS(GRAY_COUNTER_INFO)
#undef GRAY_COUNTER_INFO
}};

}  // namespace

gray_config make_config(const ProgramOptions& options) {
  const Selection& selection = options.selection;
  require_room("protocols", selection.protos.size(), GRAY_MAX_PROTOS);
  require_room("ports", selection.ports.size(), GRAY_MAX_PORTS);
  require_room("networks", selection.nets.size(), GRAY_MAX_NETS);
  require_room("excludes", selection.excludes.size(), GRAY_MAX_EXCLUDES);
  if (std::ranges::count(selection.ports, 0) > 0)
    throw UsageError("port 0 cannot be selected: give a port from 1 to 65535");
  if (!(selection.share >= 0 && selection.share <= 1))
    throw UsageError(fmt::format("a share of {} of the flows: it must be 0 to 1", selection.share));
  if (options.snaplen == 0 || options.snaplen > GRAY_MAX_SNAPLEN)
    throw UsageError(fmt::format("snap length {}: it must be 1 to {}", options.snaplen,
                                 static_cast<unsigned>(GRAY_MAX_SNAPLEN)));

  check_tunnels(options.tunnels);

  gray_config config{};
  config.seed = options.seed;
  config.sample_max = share_threshold(selection.share);
  config.enabled = 1;
  config.pass_unselected = options.pass_unselected ? 1 : 0;
  config.snaplen = options.snaplen;
  config.proto_count = static_cast<std::uint32_t>(selection.protos.size());
  config.port_count = static_cast<std::uint32_t>(selection.ports.size());
  config.net_count = static_cast<std::uint32_t>(selection.nets.size());
  config.exclude_count = static_cast<std::uint32_t>(selection.excludes.size());
  std::ranges::copy(selection.protos, config.protos);
  std::ranges::transform(selection.ports, config.ports, [](std::uint16_t p) { return htons(p); });
  std::ranges::transform(selection.nets, config.nets, to_net);
  std::ranges::transform(selection.excludes, config.excludes, to_endpoint);
  set_tunnels(options.tunnels, config);
  return config;
}

Stage kernel_stage(const std::string& name, const Counters& counters) {
  Stage stage{.name = name, .in = counters[GRAY_SEEN], .out = counters[GRAY_CAPTURED]};
  for (std::size_t i = 0; i < kCounters.size(); ++i) {
    if (kCounters[i].kind == CounterInfo::SELECT)
      stage.drops.push_back({kCounters[i].name, counters[i], DropKind::Selection});
    if (kCounters[i].kind == CounterInfo::LOSS)
      stage.drops.push_back({kCounters[i].name, counters[i], DropKind::Loss});
  }
  return stage;
}

}  // namespace gray
