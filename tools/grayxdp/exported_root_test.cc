// TLS between real programs, decrypted and exported by tshark with the client's keys: what
// `requests` lists of it is what the client asked, and the bodies are the files that were served.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <thread>

#include "userspace/lab/production.h"

namespace gray {
namespace {

constexpr const char* kHttp2 = "https://10.9.0.2:8443";
constexpr const char* kHttp1 = "https://10.9.0.2:9443";

const Argv kEachRecordOnce{"--disable-protocol", "http", "--disable-protocol", "http2"};

struct Asked {
  std::string protocol;
  std::string body_sha256;
  auto operator<=>(const Asked&) const = default;
};
using Requests = std::multimap<std::string, Asked>;  ///< by "METHOD target"

class Exported : public testing::Test {
 protected:
  Exported() {
    must_run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
              "/CN=production", "-addext", "subjectAltName=IP:10.9.0.2", "-keyout", key(), "-out",
              certificate()});
    // Not the same byte over and over: what comes again must not be what comes next.
    std::ofstream big(lab_.dir / "big");
    for (int i = 0; i < 40'000; ++i) big << i << '\n';
    std::ofstream(lab_.dir / "small.json") << R"({"a":1})";
    std::ofstream(lab_.dir / "page.html") << "<p>hello";
    std::ofstream(lab_.dir / "sent") << std::string(40'000, 's');
    big.close();
    nginx_.emplace(lab_.production, "10.9.0.2",
                   "listen 10.9.0.2:9443 ssl; ssl_certificate " + certificate() +
                       "; ssl_certificate_key " + key() + "; location / { root " +
                       lab_.dir.path().string() + "; }");
    nghttpd_ = lab_.production.spawn(
        {"nghttpd", "-d", lab_.dir.path().string(), "8443", key(), certificate()},
        {.out_path = lab_.dir / "nghttpd.log"});
    for (int i = 0; i < 100; ++i) {
      if (ask("", {std::string(kHttp2) + "/small.json"}).ok()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    throw std::runtime_error("nghttpd does not answer: " + nghttpd_.err());
  }

  std::string key() const { return lab_.dir / "key.pem"; }
  std::string certificate() const { return lab_.dir / "cert.pem"; }

  /// By curl, on one connection, whose keys go to the file `keys`.
  RunResult ask(const std::string& keys, const Argv& arguments) const {
    Argv argv{"env", "SSLKEYLOGFILE=" + keys, "curl", "-sS", "--cacert", certificate(), "-m", "20"};
    for (const std::string& argument : arguments) {
      if (argument.starts_with("https:")) argv.insert(argv.end(), {"-o", "/dev/null"});
      argv.push_back(argument);
    }
    return lab_.users.run(argv);
  }

  /// A GET of each file and a POST, of both protocols, captured.
  Requests record() {
    Process capture = lab_.start_grayxdp(
        {"capture", "-i", "vb", "-w", lab_.dir / "tls.pcapng", "--ring", "128MiB"});
    Requests asked;
    for (const auto& [site, protocol] : {std::pair{kHttp2, "http/2"}, {kHttp1, "http/1.1"}}) {
      Argv all;
      for (const char* name : {"/small.json", "/big", "/page.html", "/small.json"}) {
        all.push_back(site + std::string(name));
        asked.insert({"GET " + std::string(name), {protocol, sha256(name)}});
      }
      EXPECT_TRUE(ask(lab_.dir / "keys.log", all).ok());
    }
    EXPECT_TRUE(ask(lab_.dir / "keys.log", {"--data-binary", "@" + std::string(lab_.dir / "sent"),
                                            std::string(kHttp2) + "/page.html"})
                    .ok());
    asked.insert({"POST /page.html", {"http/2", sha256("/page.html")}});
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(interrupt(capture), 0) << capture.err();
    return asked;
  }

  std::string sha256(const std::string& name) const {
    return must_run({"sha256sum", lab_.dir.path().string() + name}).substr(0, 64);
  }

  std::string exported(const std::string& layer, const Argv& options) const {
    const std::string out = lab_.dir / "plain.pcapng";
    Argv argv{"tshark",
              "-r",
              lab_.dir / "tls.pcapng",
              "-o",
              "tls.keylog_file:" + std::string(lab_.dir / "keys.log"),
              "-U",
              layer,
              "-w",
              out};
    argv.insert(argv.end(), options.begin(), options.end());
    must_run(argv);
    return out;
  }

  Requests listed(const std::string& file, const Argv& options = {}) const {
    Argv argv{"requests", file, "--json"};
    argv.insert(argv.end(), options.begin(), options.end());
    const RunResult result = lab_.grayxdp(argv);
    EXPECT_TRUE(result.ok()) << result.err;
    EXPECT_NE(result.err.find(" 0 streams opaque, 0 gaps"), std::string::npos) << result.err;
    Requests found;
    for (const auto& e : json_lines(result.out)) {
      EXPECT_EQ(e["request"]["complete"], true) << e;
      EXPECT_FALSE(e["response"].is_null()) << e;
      if (e["response"].is_null()) continue;
      EXPECT_EQ(e["response"]["complete"], true) << e;
      const std::string method = e["request"]["method"];
      EXPECT_EQ(e["request"]["body_bytes"], method == "POST" ? 40'000 : 0) << e;
      found.insert({method + " " + e["request"]["target"].get<std::string>(),
                    {e["protocol"], e["response"]["body_sha256"]}});
    }
    return found;
  }

  ProductionLab lab_;
  std::optional<Nginx> nginx_;
  Process nghttpd_;
};

TEST_F(Exported, ListsWhatTheClientAsked) {
  const Requests asked = record();
  const std::string once = exported("OSI layer 7", kEachRecordOnce);
  EXPECT_EQ(listed(once), asked);
  EXPECT_EQ(listed(once, {"--threads", "2"}), asked);
  const std::string in_parts = exported("OSI layer 7", {});
  EXPECT_EQ(listed(in_parts), asked) << "where frames and messages are exported as they grow";
}

TEST_F(Exported, WhatIsStillEncryptedIsSaid) {
  record();
  const RunResult result = lab_.grayxdp({"requests", exported("OSI layer 4", {})});
  EXPECT_TRUE(result.out.empty()) << result.out;
  EXPECT_NE(result.err.find(" exported PDUs that are not HTTP over TCP\n"), std::string::npos)
      << result.err;
}

}  // namespace
}  // namespace gray
