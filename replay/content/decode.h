// Content codings undone. Any bytes may be put in: what comes out is bounded, absolutely and
// against what came in, and memory beside it by windows of at most 8 MiB. Any thread may call.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "replay/content/coding.h"

namespace gray {

// Why decoding stopped.
inline constexpr const char* kUnknownEncoding = "unknown_encoding";
inline constexpr const char* kBadEncoding = "bad_encoding";  ///< not what the coding allows
inline constexpr const char* kCutEncoding = "cut_encoding";  ///< ends before the coding does
inline constexpr const char* kDecodedTooLarge = "decoded_too_large";
inline constexpr const char* kDecodedBomb = "decoded_bomb";  ///< out of proportion to what came in

struct DecodeLimits {
  std::size_t max_bytes = 16u << 20;
  /// Output above `free_bytes` may be this many times the body. Deflate reaches 1032 times with
  /// nothing but zeros, text hardly 100 times.
  std::size_t max_ratio = 200;
  std::size_t free_bytes = 1u << 20;
};

struct Decoded {
  std::string bytes;              ///< all that could be decoded
  const char* problem = nullptr;  ///< null: the whole body; else one of the names above
};

/// `codings` in the order in which they were applied. Gzip of several members is one body, and what
/// stands behind the last member is not part of it, as clients read it; deflate may be zlib's
/// (RFC 1950), which RFC 9110 asks for, or raw (RFC 1951), which servers send all the same.
Decoded decode(std::span<const Coding> codings, std::string_view body,
               const DecodeLimits& limits = {});

/// The body of a message, by its Content-Encoding. A body that was kept in part is as one that was
/// cut: "cut_encoding".
Decoded decode_body(const Message& message, const DecodeLimits& limits = {});

/// Puts the decoded body in the place of the coded one, and takes the Content-Encoding away. A body
/// that could be decoded in part becomes a truncated one; false, and the message untouched, when
/// nothing of it could be decoded.
bool undo_content_encoding(Message& message, const DecodeLimits& limits = {});

}  // namespace gray
