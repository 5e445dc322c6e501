#include "replay/send/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <system_error>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";

std::string last_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error" : reason;
}

bool is_address(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         std::all_of(host.begin(), host.end(), [](char c) {
           return c == '.' || std::isdigit(static_cast<unsigned char>(c));
         });
}

/// The host of "host[:port]" when it is a name; addresses are no server names (RFC 6066 section 3).
std::string server_name(std::string_view authority) {
  if (authority.empty() || authority.front() == '[') return "";
  const std::string_view host = authority.substr(0, authority.find(':'));
  const bool plain = std::all_of(host.begin(), host.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  });
  return is_address(host) || !plain || host.size() > 253 ? "" : std::string(host);
}

int clamped(std::size_t bytes) {
  return static_cast<int>(std::min<std::size_t>(bytes, std::numeric_limits<int>::max()));
}

}  // namespace

TlsContext::TlsContext(const TlsOptions& options)
    : context_(SSL_CTX_new(TLS_client_method())), insecure_(options.insecure) {
  if (!context_) throw std::runtime_error("set up TLS: " + last_error());
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context_.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_protos(context_.get(), kProtocols, sizeof(kProtocols) - 1);
  SSL_CTX_set_verify(context_.get(), insecure_ ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (insecure_) return;
  const int loaded =
      options.ca_file.empty()
          ? SSL_CTX_set_default_verify_paths(context_.get())
          : SSL_CTX_load_verify_locations(context_.get(), options.ca_file.c_str(), nullptr);
  if (loaded != 1)
    throw UsageError("--ca " + options.ca_file + ": no certificates in PEM: " + last_error());
}

TlsSession::TlsSession(const TlsContext& context, const Target& target, std::string_view authority)
    : ssl_(SSL_new(context.context_.get())),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())),
      insecure_(context.insecure_),
      name_(server_name(authority)),
      host_(target.host) {
  if (!ssl_ || in_ == nullptr || out_ == nullptr) throw std::bad_alloc();
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_connect_state(ssl_.get());
  if (name_.empty()) name_ = server_name(host_);
  if (!name_.empty()) SSL_set_tlsext_host_name(ssl_.get(), name_.c_str());
}

void TlsSession::put(std::span<const std::uint8_t> bytes) {
  BIO_write(in_, bytes.data(), clamped(bytes.size()));
}

TlsSession::Status TlsSession::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return verified() ? Status::Ok : Status::Failed;
  return fail(result);
}

TlsSession::Status TlsSession::fail(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return Status::NeedMore;
    case SSL_ERROR_ZERO_RETURN:
      return Status::Closed;
    default:
      break;
  }
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (!insecure_ && verdict != X509_V_OK) {
    ERR_clear_error();
    error_ = std::string("certificate: ") + X509_verify_cert_error_string(verdict) +
             " (--ca names another authority, --insecure believes it)";
  } else {
    error_ = "TLS: " + last_error();
  }
  return Status::Failed;
}

bool TlsSession::verified() {
  if (insecure_) return true;
  const Owned<X509, X509_free> certificate(SSL_get1_peer_certificate(ssl_.get()));
  const auto names = [&](const std::string& name) {
    if (name.empty() || !certificate) return false;
    return is_address(name)
               ? X509_check_ip_asc(certificate.get(), name.c_str(), 0) == 1
               : X509_check_host(certificate.get(), name.c_str(), name.size(), 0, nullptr) == 1;
  };
  if (names(host_) || names(name_)) return true;
  error_ = "certificate: it is not for " + host_;
  if (!name_.empty() && name_ != host_) error_ += " nor for " + name_;
  return false;
}

TlsSession::Status TlsSession::read(std::span<std::uint8_t> into, std::size_t& got) {
  got = 0;
  ERR_clear_error();
  const int result = SSL_read(ssl_.get(), into.data(), clamped(into.size()));
  if (result <= 0) return fail(result);
  got = static_cast<std::size_t>(result);
  return Status::Ok;
}

bool TlsSession::write(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    const int result = SSL_write(ssl_.get(), bytes.data(), clamped(bytes.size()));
    if (result <= 0) {
      fail(result);
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(result));
  }
  return true;
}

void TlsSession::take_output(std::string& out) {
  char* bytes = nullptr;
  const long count = BIO_get_mem_data(out_, &bytes);
  if (count <= 0) return;
  out.append(bytes, static_cast<std::size_t>(count));
  BIO_reset(out_);
}

std::string_view TlsSession::protocol() const noexcept {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

}  // namespace gray
