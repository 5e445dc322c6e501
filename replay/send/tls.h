// TLS to a canary, without a socket: ciphertext goes in and comes out as bytes (RFC 8446). A
// context is shared by all connections of a run; a session is one connection's, on the event loop's
// thread.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "replay/send/target.h"
#include "userspace/base/owned.h"

namespace gray {

struct TlsOptions {
  std::string ca_file;    ///< PEM; empty: the system's authorities
  bool insecure = false;  ///< whoever answers is believed: certificates are not looked at
};

class TlsContext {
 public:
  /// Throws UsageError when the file of authorities cannot be read.
  explicit TlsContext(const TlsOptions& options);

 private:
  friend class TlsSession;
  Owned<SSL_CTX, SSL_CTX_free> context_;
  bool insecure_;
};

class TlsSession {
 public:
  enum class Status : std::uint8_t { Ok, NeedMore, Closed, Failed };

  /// `authority` is that of the first request: its host is the server name asked for (RFC 6066
  /// section 3), the target's when it has none. The certificate must be valid for either of the
  /// two. Offers "h2" and "http/1.1" by ALPN.
  TlsSession(const TlsContext& context, const Target& target, std::string_view authority);

  /// Ciphertext from the peer.
  void put(std::span<const std::uint8_t> bytes);
  /// Goes on with the handshake; afterwards there may be output(). Failed: see error().
  Status handshake();
  /// Decrypts into `into`; `got` says how much, 0 unless Ok.
  Status read(std::span<std::uint8_t> into, std::size_t& got);
  /// Encrypts; false when the session is broken.
  bool write(std::span<const std::uint8_t> bytes);
  /// Appends the ciphertext that must go to the peer.
  void take_output(std::string& out);

  /// "h2", "http/1.1", or empty when the peer knows no ALPN.
  std::string_view protocol() const noexcept;
  /// Why it Failed, in words.
  const std::string& error() const noexcept { return error_; }

 private:
  Status fail(int result);
  bool verified();

  Owned<SSL, SSL_free> ssl_;
  BIO* in_ = nullptr;  // both are the SSL's
  BIO* out_ = nullptr;
  const bool insecure_;
  std::string name_;  // that was asked for; empty: none
  std::string host_;  // of the target
  std::string error_;
};

}  // namespace gray
