#include "replay/rewrite/sides.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <unordered_map>

#include "bpf/tag.h"
#include "replay/rewrite/frame_layers.h"
#include "userspace/base/errors.h"
#include "userspace/packet/layers.h"

namespace gray {
namespace {

constexpr std::uint64_t kSeed = 0x7369646573;  // any number: keys are compared within a run only
constexpr std::uint8_t kHosts = 255;           // "protocol" of a pair of hosts without ports

bool has_ports(std::uint8_t proto) noexcept {
  return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/// Two endpoints without their order, and which of them sent the packet.
struct Talk {
  std::uint64_t key;
  bool second;
};

Talk talk_of(const Packet& packet) noexcept {
  const FlowKey flow = flow_key(packet);
  return {gray_flow_tag(&flow.key, kSeed), flow.reversed};
}

Talk hosts_of(Packet packet) noexcept {
  packet.source.port = packet.destination.port = 0;
  packet.ip_proto = kHosts;
  return talk_of(packet);
}

/// What one packet tells by itself about who is the client.
enum class Hint : std::uint8_t { None, Sender, Receiver };

Hint opening(const Packet& packet) noexcept {
  if (packet.has_tcp && packet.tcp_flags & kTcpSyn)
    return packet.tcp_flags & kTcpAck ? Hint::Receiver : Hint::Sender;
  if (packet.payload.empty() || packet.fragment) return Hint::None;
  const std::uint8_t type = packet.payload[0];
  const bool v4 = packet.ip_proto == IPPROTO_ICMP;
  if (!v4 && packet.ip_proto != IPPROTO_ICMPV6) return Hint::None;
  if (type == (v4 ? 8 : 128)) return Hint::Sender;
  return type == (v4 ? 0 : 129) ? Hint::Receiver : Hint::None;
}

Hint lower_port(const Packet& packet) noexcept {
  if (packet.source.port == packet.destination.port) return Hint::None;
  return packet.source.port > packet.destination.port ? Hint::Sender : Hint::Receiver;
}

/// The packet that an ICMP error is about; not is_ip when this is none.
Packet quoted_in(const Packet& packet) noexcept {
  const bool v4 = packet.ip_proto == IPPROTO_ICMP;
  if ((!v4 && packet.ip_proto != IPPROTO_ICMPV6) || packet.fragment) return {};
  const auto message = packet.payload;
  if (message.size() < 8) return {};
  const std::uint8_t type = message[0];
  const bool error =
      v4 ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12 : type >= 1 && type <= 4;
  if (!error) return {};
  Packet quoted = read_ip({message.subspan(8), 0xffff});
  // Eight bytes are no TCP header, but have its ports.
  if (quoted.odd == Odd::L4Header && has_ports(quoted.ip_proto) && quoted.payload.size() >= 4) {
    const auto bytes = quoted.payload;
    quoted.source.port = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
    quoted.destination.port = static_cast<std::uint16_t>(bytes[2] << 8 | bytes[3]);
  }
  return quoted;
}

bool any_contains(const std::vector<Cidr>& networks, const IpAddress& address) noexcept {
  return std::ranges::any_of(networks, [&](const Cidr& c) { return c.contains(address); });
}

Way sent_by(bool client) noexcept {
  return client ? Way::ClientToServer : Way::ServerToClient;
}

/// Sender and target of an ARP packet, as if it were IP.
Packet arp_packet(const Frame& frame) noexcept {
  Packet packet;
  const std::uint32_t at = find_arp(frame.bytes, frame.link);
  if (at == 0) return packet;
  const std::size_t hardware = frame.bytes[at + 4];
  if (at + 16 + 2 * hardware > frame.bytes.size()) return packet;
  packet.is_ip = packet.is_v4 = true;
  packet.source.address = IpAddress::v4(&frame.bytes[at + 8 + hardware]);
  packet.destination.address = IpAddress::v4(&frame.bytes[at + 12 + 2 * hardware]);
  return packet;
}

}  // namespace

/// Who is the client of each conversation. Two halves: when the newer one is full, the older one is
/// forgotten.
class Sides::Conversations {
 public:
  explicit Conversations(std::size_t most) : half_(std::max<std::size_t>(most / 2, 1)) {}

