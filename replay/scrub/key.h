// The scrubbing key: 32 random bytes from a file or, for one run, from the kernel; and the keyed
// hash made with it. The key is never printed.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "userspace/base/owned.h"

namespace gray {

inline constexpr std::size_t kKeyBytes = 32;

/// A key of this run only, from getrandom(2).
std::string random_key();
/// Exactly 32 bytes, in a file that nobody but its owner can read. Throws UsageError.
std::string read_key_file(const std::string& path);
/// Makes a new key file, mode 0600. Throws UsageError when `path` exists.
void write_key_file(const std::string& path);

/// HMAC-SHA-256 (RFC 2104). Any thread may call.
class Hmac {
 public:
  explicit Hmac(std::string_view key);

  std::array<std::uint8_t, 32> digest(std::string_view data) const;

 private:
  mutable std::mutex mutex_;
  Owned<EVP_MAC_CTX, EVP_MAC_CTX_free> context_;
};

/// "4a5e…", two characters a byte.
std::string to_hex(const std::uint8_t* bytes, std::size_t size);

}  // namespace gray
