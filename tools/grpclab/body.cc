#include "tools/grpclab/body.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace gray::grpclab {

void Body::add(const google::protobuf::MessageLite& message) {
  const std::string bytes = message.SerializeAsString();
  bytes_ += '\0';
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    bytes_ += static_cast<char>((bytes.size() >> shift) & 0xff);
  bytes_ += bytes;
  ++messages_;
}

std::string Body::sha256() const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes_.data(), bytes_.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("hash a body with SHA-256");
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace gray::grpclab
