#include "replay/protocol/extractor.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "bpf/tag.h"
#include "replay/protocol/registry.h"
#include "replay/stream/reassembler.h"
#include "userspace/packet/community_id.h"
#include "userspace/packet/defragment.h"

namespace gray {
namespace {

constexpr std::size_t kOddKinds = static_cast<std::size_t>(Odd::TunnelDepth) + 1;
constexpr std::uint64_t kExpireEveryNs = 1'000'000'000;

ReassemblerOptions stream_options(const ExtractorOptions& options) {
  return {.max_flows = options.max_flows,
          .max_buffered = options.max_buffered,
          .max_buffered_per_flow = std::min<std::size_t>(options.max_buffered, 4u << 20),
          .idle_timeout_ns = options.idle_timeout_ns};
}

}  // namespace

struct Extractor::State final : StreamSink {
  State(const ExtractorOptions& wanted, ExchangeSink& sink)
      : options(wanted), context(options, sink), reassembler(stream_options(options), *this) {}

  std::unique_ptr<StreamConsumer> opened(const Connection& connection) noexcept override {
    return make_recogniser(connection, names(connection), context);
  }

  ConnectionNames names(const Connection& connection) const noexcept {
    Packet packet;
    packet.is_ip = packet.has_tcp = true;
    packet.is_v4 = connection.ends[0].address.is_v4();
    packet.ip_proto = IPPROTO_TCP;
    packet.source = connection.ends[0];
    packet.destination = connection.ends[1];
    ConnectionNames names;
    const FlowKey flow = flow_key(packet);
    names.flow_tag = connection.tag != 0 ? connection.tag : gray_flow_tag(&flow.key, options.seed);
    if (options.community_ids)
      names.community_id = community_id(IPPROTO_TCP, connection.ends[0], connection.ends[1]);
    return names;
  }

  // Every frame has one fate: the one that completes a datagram has the datagram's, all other
  // fragments are counted as such.
  void packet(const Packet& packet, std::uint64_t tag, unsigned depth) noexcept {
    if (packet.odd != Odd::None) {
      ++odd[static_cast<std::size_t>(packet.odd)];
    } else if (packet.fragment) {
      fragment(packet, tag, depth);
    } else if (packet.has_tcp) {
      ++segments;
      reassembler.segment(packet, tag);
    } else {
      ++not_tcp;
    }
  }

  void fragment(const Packet& packet, std::uint64_t tag, unsigned depth) noexcept {
    const auto datagram = depth < kMaxTunnelDepth ? defragmenter.add(packet) : std::nullopt;
    if (!datagram) {
      ++fragments;
      return;
    }
    const std::vector<std::uint8_t> bytes(datagram->begin(), datagram->end());
    this->packet(decode_ip(bytes, packet.time_ns, options.tunnels), tag, depth + 1);
  }

  const ExtractorOptions options;
  ProtocolContext context;
  Defragmenter defragmenter;
  Reassembler reassembler;
  std::uint64_t frames = 0;
  std::uint64_t segments = 0;
  std::uint64_t not_tcp = 0;
  std::uint64_t fragments = 0;
  std::array<std::uint64_t, kOddKinds> odd{};
  std::uint64_t expired_at = 0;
};

Extractor::Extractor(const ExtractorOptions& options, ExchangeSink& sink)
    : state_(std::make_unique<State>(options, sink)) {}

Extractor::~Extractor() = default;

void Extractor::frame(const Frame& frame) noexcept {
  ++state_->frames;
  state_->packet(decode(frame, state_->options.tunnels), frame.tag, 0);
  if (frame.time_ns > state_->expired_at + kExpireEveryNs) expire(frame.time_ns);
}

void Extractor::expire(std::uint64_t now) noexcept {
  state_->expired_at = now;
  state_->reassembler.expire(now);
}

void Extractor::finish() noexcept {
  state_->reassembler.finish();
}

ExtractorSummary Extractor::summary() const {
  const StreamCounters& streams = state_->reassembler.counters();
  return {.packets = state_->frames,
          .streams = streams.connections,
          .exchanges = state_->context.given,
          .gaps = streams.gaps,
          .gap_bytes = streams.gap_bytes,
          .opaque = state_->context.opaque};
}

void Extractor::account(Ledger& ledger) const {
  Stage decoding{.name = "decode", .unit = "frames", .in = state_->frames, .out = state_->segments};
  decoding.drops.push_back({"not_tcp", state_->not_tcp, DropKind::Selection});
  decoding.drops.push_back({"fragment", state_->fragments, DropKind::Selection});
  for (std::size_t i = 1; i < kOddKinds; ++i) {
    const auto kind = static_cast<Odd>(i);
    const DropKind why = kind == Odd::NotIp ? DropKind::Selection : DropKind::Loss;
    decoding.drops.push_back({std::string(to_string(kind)), state_->odd[i], why});
  }
  ledger.add(std::move(decoding));
  if (state_->defragmenter.counters().fragments > 0) state_->defragmenter.account(ledger);
  state_->reassembler.account(ledger);
  const ProtocolContext& http = state_->context;
  ledger.add({.name = "http",
              .unit = "exchanges",
              .in = http.begun,
              .out = http.given,
              .held = http.begun - http.given});
}

}  // namespace gray
