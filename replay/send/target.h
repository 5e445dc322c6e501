// Where requests go: a canary's URL, resolved once, before anything is sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "userspace/packet/address.h"

namespace gray {

struct Target {
  std::string url;   ///< as the user wrote it
  std::string host;  ///< name or address, an IPv6 one without brackets
  std::uint16_t port = 80;
  std::string authority;            ///< for Host: host[:port], the port only when it is not 80
  std::vector<Endpoint> endpoints;  ///< never empty; tried in this order

  /// "http://HOST[:PORT]", a "/" may follow. Resolves the host by the system's resolver, which can
  /// take seconds. Throws UsageError for https, a path, a user, nonsense, or a name nobody knows.
  static Target parse(std::string_view url);
};

/// Which of `targets` gets the requests of an original connection: always the same one, and
/// neighbours spread evenly.
std::size_t target_of(std::uint64_t stream, std::size_t targets) noexcept;

}  // namespace gray
