#include "replay/stream/pdu_order.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <random>
#include <string_view>

#include "bpf/tag.h"

namespace gray {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325;  // FNV-1a: goes on where it stopped
constexpr std::uint64_t kFnvPrime = 0x100000001b3;

std::uint64_t hash_on(std::uint64_t hash, std::span<const std::uint8_t> bytes) noexcept {
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * kFnvPrime;
  return hash;
}

std::string_view text_of(std::span<const std::uint8_t> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool begins_answer(std::string_view text) noexcept {
  return text.starts_with("HTTP/");
}

/// A method and a space.
bool begins_request(std::string_view text) noexcept {
  constexpr std::size_t kLongestMethod = 32;
  const auto end = text.substr(0, kLongestMethod).find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
  return end != text.npos && end > 0 && text[end] == ' ';
}

std::uint64_t random_word() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

void PduOrder::Side::close() noexcept {
  open = 0;
  open_hash = kFnvBasis;
}

void PduOrder::Side::add_open(Bytes bytes) noexcept {
  open += static_cast<std::uint32_t>(bytes.size());
  open_hash = hash_on(open_hash, bytes);
}

/// And goes on behind it: nothing is exported again that has not grown.
bool PduOrder::Side::begins_with_open(Bytes bytes) const noexcept {
  return open > 0 && bytes.size() > open && hash_on(kFnvBasis, bytes.first(open)) == open_hash;
}

void PduOrder::Side::walk_frames(Bytes bytes) noexcept {
  if (header_have == 0 && frame_left == 0 && text_of(bytes).starts_with(kPreface))
    bytes = bytes.subspan(kPreface.size());
  while (!bytes.empty()) {
    const bool in_header = frame_left == 0;
    const std::size_t wanted = in_header ? kFrameHeader - header_have : frame_left;
    const Bytes piece = bytes.first(std::min(wanted, bytes.size()));
    bytes = bytes.subspan(piece.size());
    add_open(piece);
    const auto size = static_cast<std::uint32_t>(piece.size());
    if (in_header) {
      std::memcpy(header.data() + header_have, piece.data(), size);
      header_have += size;
      if (header_have < kFrameHeader) return;
      frame_left = std::uint32_t{header[0]} << 16 | std::uint32_t{header[1]} << 8 | header[2];
    } else {
      frame_left -= size;
    }
    if (frame_left > 0) continue;
    header_have = 0;
    close();
  }
}

std::size_t PduOrder::KeyHash::operator()(const Key& key) const noexcept {
  gray_flow_key words{};
  std::memcpy(words.addr[0], key.low.address.bytes.data(), sizeof words.addr[0]);
  std::memcpy(words.addr[1], key.high.address.bytes.data(), sizeof words.addr[1]);
  words.port[0] = key.low.port;
  words.port[1] = key.high.port;
  return gray_flow_tag(&words, seed);
}

PduOrder::PduOrder(PduOrderLimits limits) : limits_(limits), index_(0, KeyHash{random_word()}) {}

PduOrder::Connection& PduOrder::find(const Key& key, std::uint64_t now_ns) {
  const auto idle = [&](const Connection& connection) {
    return connection.last_ns < now_ns && now_ns - connection.last_ns > limits_.idle_ns;
  };
  while (!connections_.empty() && idle(connections_.front())) {
    index_.erase(connections_.front().key);
    connections_.pop_front();
  }
  const auto [found, is_new] = index_.try_emplace(key);
  if (is_new) {
    found->second =
        connections_.insert(connections_.end(), {.key = key, .last_ns = 0, .sides = {}});
    for (Side& side : found->second->sides) side.close();
  }
  Connection& connection = *found->second;
  connection.last_ns = now_ns;
  connections_.splice(connections_.end(), connections_, found->second);
  if (connections_.size() > limits_.connections) {
    index_.erase(connections_.front().key);
    connections_.pop_front();
  }
  return connection;
}

/// Less than a frame's header may be equal by chance: then it is as it was with more.
bool PduOrder::comes_again(const Side& side, const ExportedPdu& pdu) noexcept {
  const bool same = side.begins_with_open(pdu.packet.payload);
  if (pdu.protocol != PduProtocol::Http2) return same;
  if (side.open >= Side::kFrameHeader) once_ = !same;
  return same && (side.open >= Side::kFrameHeader || !once_);
}

/// A message of HTTP/1 is not looked into for its end. It may be exported again until there is
/// another, and an answer until something else is asked.
void PduOrder::follow(Side& side, Side& other, const Packet& packet, bool again, bool http2) {
  const Bytes bytes = packet.payload;
  if (bytes.size() < packet.payload_wire_len) {  // where frames begin is not known any more
    side.close();
    side.frame_left = side.header_have = 0;
    return;
  }
  if (http2) return side.walk_frames(bytes);
  if (!again) {
    side.close();
    side.answers = begins_answer(text_of(bytes));
    const bool asks = !side.answers && begins_request(text_of(bytes));
    if (asks && other.answers) other.close();
    if (!side.answers && !asks) return;
  }
  side.add_open(bytes);
}

Packet PduOrder::place(const ExportedPdu& pdu) {
  Packet packet = pdu.packet;
  const bool reversed = packet.destination < packet.source;
  const Key key =
      reversed ? Key{packet.destination, packet.source} : Key{packet.source, packet.destination};
  Connection& connection = find(key, packet.time_ns);
  Side& side = connection.sides[reversed];
  const bool again = comes_again(side, pdu);
  if (again) {
    packet.payload = packet.payload.subspan(side.open);
    packet.payload_wire_len -= side.open;
  }
  packet.seq = side.next;
  side.next += packet.payload_wire_len;
  follow(side, connection.sides[!reversed], packet, again, pdu.protocol == PduProtocol::Http2);
  return packet;
}

}  // namespace gray
