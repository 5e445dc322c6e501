#include "replay/stream/segmenter.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace gray {
namespace {

void prefetch_headers(const Frame& frame) noexcept {
  __builtin_prefetch(frame.bytes.data());
  __builtin_prefetch(frame.bytes.data() + 64);
}

}  // namespace

std::span<const TaggedPacket> Segmenter::read(std::span<const Frame> frames, std::size_t count) {
  datagrams_.clear();
  if (segments_read_.size() < count) segments_read_.resize(count);
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i + count < frames.size()) prefetch_headers(frames[i + count]);
    TaggedPacket& next = segments_read_[found];
    next.packet = open(frames[i]);
    next.tag = frames[i].tag;
    if (take(next.packet)) ++found;
  }
  frames_ += count;
  segments_ += found;
  return std::span(segments_read_).first(found);
}

Packet Segmenter::open(const Frame& frame) {
  if (frame.link != LinkType::WiresharkUpperPdu) return decode(frame, tunnels_);
  const ExportedPdu pdu = read_exported_pdu(frame);
  return pdu.packet.odd == Odd::None ? pdus_.place(pdu) : pdu.packet;
}

/// Every frame has one fate: the one that completes a datagram has the datagram's, all other
/// fragments are counted as such. True for a segment.
bool Segmenter::take(Packet& packet) {
  for (unsigned depth = 0; packet.odd == Odd::None && packet.fragment; ++depth) {
    const auto whole = depth < kMaxTunnelDepth ? defragmenter_.add(packet) : std::nullopt;
    if (!whole) {
      ++fragments_;
      return false;
    }
    const auto& kept = datagrams_.emplace_back(whole->begin(), whole->end());
    packet = decode_inside(packet, kept);
  }
  return count(packet);
}

/// The tunnels that the last fragment came in count, and so does its VLAN.
Packet Segmenter::decode_inside(const Packet& fragment, std::span<const std::uint8_t> datagram) {
  const unsigned entered = fragment.tunnels;
  rest_.depth = tunnels_.depth - std::min(entered, tunnels_.depth);
  Packet packet = decode_ip(datagram, fragment.time_ns, rest_);
  packet.tunnels = static_cast<std::uint8_t>(packet.tunnels + entered);
  if (fragment.vlan != 0) packet.vlan = fragment.vlan;
  return packet;
}

bool Segmenter::count(const Packet& packet) noexcept {
  if (packet.odd != Odd::None) {
    ++odd_[static_cast<std::size_t>(packet.odd)];
    return false;
  }
  if (!packet.has_tcp) ++not_tcp_;
  return packet.has_tcp;
}

void Segmenter::account(Ledger& ledger) const {
  Stage decoding{.name = "decode", .unit = "frames", .in = frames_, .out = segments_};
  decoding.drops.push_back({"not_tcp", not_tcp_, DropKind::Selection});
  decoding.drops.push_back({"fragment", fragments_, DropKind::Selection});
  for (std::size_t i = 1; i < kOddKinds; ++i) {
    const auto kind = static_cast<Odd>(i);
    const bool chosen = kind == Odd::NotIp || kind == Odd::PduOfNoStream;
    const DropKind why = chosen ? DropKind::Selection : DropKind::Loss;
    decoding.drops.push_back({std::string(to_string(kind)), odd_[i], why});
  }
  ledger.add(std::move(decoding));
  if (defragmenter_.counters().fragments > 0) defragmenter_.account(ledger);
}

}  // namespace gray
