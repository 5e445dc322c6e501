#include "replay/send/target.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "replay/protocol/exchange.h"
#include "userspace/base/errors.h"
#include "userspace/base/owned.h"

namespace gray {
namespace {

[[noreturn]] void refuse(std::string_view url, const std::string& why) {
  throw UsageError("target '" + std::string(url) + "': " + why);
}

constexpr const char* kWanted = "want http://, h2c:// or https://HOST[:PORT]";
constexpr unsigned kMostWeight = 1000;

std::string_view after_scheme(Target& target) {
  const std::string_view url = target.url;
  const auto colon = url.find("://");
  if (colon == std::string_view::npos) refuse(url, kWanted);
  const std::string_view scheme = url.substr(0, colon);
  if (same_name(scheme, "https")) {
    target.wire = Wire::Negotiated;
    target.port = 443;
  } else if (same_name(scheme, "h2c")) {
    target.wire = Wire::Http2;
  } else if (!same_name(scheme, "http")) {
    refuse(url, kWanted);
  }
  return url.substr(colon + 3);
}

void refuse_path(std::string_view url, std::string_view rest) {
  if (rest.find_first_of("/?#") != std::string_view::npos)
    refuse(url, "requests keep their own paths; want http://HOST[:PORT] (see --rewrite-url)");
  if (rest.find('@') != std::string_view::npos) refuse(url, "user and password are not supported");
}

/// Takes ",weight=N" off the end.
std::string_view without_weight(Target& target, std::string_view rest) {
  constexpr std::string_view kMark = ",weight=";
  const auto at = rest.find(kMark);
  if (at == std::string_view::npos) return rest;
  const std::string_view text = rest.substr(at + kMark.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target.weight);
  if (error != std::errc() || end != text.data() + text.size() || target.weight == 0 ||
      target.weight > kMostWeight)
    refuse(target.url, "'" + std::string(text) + "' is no weight from 1 to 1000");
  return rest.substr(0, at);
}

std::uint16_t parse_port(std::string_view url, std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    refuse(url, "'" + std::string(text) + "' is no port from 1 to 65535");
  }
  return port;
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && host.front() != '-' &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
         });
}

std::vector<Endpoint> resolve(const Target& target) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(target.host.c_str(), nullptr, &hints, &found);
  if (error != 0) refuse(target.url, "cannot resolve it: " + std::string(::gai_strerror(error)));
  const Owned<addrinfo, ::freeaddrinfo> all(found);

  std::vector<Endpoint> endpoints;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    Endpoint endpoint{{}, target.port};
    if (entry->ai_family == AF_INET) {
      const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ai_addr);
      endpoint.address =
          IpAddress::v4(reinterpret_cast<const std::uint8_t*>(&address->sin_addr.s_addr));
    } else if (entry->ai_family == AF_INET6) {
      const auto* address = reinterpret_cast<const sockaddr_in6*>(entry->ai_addr);
      endpoint.address = IpAddress::v6(address->sin6_addr.s6_addr);
    } else {
      continue;
    }
    if (std::find(endpoints.begin(), endpoints.end(), endpoint) == endpoints.end()) {
      endpoints.push_back(endpoint);
    }
  }
  if (endpoints.empty()) refuse(target.url, "it has no IP address");
  return endpoints;
}

}  // namespace

Target Target::parse(std::string_view url) {
  Target target;
  target.url = url;
  std::string_view rest = without_weight(target, after_scheme(target));
  const std::uint16_t usual = target.port;
  if (rest.ends_with('/')) rest.remove_suffix(1);
  refuse_path(url, rest);
  const bool bracketed = rest.starts_with('[');
  const auto host_end = bracketed ? rest.find(']') : std::min(rest.find(':'), rest.size());
  if (host_end == std::string_view::npos) refuse(url, "the bracket is not closed");

  target.host = rest.substr(bracketed ? 1 : 0, host_end - (bracketed ? 1 : 0));
  const std::string_view tail = rest.substr(host_end + (bracketed ? 1 : 0));
  if (!tail.empty() && tail.front() != ':') refuse(url, kWanted);
  if (!tail.empty()) target.port = parse_port(url, tail.substr(1));

  if (bracketed) {
    IpAddress::parse(target.host);
  } else if (!is_host_name(target.host)) {
    refuse(url, "'" + target.host + "' is no host name");
  }
  target.authority = bracketed ? "[" + target.host + "]" : target.host;
  if (target.port != usual) target.authority += ":" + std::to_string(target.port);
  target.endpoints = resolve(target);
  return target;
}

std::size_t target_of(std::uint64_t stream, const std::vector<Target>& targets) noexcept {
  if (targets.size() < 2) return 0;
  std::uint64_t total = 0;
  for (const Target& target : targets) total += target.weight;
  // The finaliser of splitmix64.
  stream = (stream ^ (stream >> 30)) * 0xbf58476d1ce4e5b9ULL;
  stream = (stream ^ (stream >> 27)) * 0x94d049bb133111ebULL;
  std::uint64_t place = (stream ^ (stream >> 31)) % total;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (place < targets[i].weight) return i;
    place -= targets[i].weight;
  }
  return 0;
}

}  // namespace gray
