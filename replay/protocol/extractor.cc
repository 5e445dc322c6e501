#include "replay/protocol/extractor.h"

#include <algorithm>
#include <optional>

#include "replay/protocol/shard.h"
#include "replay/protocol/sharded.h"
#include "replay/stream/segmenter.h"

namespace gray {
namespace {

constexpr std::size_t kBatch = 32;  // frames: their packets stay in the cache

/// Over all shards.
struct Sums {
  StreamCounters streams;
  std::size_t held = 0;
  std::uint64_t begun = 0;
  std::uint64_t given = 0;
  std::uint64_t messages = 0;
  std::uint64_t placed = 0;
  std::uint64_t interim = 0;
  std::uint64_t bad = 0;
  std::uint64_t unpaired = 0;
  std::uint64_t skipped = 0;
  std::map<std::string, std::uint64_t> opaque;

  void add(Shard& shard) {
    const ProtocolContext& context = shard.context();
    streams += shard.reassembler().counters();
    held += shard.reassembler().held_segments();
    begun += context.begun;
    given += context.given;
    messages += context.messages;
    placed += context.placed;
    interim += context.interim;
    bad += context.bad;
    unpaired += context.unpaired;
    skipped += context.skipped;
    for (const auto& [reason, count] : context.opaque) opaque[reason] += count;
  }
};

}  // namespace

struct Extractor::State {
  State(const ExtractorOptions& wanted, ExchangeSink& sink)
      : options(wanted), segmenter(options.tunnels) {
    if (options.threads > 1) {
      sharded.emplace(options, sink);
    } else {
      alone.emplace(options, 1, sink);
    }
  }

  void frames(std::span<const Frame> some, std::size_t count) {
    const auto packets = segmenter.read(some, count);
    const auto after = [&](std::size_t i) {
      const std::uint64_t now = packets[i].packet.time_ns;
      if (expiry.due(now)) expire(now);
    };
    if (alone) {
      alone->reassembler().segments(packets, after);
      // What is held out of order belongs to requests whose beginning is not known yet.
      if (count > 0 && alone->reassembler().held_bytes() == 0)
        in_order_ns = some[count - 1].time_ns;
      return;
    }
    for (std::size_t i = 0; i < packets.size(); ++i) {
      sharded->segment(packets[i]);
      after(i);
    }
  }

  void expire(std::uint64_t now) {
    expiry.done(now);
    alone ? alone->reassembler().expire(now) : sharded->expire(now);
  }

  Sums sums() {
    Sums sums;
    if (alone) {
      sums.add(*alone);
    } else {
      sharded->settle();
      sharded->for_each([&](Shard& shard) { sums.add(shard); });
    }
    return sums;
  }

  const ExtractorOptions options;
  Segmenter segmenter;
  ExpiryClock expiry;
  std::uint64_t in_order_ns = 0;  // of the last frame up to which nothing was out of order
  std::optional<Shard> alone;
  std::optional<Sharded> sharded;
};

Extractor::Extractor(const ExtractorOptions& options, ExchangeSink& sink)
    : state_(std::make_unique<State>(options, sink)) {}

Extractor::~Extractor() = default;

void Extractor::frames(std::span<const Frame> frames) noexcept {
  for (std::size_t at = 0; at < frames.size(); at += kBatch)
    state_->frames(frames.subspan(at), std::min(kBatch, frames.size() - at));
}

void Extractor::expire(std::uint64_t now) noexcept {
  state_->expire(now);
  if (state_->sharded) state_->sharded->settle();
}

void Extractor::finish() noexcept {
  state_->alone ? state_->alone->reassembler().finish() : state_->sharded->finish();
}

std::uint64_t Extractor::settled_ns() const noexcept {
  if (!state_->alone) return 0;
  const std::uint64_t in_order = state_->in_order_ns;
  return std::min(in_order, state_->alone->context().open.first_ns().value_or(in_order));
}

ExtractorSummary Extractor::summary() const {
  Sums sums = state_->sums();
  return {.packets = state_->segmenter.frames(),
          .unread = state_->segmenter.count(Odd::LinkType),
          .unread_pdus =
              state_->segmenter.count(Odd::PduTags) + state_->segmenter.count(Odd::PduOfNoStream),
          .streams = sums.streams.connections,
          .exchanges = sums.given,
          .gaps = sums.streams.gaps,
          .gap_bytes = sums.streams.gap_bytes,
          .flows_shed = sums.streams.flows_shed,
          .early_gaps = sums.streams.buffer_full,
          .interim = sums.interim,
          .bad = sums.bad,
          .skipped_bytes = sums.skipped,
          .opaque = std::move(sums.opaque)};
}

void Extractor::account(Ledger& ledger) const {
  const Sums sums = state_->sums();
  state_->segmenter.account(ledger);
  gray::account(sums.streams, sums.held, ledger);
  ledger.add({.name = "message",
              .unit = "messages",
              .in = sums.messages,
              .out = sums.placed,
              .drops = {{"interim", sums.interim, DropKind::Selection},
                        {"bad", sums.bad},
                        {"unpaired", sums.unpaired}},
              .held = sums.messages - sums.placed - sums.interim - sums.bad - sums.unpaired});
  ledger.add({.name = "http",
              .unit = "exchanges",
              .in = sums.begun,
              .out = sums.given,
              .held = sums.begun - sums.given});
}

}  // namespace gray
