// Where requests go: a canary's URL, resolved once, before anything is sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "userspace/packet/address.h"

namespace gray {

/// What is spoken to a canary.
enum class Wire : std::uint8_t {
  Http1,       ///< http://
  Http2,       ///< h2c://: HTTP/2 from the first byte ("prior knowledge", RFC 9113 section 3.3)
  Negotiated,  ///< https://: TLS, and what ALPN agrees on (RFC 7301)
};

struct Target {
  std::string url;   ///< as the user wrote it
  std::string host;  ///< name or address, an IPv6 one without brackets
  std::uint16_t port = 80;
  std::string authority;            ///< for Host: host[:port], the port only when it must be said
  std::vector<Endpoint> endpoints;  ///< never empty; tried in this order
  Wire wire = Wire::Http1;
  unsigned weight = 1;  ///< its share among several: 3 gets thrice as many connections as 1

  /// "SCHEME://HOST[:PORT][,weight=N]", SCHEME of http, h2c, https; a "/" may follow the port.
  /// Resolves the host by the system's resolver, which can take seconds. Throws UsageError for a
  /// path, a user, nonsense, or a name nobody knows.
  static Target parse(std::string_view url);
};

/// Which of `targets` gets the requests of an original connection: always the same one, and
/// neighbours spread by weight.
std::size_t target_of(std::uint64_t stream, const std::vector<Target>& targets) noexcept;

}  // namespace gray