  /// nullptr: not known.
  const bool* find(std::uint64_t key) {
    if (const auto found = newer_.find(key); found != newer_.end()) return &found->second;
    const auto found = older_.find(key);
    if (found == older_.end()) return nullptr;
    const bool client = found->second;
    older_.erase(found);
    return &put(key, client);
  }
  bool& put(std::uint64_t key, bool second_is_client) {
    if (newer_.size() >= half_) {
      forgotten_ += older_.size();
      older_ = std::move(newer_);
      newer_.clear();
    }
    return newer_[key] = second_is_client;
  }
  std::uint64_t forgotten() const noexcept { return forgotten_; }

  Way way(const Packet& packet) {
    const Packet quoted = quoted_in(packet);
    if (quoted.is_ip) return opposite(way_of_conversation(quoted));
    return way_of_conversation(packet);
  }

 private:
  Way way_of_conversation(const Packet& packet) {
    const bool ports = has_ports(packet.ip_proto) && packet.source.port != 0;
    const Talk hosts = hosts_of(packet);
    const Talk talk = ports ? talk_of(packet) : hosts;
    Hint hint = opening(packet);
    if (hint == Hint::None) {
      if (const bool* second = find(talk.key)) return sent_by(*second == talk.second);
      hint = ports ? lower_port(packet) : Hint::None;
      if (hint == Hint::None) hint = Hint::Sender;  // who spoke first
    }
    const bool sender = hint == Hint::Sender;
    put(talk.key, talk.second == sender);
    if (ports && find(hosts.key) == nullptr) put(hosts.key, hosts.second == sender);
    return sent_by(sender);
  }

  std::size_t half_;
  std::unordered_map<std::uint64_t, bool> newer_;
  std::unordered_map<std::uint64_t, bool> older_;
  std::uint64_t forgotten_ = 0;
};

SidesOptions SidesOptions::parse(std::string_view text) {
  SidesOptions options;
  if (text == "auto") return options;
  if (text == "direction") {
    options.rule = Rule::Direction;
    return options;
  }
  const auto equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  if (equals == std::string_view::npos || (name != "clients" && name != "servers"))
    throw UsageError(fmt::format(
        "--sides '{}': want auto, direction, clients=NETWORK,… or servers=NETWORK,…", text));
  options.rule = name == "clients" ? Rule::Clients : Rule::Servers;
  for (std::string_view rest = text.substr(equals + 1);;) {
    const auto comma = rest.find(',');
    options.networks.push_back(Cidr::parse(rest.substr(0, comma)));
    if (comma == std::string_view::npos) return options;
    rest.remove_prefix(comma + 1);
  }
}

Sides::Sides(SidesOptions options)
    : options_(std::move(options)),
      conversations_(std::make_unique<Conversations>(options_.max_conversations)) {}
Sides::~Sides() = default;
Sides::Sides(Sides&&) noexcept = default;
Sides& Sides::operator=(Sides&&) noexcept = default;

Way Sides::way(const Frame& frame) {
  using Rule = SidesOptions::Rule;
  if (options_.rule == Rule::Direction && frame.direction != GRAY_DIR_UNKNOWN)
    return sent_by(frame.direction == GRAY_DIR_IN);
  Packet packet = decode(frame);
  if (!packet.is_ip) packet = arp_packet(frame);
  if (!packet.is_ip) return Way::ClientToServer;
  if (options_.rule == Rule::Clients || options_.rule == Rule::Servers)
    return sent_by(any_contains(options_.networks, packet.source.address) ==
                   (options_.rule == Rule::Clients));
  return conversations_->way(packet);
}

std::uint64_t Sides::forgotten() const noexcept {
  return conversations_->forgotten();
}

}  // namespace gray
