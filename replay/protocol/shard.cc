#include "replay/protocol/shard.h"

#include <netinet/in.h>

#include <algorithm>
#include <cmath>

#include "bpf/tag.h"

namespace gray {
namespace {

constexpr std::size_t kMostOfAFlow = 4u << 20;  // bytes of one direction that wait for a lost one

/// Flows are spread by chance, so a share is never exactly that. With six deviations more, none is
/// full as long as there are no more of them in all than there may be.
std::size_t share_of_flows(std::size_t all, unsigned shares) {
  const double mean = static_cast<double>(all) / shares;
  return std::min(all, static_cast<std::size_t>(std::ceil(mean + 6 * std::sqrt(mean))));
}

ReassemblerOptions stream_options(const ExtractorOptions& options, unsigned shares) {
  const auto share = [&](std::size_t all) { return std::max<std::size_t>(all / shares, 1); };
  return {.max_flows = share_of_flows(options.max_flows, shares),
          .max_buffered = share(options.max_buffered),
          .max_buffered_per_flow = std::min(share(options.max_buffered), kMostOfAFlow),
          .idle_timeout_ns = options.idle_timeout_ns};
}

}  // namespace

std::uint64_t tcp_flow_tag(const Endpoint& one, const Endpoint& other,
                           std::uint64_t seed) noexcept {
  Packet packet;
  packet.is_ip = packet.has_tcp = true;
  packet.is_v4 = one.address.is_v4();
  packet.ip_proto = IPPROTO_TCP;
  packet.source = one;
  packet.destination = other;
  const FlowKey flow = flow_key(packet);
  return gray_flow_tag(&flow.key, seed);
}

Shard::Shard(const ExtractorOptions& options, unsigned shares, ExchangeSink& sink)
    : context_(options, sink), reassembler_(stream_options(options, shares), *this) {
  context_.kept.limit = std::max<std::size_t>(options.max_kept / shares, 1);
}

std::unique_ptr<StreamConsumer> Shard::opened(const Connection& connection) noexcept {
  const auto& [one, other] = connection.ends;
  ConnectionNames names;
  names.flow_tag =
      connection.tag != 0 ? connection.tag : tcp_flow_tag(one, other, context_.options.seed);
  return make_recogniser(connection, names, context_);
}

void Shard::closed(const Connection& connection) noexcept {
  if (on_closed) on_closed(connection.stream);
}

}  // namespace gray
