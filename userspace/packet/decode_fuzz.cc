// Frames of any bytes and link type, cut by two-byte lengths: decoded with all tunnels, printed,
// named, put together from fragments. No view may leave its frame.
#include <fmt/format.h>

#include "userspace/base/fuzz.h"
#include "userspace/base/ledger.h"
#include "userspace/packet/community_id.h"
#include "userspace/packet/defragment.h"
#include "userspace/packet/print.h"

namespace gray {
namespace {

constexpr LinkType kLinks[] = {
    LinkType::Ethernet, LinkType::Null,      LinkType::Raw,
    LinkType::Loop,     LinkType::LinuxSll,  LinkType::Ipv4,
    LinkType::Ipv6,     LinkType::LinuxSll2, LinkType::WiresharkUpperPdu};

bool within(std::span<const std::uint8_t> inner, std::span<const std::uint8_t> outer) {
  if (inner.empty()) return true;
  return inner.data() >= outer.data() && inner.data() + inner.size() <= outer.data() + outer.size();
}

void check(const Packet& packet, std::span<const std::uint8_t> bytes) {
  require(within(packet.payload, bytes), "the payload is in the frame");
  require(within(packet.l3, bytes), "the IP packet is in the frame");
  const bool whole = packet.is_ip && packet.odd == Odd::None;
  require(!whole || packet.payload.size() <= packet.payload_wire_len, "no more than was sent");
  require(packet.tunnels <= GRAY_MAX_TUNNEL_DEPTH, "tunnels are bounded");
  if (!packet.is_ip) return;
  flow_key(packet);
  community_id(packet);
}

}  // namespace
}  // namespace gray

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  FuzzInput input(data, size);
  Defragmenter defragmenter({.bytes = 100'000});
  std::uint64_t now = 0;
  while (!input.empty()) {
    Frame frame;
    frame.link = kLinks[input.byte() % std::size(kLinks)];
    frame.bytes = input.bytes(input.word());
    frame.wire_len = static_cast<std::uint32_t>(frame.bytes.size());
    frame.time_ns = now += 1'000'000;
    const Packet packet = decode(frame);
    check(packet, frame.bytes);
    const std::string line = print_frame(frame, {.link_header = true, .verbose = true});
    for (const char c : line)
      require(static_cast<unsigned char>(c) >= 0x20, "a line has no control characters");
    if (!packet.fragment || packet.odd != Odd::None) continue;
    if (const auto datagram = defragmenter.add(packet))
      check(decode_ip(*datagram, frame.time_ns), *datagram);
  }
  Ledger ledger;
  defragmenter.account(ledger);
  require(ledger.balanced(), "fragments are all accounted for");
  return 0;
}
