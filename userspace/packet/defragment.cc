#include "userspace/packet/defragment.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "bpf/tag.h"
#include "userspace/packet/checksum.h"

namespace gray {
namespace {

constexpr std::uint32_t kMaxDatagram = 65535;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kFragmentHeader = 8;
// What the containers cost beside the bytes: a node of each, roughly.
constexpr std::size_t kDatagramCost = 320;
constexpr std::size_t kPartCost = 96;

void put_u16(std::vector<std::uint8_t>& bytes, std::size_t at, std::size_t value) noexcept {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

/// The IP header that stood in front of this fragment's payload, extension headers and all.
std::span<const std::uint8_t> header_of(const Packet& packet) noexcept {
  return packet.l3.first(packet.l3.size() - packet.payload.size());
}

/// Takes the fragment header, the last one of `header`, out of the chain of next-header fields. The
/// chain was walked when the packet was decoded, so its lengths are good.
bool drop_fragment_header(std::vector<std::uint8_t>& header) noexcept {
  if (header.size() < kIpv6Header + kFragmentHeader) return false;
  const std::size_t fragment_at = header.size() - kFragmentHeader;
  std::size_t next_at = 6;  // where the field is that names what is at `at`
  for (std::size_t at = kIpv6Header; at < fragment_at;) {
    const std::size_t length = header[next_at] == IPPROTO_AH
                                   ? (header[at + 1] + std::size_t{2}) * 4
                                   : (header[at + 1] + std::size_t{1}) * 8;
    next_at = at;
    at += length;
  }
  header[next_at] = header[fragment_at];
  header.resize(fragment_at);
  return true;
}

std::uint64_t random_word() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

bool is_possible(const Packet& packet) noexcept {
  const std::uint32_t length = packet.payload_wire_len;
  if (length == 0 || packet.fragment_offset + length > kMaxDatagram) return false;
  return !packet.more_fragments || length % 8 == 0;
}

}  // namespace

std::size_t Defragmenter::KeyHash::operator()(const Key& key) const noexcept {
  gray_flow_key words{};
  std::memcpy(words.addr[0], key.source.bytes.data(), sizeof words.addr[0]);
  std::memcpy(words.addr[1], key.destination.bytes.data(), sizeof words.addr[1]);
  words.port[0] = static_cast<std::uint16_t>(key.id >> 16);
  words.port[1] = static_cast<std::uint16_t>(key.id);
  words.proto = key.proto;
  return gray_flow_tag(&words, seed + key.vlan);
}

Defragmenter::Defragmenter(DefragmenterLimits limits)
    : limits_(limits), index_(0, KeyHash{random_word()}) {}

std::optional<std::span<const std::uint8_t>> Defragmenter::add(const Packet& packet) {
  if (!packet.fragment || packet.odd != Odd::None) return std::nullopt;
  expire(packet.time_ns);
  ++counters_.fragments;
  if (!is_possible(packet)) {
    ++counters_.malformed;
    return std::nullopt;
  }
  if (packet.payload.size() < packet.payload_wire_len) {
    ++counters_.cut;
    return std::nullopt;
  }

  Datagram& datagram = find(packet);
  switch (datagram.poisoned ? Fit::Overlap : fit(datagram, packet.fragment_offset, packet)) {
    case Fit::Duplicate:
      ++counters_.duplicates;
      return std::nullopt;
    case Fit::Overlap:
      ++counters_.overlaps;
      poison(datagram);
      return std::nullopt;
    case Fit::New:
      insert(datagram, packet);
  }
  if (datagram.length != datagram.received || datagram.header.empty()) {
    make_room();
    return std::nullopt;
  }
  const bool sound = assemble(datagram);
  erase(index_.at(datagram.key), sound ? counters_.completed : counters_.malformed);
  if (!sound) return std::nullopt;
  ++counters_.datagrams;
  return whole_;
}

Defragmenter::Datagram& Defragmenter::find(const Packet& packet) {
  const Key key{.source = packet.source.address,
                .destination = packet.destination.address,
                .id = packet.fragment_id,
                .vlan = packet.vlan,
                .proto = packet.is_v4 ? packet.ip_proto : std::uint8_t{0}};
  const auto found = index_.find(key);
  if (found != index_.end()) return *found->second;
  datagrams_.push_back({.key = key,
                        .first_ns = packet.time_ns,
                        .header = {},
                        .parts = {},
                        .length = {},
                        .cost = kDatagramCost,
                        .is_v4 = packet.is_v4});
  index_.emplace(key, std::prev(datagrams_.end()));
  cost_ += kDatagramCost;
  return datagrams_.back();
}

Defragmenter::Fit Defragmenter::fit(const Datagram& datagram, std::uint32_t offset,
                                    const Packet& packet) {
  const std::uint32_t end = offset + packet.payload_wire_len;
  const auto same = datagram.parts.find(offset);
  if (same != datagram.parts.end() && std::ranges::equal(same->second, packet.payload))
    return Fit::Duplicate;
  if (datagram.length && (end > *datagram.length || !packet.more_fragments)) return Fit::Overlap;
  const auto after = datagram.parts.lower_bound(offset);
  if (after != datagram.parts.end() && after->first < end) return Fit::Overlap;
  if (after != datagram.parts.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second.size() > offset) return Fit::Overlap;
  }
  const bool beyond_the_last = !packet.more_fragments && after != datagram.parts.end();
  return beyond_the_last ? Fit::Overlap : Fit::New;
}

void Defragmenter::insert(Datagram& datagram, const Packet& packet) {
  const auto payload = packet.payload;
  datagram.parts.emplace(packet.fragment_offset, Bytes(payload.begin(), payload.end()));
  std::size_t cost = payload.size() + kPartCost;
  if (packet.first_fragment) {
    const auto header = header_of(packet);
    datagram.header.assign(header.begin(), header.end());
    cost += header.size();
  }
  if (!packet.more_fragments) datagram.length = packet.fragment_offset + packet.payload_wire_len;
  datagram.received += packet.payload_wire_len;
  ++datagram.fragments;
  ++counters_.held;
  datagram.cost += cost;
  cost_ += cost;
}

/// Keeps the key, so that the rest of the datagram does not begin a new one.
void Defragmenter::poison(Datagram& datagram) {
  counters_.overlaps += datagram.fragments;
  counters_.held -= datagram.fragments;
  cost_ -= datagram.cost - kDatagramCost;
  datagram.cost = kDatagramCost;
  datagram.fragments = 0;
  datagram.parts.clear();
  datagram.header = {};
  datagram.poisoned = true;
}

/// Puts header and parts into whole_, with lengths and checksum as if it had never been cut.
bool Defragmenter::assemble(const Datagram& datagram) {
  whole_ = datagram.header;
  if (!datagram.is_v4 && !drop_fragment_header(whole_)) return false;
  const std::size_t header = whole_.size();
  const std::size_t total = header + *datagram.length;
  if ((datagram.is_v4 ? total : total - kIpv6Header) > kMaxDatagram) return false;
  whole_.reserve(total);
  for (const auto& [offset, bytes] : datagram.parts)
    whole_.insert(whole_.end(), bytes.begin(), bytes.end());
  if (datagram.is_v4) {
    put_u16(whole_, 2, total);
    put_u16(whole_, 6, 0);
    put_u16(whole_, 10, 0);
    put_u16(whole_, 10, internet_checksum(std::span(whole_).first(header)));
  } else {
    put_u16(whole_, 4, total - kIpv6Header);
  }
  return true;
}

void Defragmenter::erase(Datagrams::iterator datagram, std::uint64_t& counter) {
  counter += datagram->fragments;
  counters_.held -= datagram->fragments;
  cost_ -= datagram->cost;
  index_.erase(datagram->key);
  datagrams_.erase(datagram);
}

/// Clocks are set back, and captures are appended to later ones: what is as far in the future is of
/// another time, too, and must not keep what is behind it from ending.
void Defragmenter::expire(std::uint64_t now_ns) {
  const auto apart = [&](std::uint64_t ns) { return ns < now_ns ? now_ns - ns : ns - now_ns; };
  while (!datagrams_.empty() && apart(datagrams_.front().first_ns) > limits_.timeout_ns)
    erase(datagrams_.begin(), counters_.timeouts);
}

void Defragmenter::make_room() {
  while (cost_ > limits_.bytes && !datagrams_.empty()) erase(datagrams_.begin(), counters_.evicted);
}

void Defragmenter::account(Ledger& ledger) const {
  ledger.add({.name = "defragment",
              .unit = "fragments",
              .in = counters_.fragments,
              .out = counters_.completed,
              .drops = {{"fragment_duplicate", counters_.duplicates, DropKind::Selection},
                        {"fragment_overlap", counters_.overlaps},
                        {"fragment_malformed", counters_.malformed},
                        {"fragment_cut", counters_.cut},
                        {"fragment_timeout", counters_.timeouts},
                        {"fragment_evicted", counters_.evicted}},
              .held = counters_.held});
}

}  // namespace gray
