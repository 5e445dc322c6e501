#include "replay/content/decode.h"

#include <algorithm>

#include "replay/content/decoders.h"

namespace gray {
namespace {

const char* decode_one(Coding coding, std::string_view body, BoundedOutput& out) {
  switch (coding) {
    case Coding::Gzip:
      return decode_gzip(body, out);
    case Coding::Deflate:
      return decode_deflate(body, out);
    case Coding::Brotli:
      return decode_brotli(body, out);
    case Coding::Zstd:
      return decode_zstd(body, out);
  }
  return kUnknownEncoding;
}

}  // namespace

// A stage that was cut hands on its prefix, so that what is inside shows as far as it goes.
Decoded decode(std::span<const Coding> codings, std::string_view body, const DecodeLimits& limits) {
  Decoded decoded{std::string(), nullptr};
  if (codings.empty()) decoded.bytes = body;
  std::string_view input = body;
  for (std::size_t left = codings.size(); left > 0; --left) {
    BoundedOutput out(limits, body.size());
    const char* problem = decode_one(codings[left - 1], input, out);
    decoded.bytes = out.take();
    input = decoded.bytes;
    if (!decoded.problem || (problem && problem != kCutEncoding)) decoded.problem = problem;
    if (decoded.problem && decoded.problem != kCutEncoding) {
      if (left > 1) decoded.bytes.clear();  // still coded
      break;
    }
  }
  return decoded;
}

Decoded decode_body(const Message& message, const DecodeLimits& limits) {
  const auto codings = content_codings(message.headers);
  if (!codings) return {std::string(), kUnknownEncoding};
  Decoded decoded = decode(*codings, message.body, limits);
  if (!decoded.problem && message.truncated) decoded.problem = kCutEncoding;
  return decoded;
}

bool undo_content_encoding(Message& message, const DecodeLimits& limits) {
  Decoded decoded = decode_body(message, limits);
  if (decoded.problem && decoded.bytes.empty()) return false;
  message.body = std::move(decoded.bytes);
  message.body_bytes = message.body.size();
  message.truncated = message.truncated || decoded.problem;
  std::erase_if(message.headers,
                [](const Header& header) { return same_name(header.name, "content-encoding"); });
  return true;
}

}  // namespace gray
