// One thread's share of the connections: from TCP segments to exchanges. All of a connection's
// segments go to one shard, so shards share nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "replay/protocol/extractor.h"
#include "replay/protocol/registry.h"
#include "replay/stream/reassembler.h"

namespace gray {

/// The flow tag of a TCP connection's packets (bpf/tag.h), whichever side sends.
std::uint64_t tcp_flow_tag(const Endpoint& one, const Endpoint& other, std::uint64_t seed) noexcept;

class Shard final : private StreamSink {
 public:
  /// Of `shares`, which divide the bounds of memory among them. The options live as long as the
  /// shard.
  Shard(const ExtractorOptions& options, unsigned shares, ExchangeSink& sink);

  Reassembler& reassembler() noexcept { return reassembler_; }
  const ProtocolContext& context() const noexcept { return context_; }

  /// Called when nothing more will be heard of a connection; may be empty.
  std::function<void(std::uint64_t stream)> on_closed;

 private:
  std::unique_ptr<StreamConsumer> opened(const Connection& connection) noexcept override;
  void closed(const Connection& connection) noexcept override;

  ProtocolContext context_;
  Reassembler reassembler_;
};

}  // namespace gray
