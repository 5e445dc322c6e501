// The sender against canaries that speak TLS, with certificates made here.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

#include "replay/send/http2_canary.h"
#include "replay/send/sender_for_test.h"

namespace gray {
namespace {

/// A self-signed certificate for `name`, and a server's context with it.
class Certificate {
 public:
  explicit Certificate(const std::string& name, long valid_for_s = 3600)
      : key_(EVP_EC_gen("P-256")),
        certificate_(X509_new()),
        context_(SSL_CTX_new(TLS_server_method())) {
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), valid_for_s);
    X509_set_version(certificate_.get(), 2);
    X509_set_pubkey(certificate_.get(), key_.get());
    X509_NAME* subject = X509_get_subject_name(certificate_.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("canary"), -1, -1, 0);
    X509_set_issuer_name(certificate_.get(), subject);
    const Owned<X509_EXTENSION, X509_EXTENSION_free> names(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name.c_str()));
    X509_add_ext(certificate_.get(), names.get(), -1);
    X509_sign(certificate_.get(), key_.get(), EVP_sha256());
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to who has gone
    SSL_CTX_use_certificate(context_.get(), certificate_.get());
    SSL_CTX_use_PrivateKey(context_.get(), key_.get());
    SSL_CTX_set_tlsext_servername_callback(context_.get(), seen_name);
    SSL_CTX_set_tlsext_servername_arg(context_.get(), this);
    path_ = std::filesystem::temp_directory_path() /
            ("gray-ca-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".pem");
    if (std::FILE* file = std::fopen(path_.c_str(), "w")) {
      PEM_write_X509(file, certificate_.get());
      std::fclose(file);
    }
  }
  ~Certificate() { std::filesystem::remove(path_); }

  /// What ALPN agrees on: "h2" or "http/1.1".
  SSL_CTX* serving(const char* protocol) {
    protocol_ = protocol;
    SSL_CTX_set_alpn_select_cb(context_.get(), choose, this);
    return context_.get();
  }
  std::string path() const { return path_; }
  std::string asked_for;  ///< the last server name

 private:
  static int seen_name(SSL* ssl, int*, void* user) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    static_cast<Certificate*>(user)->asked_for = name == nullptr ? "(none)" : name;
    return SSL_TLSEXT_ERR_OK;
  }
  static int choose(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* in,
                    unsigned in_length, void* user) {
    const std::string& wanted = static_cast<Certificate*>(user)->protocol_;
    for (unsigned at = 0; at < in_length; at += in[at] + 1u) {
      if (std::string(reinterpret_cast<const char*>(in + at + 1), in[at]) != wanted) continue;
      *out = in + at + 1;
      *length = in[at];
      return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  Owned<EVP_PKEY, EVP_PKEY_free> key_;
  Owned<X509, X509_free> certificate_;
  Owned<SSL_CTX, SSL_CTX_free> context_;
  std::filesystem::path path_;
  std::string protocol_;
};

void answer(Http2Canary::Peer& peer, const SeenStream& stream) {
  peer.answer(stream.id, {.body = stream.body});
}

Exchange big_post(std::uint64_t connection) {
  Exchange exchange = make(connection, 0);
  exchange.request.authority = "shop.example";
  exchange.request.body.assign(3u << 20, 'x');
  return exchange;
}

TEST(Tls, Http2ByAlpnWithTheAuthorityAsServerName) {
  Certificate certificate("DNS:shop.example");
  Http2Canary canary(answer, 100, certificate.serving("h2"));
  SendOptions options = to(canary.url());
  options.tls.ca_file = certificate.path();
  const Ran ran = run(std::move(options), {big_post(1), big_post(1)});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 2}})) << ran.trials[0].error;
  EXPECT_EQ(ran.trials[0].canary->body.size(), 3u << 20);
  EXPECT_EQ(ran.trials[0].canary->version, "2");
  EXPECT_EQ(certificate.asked_for, "shop.example");
  EXPECT_EQ(canary.accepted(), 1u);
}

TEST(Tls, ACertificateForTheTargetsAddressWillDo) {
  Certificate certificate("IP:127.0.0.1");
  Http2Canary canary(answer, 100, certificate.serving("h2"));
  SendOptions options = to(canary.url());
  options.tls.ca_file = certificate.path();
  const Ran ran = run(std::move(options), {big_post(1)});
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}})) << ran.trials[0].error;
}

TEST(Tls, Http1WhenTheCanarySpeaksNothingElse) {
  Certificate certificate("IP:127.0.0.1");
  SSL_CTX* context = certificate.serving("http/1.1");
  RawCanary canary([&](int fd, std::size_t) {
    const Owned<SSL, SSL_free> ssl(SSL_new(context));
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) return;
    std::string request;
    char bytes[16384];
    while (true) {
      const int got = SSL_read(ssl.get(), bytes, sizeof(bytes));
      if (got <= 0) return;
      request.append(bytes, static_cast<std::size_t>(got));
      if (!request.ends_with("\r\n\r\n")) continue;
      const std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
      SSL_write(ssl.get(), reply.data(), static_cast<int>(reply.size()));
      request.clear();
    }
  });
  SendOptions options = to("https" + canary.url().substr(4));
  options.tls.insecure = true;
  const Ran ran = run(std::move(options), {make(1, 0), make(1, 1), make(1, 2)});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 3}})) << ran.trials[0].error;
  EXPECT_EQ(ran.trials[0].canary->body, "abc");
  EXPECT_EQ(ran.trials[0].canary->version, "1.1");
  EXPECT_EQ(canary.accepted(), 1u);
}

TEST(Tls, WhoCannotBeTrustedIsAFailedConnectionWithTheReason) {
  Certificate right("DNS:shop.example");
  Certificate other("DNS:other.example");
  Certificate old("DNS:shop.example", -10);
  const struct {
    Certificate& serving;
    Certificate& trusted;
    const char* reason;
  } cases[] = {{right, other, "self-signed certificate"},
               {other, other, "not for 127.0.0.1 nor for shop.example"},
               {old, old, "has expired"}};
  for (const auto& c : cases) {
    Http2Canary canary(answer, 100, c.serving.serving("h2"));
    SendOptions options = to(canary.url());
    options.tls.ca_file = c.trusted.path();
    Ran ran = run(options, {big_post(1)});
    ASSERT_EQ(ran.outcomes(), (Outcomes{{"connect", 1}})) << c.reason;
    EXPECT_NE(ran.trials[0].error.find(c.reason), std::string::npos) << ran.trials[0].error;
    EXPECT_EQ(ran.trials[0].error.find('\n'), std::string::npos);
    EXPECT_TRUE(canary.seen().empty());
    options.tls.insecure = true;
    ran = run(options, {big_post(1)});
    EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}})) << ran.trials[0].error;
  }
}

TEST(Tls, APlainServerIsAFailedConnection) {
  ScriptedCanary canary([](ScriptedCanary::Peer& peer) {
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_closed();
  });
  const Ran ran = run(to("https" + canary.url().substr(4)), {make(1, 0)});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"connect", 1}}));
  EXPECT_NE(ran.trials[0].error.find("TLS: "), std::string::npos) << ran.trials[0].error;
}

TEST(Tls, AFileOfNoCertificatesIsRefused) {
  SendOptions options = to("https://127.0.0.1:9");
  options.tls.ca_file = "/dev/null";
  EXPECT_THROW(Sender(options, [](Trial&&) {}), UsageError);
}

}  // namespace
}  // namespace gray
