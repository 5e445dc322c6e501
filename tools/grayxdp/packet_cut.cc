#include "tools/grayxdp/packet_cut.h"

#include <algorithm>
#include <span>
#include <utility>

#include "replay/protocol/http2/frame.h"
#include "tools/grayxdp/exchange_json.h"

namespace gray {
namespace {

std::uint64_t ended_ns(const Exchange& exchange) {
  std::uint64_t last = exchange.request.last_byte_ns;
  if (exchange.response) last = std::max(last, exchange.response->last_byte_ns);
  if (exchange.websocket) last = std::max(last, exchange.websocket->last_ns);
  return last;
}

}  // namespace

// Fragments of a datagram after the first have no ports.
PacketCut::Key PacketCut::key_of(Endpoint a, Endpoint b, bool with_ports) noexcept {
  if (!with_ports) a.port = b.port = 0;
  return b < a ? Key{b, a} : Key{a, b};
}

void PacketCut::add(const Exchange& exchange) {
  const Span span{began_ns(exchange), ended_ns(exchange)};
  for (const bool with_ports : {true, false}) {
    Talk& talk = talks_[key_of(exchange.client, exchange.server, with_ports)];
    talk.http2 = talk.http2 || exchange.h2_stream != 0;
    auto& spans = talk.spans;
    // Exchanges that follow each other at once need one span.
    if (!spans.empty() && span.from_ns >= spans.back().from_ns &&
        span.from_ns <= spans.back().to_ns)
      spans.back().to_ns = std::max(spans.back().to_ns, span.to_ns);
    else
      spans.push_back(span);
  }
}

void PacketCut::sort() {
  for (auto& [key, talk] : talks_) {
    auto& spans = talk.spans;
    std::sort(spans.begin(), spans.end(),
              [](const Span& a, const Span& b) { return a.from_ns < b.from_ns; });
    std::size_t kept = 0;
    for (const Span& span : spans) {
      if (kept > 0 && span.from_ns <= spans[kept - 1].to_ns)
        spans[kept - 1].to_ns = std::max(spans[kept - 1].to_ns, span.to_ns);
      else
        spans[kept++] = span;
    }
    spans.resize(kept);
  }
}

bool PacketCut::within(const Talk& talk, std::uint64_t time_ns) noexcept {
  const auto after =
      std::upper_bound(talk.spans.begin(), talk.spans.end(), time_ns,
                       [](std::uint64_t time, const Span& span) { return time < span.from_ns; });
  return after != talk.spans.begin() && time_ns <= std::prev(after)->to_ns;
}

// Without the preface and the settings nothing that opens the file knows the connection for HTTP/2.
// They are what each side says first, but for the preface that comes behind an upgrade.
bool PacketCut::opens_http2(Talk& talk, const Packet& packet) noexcept {
  if (!packet.has_tcp || !talk.http2) return false;
  if ((packet.tcp_flags & kTcpSyn) != 0) talk.said_nothing = {true, true};
  const std::span<const std::uint8_t> said = packet.payload;
  if (said.empty()) return false;
  const bool first = std::exchange(talk.said_nothing[packet.destination < packet.source], false);
  const auto begins_with_preface = [&] {
    return said.size() >= http2::kPreface.size() &&
           std::equal(http2::kPreface.begin(), http2::kPreface.end(), said.begin());
  };
  return first || begins_with_preface();
}

bool PacketCut::wants(const Packet& packet) {
  if (!packet.is_ip || packet.odd != Odd::None) return false;
  if (!packet.has_tcp && !packet.fragment) return false;
  const auto found = talks_.find(key_of(packet.source, packet.destination, packet.has_tcp));
  if (found == talks_.end()) return false;
  Talk& talk = found->second;
  const auto has = [&](unsigned flags) {
    return packet.has_tcp && (packet.tcp_flags & flags) != 0;
  };
  const bool opens = opens_http2(talk, packet);
  const bool ends_handshake = std::exchange(talk.greeted, has(kTcpSyn)) && packet.payload.empty();
  // A body may end with its connection: without the FIN it would be cut.
  return has(kTcpSyn | kTcpFin | kTcpRst) || ends_handshake || opens ||
         within(talk, packet.time_ns);
}

}  // namespace gray
