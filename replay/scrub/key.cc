#include "replay/scrub/key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/core_names.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "userspace/base/errors.h"
#include "userspace/base/fd.h"

namespace gray {
namespace {

void check_crypto(bool fine) {
  if (!fine) throw std::runtime_error("libcrypto refuses HMAC-SHA-256");
}

}  // namespace

std::string random_key() {
  std::string key(kKeyBytes, '\0');
  for (std::size_t have = 0; have < key.size();) {
    const ssize_t got = ::getrandom(key.data() + have, key.size() - have, 0);
    if (got < 0 && errno != EINTR) throw_errno(errno, "get random bytes for a key");
    if (got > 0) have += static_cast<std::size_t>(got);
  }
  return key;
}

std::string read_key_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file)
    throw UsageError(fmt::format("key file {}: {} (make one: grayxdp scrub --new-key {})", path,
                                 std::generic_category().message(errno), path));
  struct stat status {};
  check_errno(::fstat(file.get(), &status), "look at key file " + path);
  if (!S_ISREG(status.st_mode)) throw UsageError(fmt::format("key file {}: not a file", path));
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw UsageError(fmt::format("key file {}: others may use it; run: chmod 0600 {}", path, path));
  std::string key(kKeyBytes + 1, '\0');
  const ssize_t got = ::read(file.get(), key.data(), key.size());
  if (got != static_cast<ssize_t>(kKeyBytes))
    throw UsageError(fmt::format("key file {}: want {} bytes (make one: grayxdp scrub --new-key)",
                                 path, kKeyBytes));
  key.resize(kKeyBytes);
  return key;
}

void write_key_file(const std::string& path) {
  const std::string key = random_key();
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file && errno == EEXIST)
    throw UsageError(fmt::format("{} is there already, and a key is never overwritten", path));
  if (!file) throw_errno(errno, "make key file " + path);
  const ssize_t put = ::write(file.get(), key.data(), key.size());
  if (put != static_cast<ssize_t>(key.size()) || ::fsync(file.get()) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    throw_errno(error, "write key file " + path);
  }
}

Hmac::Hmac(std::string_view key) {
  const Owned<EVP_MAC, EVP_MAC_free> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  check_crypto(mac != nullptr);
  context_.reset(EVP_MAC_CTX_new(mac.get()));
  check_crypto(context_ != nullptr);
  char digest_name[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
      OSSL_PARAM_construct_end()};
  check_crypto(EVP_MAC_init(context_.get(), reinterpret_cast<const unsigned char*>(key.data()),
                            key.size(), parameters) == 1);
}

std::array<std::uint8_t, 32> Hmac::digest(std::string_view data) const {
  std::array<std::uint8_t, 32> digest{};
  std::size_t size = 0;
  const std::lock_guard lock(mutex_);
  // No key: the context starts again with the one that it has.
  check_crypto(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1);
  check_crypto(EVP_MAC_update(context_.get(), reinterpret_cast<const unsigned char*>(data.data()),
                              data.size()) == 1);
  check_crypto(EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) == 1);
  return digest;
}

std::string to_hex(const std::uint8_t* bytes, std::size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    hex += kDigits[bytes[i] >> 4];
    hex += kDigits[bytes[i] & 15];
  }
  return hex;
}

}  // namespace gray
