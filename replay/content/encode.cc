#include "replay/content/encode.h"

namespace gray {
namespace {

std::optional<std::string> encode_one(Coding coding, std::string_view bytes) {
  switch (coding) {
    case Coding::Gzip:
      return encode_gzip(bytes);
    case Coding::Deflate:
      return encode_deflate(bytes);
    case Coding::Brotli:
      return encode_brotli(bytes);
    case Coding::Zstd:
      return encode_zstd(bytes);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> encode(std::span<const Coding> codings, std::string_view bytes) {
  std::optional<std::string> coded(bytes);
  for (const Coding coding : codings) {
    coded = encode_one(coding, *coded);
    if (!coded) break;
  }
  return coded;
}

}  // namespace gray
