// SHA-256 of a body that comes in pieces. One thread.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <string>
#include <string_view>

#include "userspace/base/owned.h"

namespace gray {

class BodyDigest {
 public:
  BodyDigest() : context_(EVP_MD_CTX_new()) {
    static EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_DigestInit_ex(context_.get(), kSha256, nullptr);
  }
  void add(std::string_view piece) { EVP_DigestUpdate(context_.get(), piece.data(), piece.size()); }
  /// Once.
  std::string hex() {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::array<unsigned char, 32> bytes{};
    EVP_DigestFinal_ex(context_.get(), bytes.data(), nullptr);
    std::string out;
    for (const unsigned char byte : bytes) {
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
    return out;
  }

 private:
  Owned<EVP_MD_CTX, EVP_MD_CTX_free> context_;
};

}  // namespace gray
