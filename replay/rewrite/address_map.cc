#include "replay/rewrite/address_map.h"

#include <algorithm>
#include <cstring>

#include "userspace/base/errors.h"

namespace gray {
namespace {

IpAddress load(std::span<const std::uint8_t> address) noexcept {
  return address.size() == 4 ? IpAddress::v4(address.data()) : IpAddress::v6(address.data());
}

/// The family's own bytes of an address: an IPv6 header that holds ::ffff:a.b.c.d is still IPv6.
bool is_family(const IpAddress& rule, std::span<const std::uint8_t> address) noexcept {
  return rule.is_v4() == (address.size() == 4);
}

void store(const IpAddress& value, std::span<std::uint8_t> address) noexcept {
  std::memcpy(address.data(), value.bytes.data() + (16 - address.size()), address.size());
}

/// The first bits are the new network's, the others the address's own.
IpAddress moved(const IpAddress& address, const Cidr& to) noexcept {
  IpAddress result = address;
  for (unsigned i = 0; i < result.bytes.size(); ++i) {
    const unsigned bits = std::clamp(to.prefix, i * 8, i * 8 + 8) - i * 8;
    const auto mask = static_cast<std::uint8_t>(0xff00 >> bits);
    result.bytes[i] = static_cast<std::uint8_t>(
        (to.address.bytes[i] & mask) | (address.bytes[i] & static_cast<std::uint8_t>(~mask)));
  }
  return result;
}

/// The first map that knows the address moves it.
void map(std::span<const CidrMap> maps, std::span<std::uint8_t> address) noexcept {
  const IpAddress old = load(address);
  for (const CidrMap& rule : maps) {
    if (!is_family(rule.from.address, address) || !rule.from.contains(old)) continue;
    return store(moved(old, rule.to), address);
  }
}

bool is_group(std::span<const std::uint8_t> address) noexcept {
  if (address.size() == 16) return address[0] == 0xff;
  return address[0] >> 4 == 0xe || std::ranges::all_of(address, [](auto b) { return b == 0xff; });
}

}  // namespace

AddressMap::AddressMap(const RewriteOptions& options)
    : source_(options.source_map),
      destination_(options.destination_map),
      client_(options.pnat),
      server_(options.pnat_server.empty() ? options.pnat : options.pnat_server),
      endpoints_(options.endpoints),
      keep_groups_(options.keep_group_addresses),
      idle_(!options.changes_addresses()) {
  if (options.seed) scramble_.emplace(*options.seed);
  const bool one_end = !source_.empty() || !destination_.empty();
  const int kinds = one_end + !client_.empty() + endpoints_.has_value() + scramble_.has_value();
  if (kinds > 1)
    throw UsageError(
        "an address is changed by one rule: --pnat, or --srcipmap with --dstipmap, or --endpoints, "
        "or --seed");
  if (client_.empty() && !server_.empty())
    throw UsageError("--pnat for the server's side needs one for the client's");
}

void AddressMap::apply(std::span<std::uint8_t> address, End end, Way way) const noexcept {
  if (keep_groups_ && is_group(address)) return;
  if (scramble_) return scramble_->apply(address);
  const bool client = (end == End::Source) == (way == Way::ClientToServer);
  if (endpoints_) {
    const IpAddress& to = client ? endpoints_->client : endpoints_->server;
    if (is_family(to, address)) store(to, address);
    return;
  }
  map(client ? client_ : server_, address);
  map(end == End::Source ? source_ : destination_, address);
}

}  // namespace gray
