#include "replay/inject/preparer.h"

#include <net/ethernet.h>

#include <algorithm>
#include <string>

namespace gray {
namespace {

constexpr std::size_t kVlanTag = 4;
constexpr std::size_t kMostVlanTags = 2;

// Of the Ethernet header and its VLAN tags, as far as there are such.
std::size_t link_length(std::span<const std::uint8_t> frame) noexcept {
  std::size_t length = ETH_HLEN;
  for (std::size_t i = 0; i < kMostVlanTags && frame.size() >= length; ++i) {
    const auto type = static_cast<unsigned>(frame[length - 2] << 8 | frame[length - 1]);
    if (type != ETHERTYPE_VLAN && type != 0x88a8) break;
    length += kVlanTag;
  }
  return length;
}

template <class Refusal, std::size_t N>
void add_refusals(Stage& stage, const std::array<std::uint64_t, N>& counts) {
  for (std::size_t i = 1; i < N; ++i)
    stage.drops.push_back({std::string(to_string(static_cast<Refusal>(i))), counts[i]});
}

}  // namespace

Preparer::Preparer(const PrepareOptions& options)
    : options_(options),
      rewriter_(options.rewrite),
      segmenter_(options.mtu, options.fragment ? OtherThanTcp::Fragment : OtherThanTcp::Refuse),
      sides_(options.sides),
      piece_(max_frame(options.mtu)) {}

std::size_t Preparer::max_frame(std::size_t mtu) noexcept {
  return ETH_HLEN + kMostVlanTags * kVlanTag + mtu;
}

void Preparer::prepare(const Frame& frame, FrameBatch& batch) {
  ++in_;
  if (!sendable(frame)) return;
  const bool ask = options_.two_ports || rewriter_.needs_way();
  const Way way = ask ? sides_.way(frame) : Way::ClientToServer;
  std::uint32_t wire_length =
      std::max(frame.wire_len, static_cast<std::uint32_t>(frame.bytes.size()));
  if (!rewrite(frame, way, wire_length)) return;
  ++rewritten_;
  const bool second = options_.two_ports && way == Way::ServerToClient;
  segment(frame, wire_length, second ? 1 : 0, batch);
}

bool Preparer::sendable(const Frame& frame) noexcept {
  if (frame.link != LinkType::Ethernet) {
    ++link_type_;
    return false;
  }
  if (frame.bytes.size() < ETH_HLEN) {
    ++runt_;
    return false;
  }
  return true;
}

// Leaves the frame as it is to be in room_.
bool Preparer::rewrite(const Frame& frame, Way way, std::uint32_t& wire_length) {
  room_.resize(frame.bytes.size() + kRewriteGrowth);
  std::copy(frame.bytes.begin(), frame.bytes.end(), room_.begin());
  if (rewriter_.idle()) {
    room_.resize(frame.bytes.size());
    return true;
  }
  const Rewritten rewritten =
      rewriter_.apply(room_, frame.bytes.size(), wire_length, frame.link, way);
  room_.resize(rewritten.length);
  wire_length = rewritten.wire_length;
  if (rewritten.refusal == RewriteRefusal::None || !rewriter_.refused_must_stop()) return true;
  ++rewrite_refused_[static_cast<std::size_t>(rewritten.refusal)];
  return false;
}

void Preparer::segment(const Frame& frame, std::uint32_t wire_length, std::uint8_t port,
                       FrameBatch& batch) {
  const CutPlan plan = segmenter_.plan(room_, wire_length, frame.link);
  if (plan.pieces == 0 && !options_.truncate) {
    ++cut_refused_[static_cast<std::size_t>(plan.refusal)];
    return;
  }
  ++segmented_;
  if (plan.pieces > 1) {
    ++cut_;
    pieces_ += plan.pieces;
    for (std::uint32_t i = 0; i < plan.pieces; ++i) {
      const std::size_t length = segmenter_.write(plan, room_, i, piece_);
      batch.add(std::span(piece_).first(length), frame.time_ns, port);
    }
    return;
  }
  // A trailer behind the IP packet is no reason to refuse a frame; neither does it go along.
  const std::size_t most = link_length(room_) + options_.mtu;
  if (room_.size() > most || plan.pieces == 0)
    ++truncated_;
  else if (room_.size() < wire_length)
    ++snapped_;
  batch.add(std::span(room_).first(std::min(room_.size(), most)), frame.time_ns, port);
}

void Preparer::account(Ledger& ledger) const {
  Stage rewrite{.name = "rewrite", .in = in_, .out = rewritten_};
  rewrite.drops = {{"link_type", link_type_}, {"runt", runt_}};
  add_refusals<RewriteRefusal>(rewrite, rewrite_refused_);
  ledger.add(std::move(rewrite));
  Stage segment{.name = "segment", .in = rewritten_, .out = segmented_};
  for (std::size_t i = 1; i < kCutRefusals; ++i)
    segment.drops.push_back(
        {"too_long_" + std::string(to_string(static_cast<CutRefusal>(i))), cut_refused_[i]});
  ledger.add(std::move(segment));
}

}  // namespace gray
