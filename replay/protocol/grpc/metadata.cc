#include "replay/protocol/grpc/metadata.h"

#include <openssl/evp.h>

#include <string>
#include <string_view>
#include <utility>

namespace gray::grpc {
namespace {

constexpr std::string_view kMediaType = "application/grpc";

}  // namespace

bool says_grpc(const Headers& headers) noexcept {
  const std::string* type = find_header(headers, "content-type");
  if (type == nullptr ||
      !same_name(std::string_view(*type).substr(0, kMediaType.size()), kMediaType))
    return false;
  return type->size() == kMediaType.size() || (*type)[kMediaType.size()] == '+' ||
         (*type)[kMediaType.size()] == ';';
}

void put_binary_metadata_into_base64(Headers& headers) {
  for (Header& header : headers) {
    const bool raw = header.name.ends_with("-bin") && header.value.starts_with('\0') &&
                     header.value != kUnknownHeaderText;
    if (!raw) continue;
    const std::string bytes = header.value.substr(1);
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends it with a NUL
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    text.resize(text.find_last_not_of('=') + 1);
    header.value = std::move(text);
  }
}

}  // namespace gray::grpc
