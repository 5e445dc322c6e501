#include "userspace/packet/community_id.h"

#include <netinet/in.h>
#include <openssl/evp.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace gray {
namespace {

using Pair = std::pair<std::uint8_t, std::uint8_t>;

// Message types that answer each other, as the specification's reference code lists them.
constexpr std::array<Pair, 5> kIcmpPairs = {{{0, 8}, {9, 10}, {13, 14}, {15, 16}, {17, 18}}};
constexpr std::array<Pair, 6> kIcmpV6Pairs = {
    {{128, 129}, {130, 131}, {133, 134}, {135, 136}, {139, 140}, {144, 145}}};

template <std::size_t N>
std::optional<std::uint8_t> partner(const std::array<Pair, N>& pairs, std::uint16_t type) noexcept {
  for (const auto& [one, other] : pairs) {
    if (type == one) return other;
    if (type == other) return one;
  }
  return std::nullopt;
}

bool has_ports(std::uint8_t proto) noexcept {
  switch (proto) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_SCTP:
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return true;
    default:
      return false;
  }
}

void append(std::vector<std::uint8_t>& bytes, const IpAddress& address) {
  bytes.insert(bytes.end(), address.bytes.begin() + (address.is_v4() ? 12 : 0),
               address.bytes.end());
}

void append(std::vector<std::uint8_t>& bytes, std::uint16_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  bytes.push_back(static_cast<std::uint8_t>(value));
}

std::string sha1_base64(const std::vector<std::uint8_t>& bytes) {
  constexpr std::size_t kSha1Bytes = 20;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha1(), nullptr) != 1 ||
      length != kSha1Bytes)
    throw std::runtime_error("compute a SHA-1: OpenSSL refuses");
  std::array<std::uint8_t, 32> text{};
  const int size = EVP_EncodeBlock(text.data(), digest.data(), kSha1Bytes);
  return {text.begin(), text.begin() + size};
}

std::string hash(std::uint8_t proto, const Endpoint& from, const Endpoint& to, bool ports) {
  std::vector<std::uint8_t> bytes;
  append(bytes, std::uint16_t{0});  // the seed
  append(bytes, from.address);
  append(bytes, to.address);
  bytes.push_back(proto);
  bytes.push_back(0);
  if (ports) {
    append(bytes, from.port);
    append(bytes, to.port);
  }
  return "1:" + sha1_base64(bytes);
}

}  // namespace

std::string community_id_without_ports(std::uint8_t proto, const Endpoint& one,
                                       const Endpoint& other) {
  return other.address < one.address ? hash(proto, other, one, false)
                                     : hash(proto, one, other, false);
}

std::string community_id(std::uint8_t proto, const Endpoint& source, const Endpoint& destination) {
  if (!has_ports(proto)) return community_id_without_ports(proto, source, destination);
  Endpoint from = source;
  Endpoint to = destination;
  bool swapped = to < from;
  if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
    const auto answer =
        proto == IPPROTO_ICMP ? partner(kIcmpPairs, from.port) : partner(kIcmpV6Pairs, from.port);
    if (answer) to.port = *answer;
    swapped = answer && to < from;  // a message without an answer has one direction
  }
  if (swapped) std::swap(from, to);
  return hash(proto, from, to, true);
}

std::string community_id(const Packet& packet) {
  if (!packet.is_ip) return {};
  if (packet.odd != Odd::None || (packet.fragment && !packet.first_fragment))
    return community_id_without_ports(packet.ip_proto, packet.source, packet.destination);
  Endpoint source = packet.source;
  Endpoint destination = packet.destination;
  const bool icmp = packet.ip_proto == IPPROTO_ICMP || packet.ip_proto == IPPROTO_ICMPV6;
  if (icmp && packet.payload.size() >= 2) {
    source.port = packet.payload[0];
    destination.port = packet.payload[1];
  }
  return community_id(packet.ip_proto, source, destination);
}

}  // namespace gray
