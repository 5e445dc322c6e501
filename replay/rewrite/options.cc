#include "replay/rewrite/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "userspace/base/errors.h"

namespace gray {
namespace {

[[noreturn]] void refuse(std::string_view option, std::string_view text, std::string_view want) {
  throw UsageError(fmt::format("{} '{}': {}", option, text, want));
}

/// The text of an option, read from left to right. What does not fit is refused with the whole of
/// it and an example of what would.
class Reader {
 public:
  Reader(std::string_view option, std::string_view text, std::string_view want)
      : option_(option), text_(text), rest_(text), want_(want) {}

  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail();
  }

  /// Up to one of `ends`; in brackets, what stands between them.
  std::string_view word(std::string_view ends) {
    if (take('[')) {
      const std::string_view inside = until("]");
      expect(']');
      return inside;
    }
    return until(ends);
  }

  template <class T>
  T number(T highest) {
    T value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{} || value > highest) fail();
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  [[noreturn]] void fail() const { refuse(option_, text_, want_); }

 private:
  std::string_view until(std::string_view ends) {
    const std::string_view found = rest_.substr(0, rest_.find_first_of(ends));
    rest_.remove_prefix(found.size());
    return found;
  }

  std::string_view option_;
  std::string_view text_;
  std::string_view rest_;
  std::string_view want_;
};

std::uint8_t hex_digit(const Reader& reader, char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  reader.fail();
}

std::optional<MacAddress> parse_mac(const Reader& reader, std::string_view text) {
  if (text.empty()) return std::nullopt;
  MacAddress mac{};
  if (text.size() != 17) reader.fail();
  for (std::size_t i = 0; i < mac.size(); ++i) {
    if (i > 0 && text[i * 3 - 1] != ':') reader.fail();
    mac[i] = static_cast<std::uint8_t>(hex_digit(reader, text[i * 3]) << 4 |
                                       hex_digit(reader, text[i * 3 + 1]));
  }
  return mac;
}

bool same_family(const Cidr& a, const Cidr& b) {
  return a.address.is_v4() == b.address.is_v4();
}

}  // namespace

bool RewriteOptions::changes_addresses() const noexcept {
  return seed || endpoints || !source_map.empty() || !destination_map.empty() || !pnat.empty();
}

bool RewriteOptions::needs_way() const noexcept {
  const auto differs = [](const MacPair& mac) {
    return mac.client_to_server != mac.server_to_client;
  };
  return endpoints || !pnat_server.empty() || differs(source_mac) || differs(destination_mac);
}

std::vector<CidrMap> parse_cidr_maps(std::string_view option, std::string_view text) {
  Reader reader(option, text,
                "want NETWORK:NETWORK[,…], as 10.0.0.0/8:192.168.0.0/16 or "
                "[2001:db8::/32]:[2001:db9::/32]");
  std::vector<CidrMap> maps;
  do {
    const std::string_view from = reader.word(":");
    reader.expect(':');
    const std::string_view to = reader.word(",");
    if (from.empty() || to.empty()) reader.fail();
    const CidrMap map{.from = Cidr::parse(from), .to = Cidr::parse(to)};
    if (!same_family(map.from, map.to))
      refuse(option, text, "a network maps to one of its own family");
    maps.push_back(map);
  } while (reader.take(','));
  if (!reader.done()) reader.fail();
  return maps;
}

std::vector<PortMap> parse_port_maps(std::string_view option, std::string_view text) {
  Reader reader(option, text, "want PORT[-PORT][,…]:PORT[,…], as 80:8080 or 1000-1010,53:99");
  std::vector<PortMap> maps;
  std::vector<PortMap> open;  // those whose target still comes
  do {
    PortMap map;
    map.first = map.last = reader.number<std::uint16_t>(65535);
    if (reader.take('-')) map.last = reader.number<std::uint16_t>(65535);
    if (map.last < map.first) reader.fail();
    open.push_back(map);
    if (!reader.take(':')) continue;
    const auto to = reader.number<std::uint16_t>(65535);
    for (PortMap& waiting : open) {
      waiting.to = to;
      maps.push_back(waiting);
    }
    open.clear();
  } while (reader.take(','));
  if (!reader.done() || !open.empty()) reader.fail();
  return maps;
}

MacPair parse_mac_pair(std::string_view option, std::string_view text) {
  Reader reader(option, text, "want a MAC address, as 02:00:00:00:00:01, or one for each way: a,b");
  const std::string_view first = reader.word(",");
  MacPair pair;
  pair.client_to_server = parse_mac(reader, first);
  if (reader.take(',')) {
    pair.server_to_client = parse_mac(reader, reader.word(","));
    if (!pair.client_to_server && !pair.server_to_client) reader.fail();
  } else {
    if (!pair.client_to_server) reader.fail();
    pair.server_to_client = pair.client_to_server;
  }
  if (!reader.done()) reader.fail();
  return pair;
}

Endpoints parse_endpoints(std::string_view option, std::string_view text) {
  Reader reader(option, text,
                "want CLIENT:SERVER, as 10.0.0.1:10.0.0.2 or [2001:db8::1]:[2001:db8::2]");
  const std::string_view client = reader.word(":");
  reader.expect(':');
  const std::string_view server = reader.word("");
  if (!reader.done() || client.empty() || server.empty()) reader.fail();
  const Endpoints endpoints{.client = IpAddress::parse(client), .server = IpAddress::parse(server)};
  if (endpoints.client.is_v4() != endpoints.server.is_v4())
    refuse(option, text, "both addresses are of one family");
  return endpoints;
}

HopLimit parse_hop_limit(std::string_view option, std::string_view text) {
  Reader reader(option, text, "want 0 to 255, or a change, as +1 or -1");
  const bool up = reader.take('+');
  const bool down = !up && reader.take('-');
  const auto value = reader.number<std::uint16_t>(255);
  if (!reader.done()) reader.fail();
  HopLimit limit;
  if (up || down)
    limit.change = up ? value : -static_cast<int>(value);
  else
    limit.set = static_cast<std::uint8_t>(value);
  return limit;
}

}  // namespace gray
