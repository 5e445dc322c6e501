// What production was asked and what it answered. Values: they own their bytes, and move from stage
// to stage.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/protocol/grpc_call.h"
#include "replay/protocol/websocket_traffic.h"
#include "userspace/base/boxed.h"
#include "userspace/packet/address.h"

namespace gray {

struct Header {
  std::string name;  ///< as on the wire; compare with same_name()
  std::string value;
};
using Headers = std::vector<Header>;

/// Header names are equal when they differ in ASCII case only (RFC 9110 section 5.1).
inline bool same_name(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int differ = a[i] ^ b[i];
    if (differ == 0) continue;
    const int lower = a[i] | 0x20;
    if (differ != 0x20 || lower < 'a' || lower > 'z') return false;
  }
  return true;
}
/// The first value of that name, or null.
inline const std::string* find_header(const Headers& headers, std::string_view name) noexcept {
  for (const Header& header : headers)
    if (same_name(header.name, name)) return &header.value;
  return nullptr;
}

/// Where a piece of a body ends, and when the wire carried that end.
struct BodyPiece {
  std::uint64_t end = 0;  ///< offset in the body
  std::uint64_t time_ns = 0;
};

/// Stands for the name or value of a header that HPACK cannot know, because the capture began after
/// the header table was filled. No real header has a NUL in it.
inline constexpr std::string_view kUnknownHeaderText{"\0unknown", 8};

/// What requests and responses share. Times are UTC nanoseconds of the frames that carried them.
struct Message {
  std::string version;  ///< "0.9", "1.0", "1.1", "2"
  Headers headers;
  Headers trailers;
  std::string body;  ///< after transfer decoding, before content decoding; see truncated
  std::uint64_t body_bytes = 0;  ///< of the whole body, also of what is not kept
  std::string body_sha256;       ///< hex; only when the extractor was asked for it
  /// HTTP/2: of each DATA frame, in order; while they are kept. An empty one is there only when it
  /// ends the message, which it may do long after the piece before.
  std::vector<BodyPiece> pieces;
  std::vector<std::string>
      anomalies;  ///< what is odd about it, each name once, in order of finding
  std::optional<std::uint32_t> reset;  ///< HTTP/2: error code of the RST_STREAM that ended it
  std::uint32_t unknown_headers = 0;   ///< headers and trailers that hold kUnknownHeaderText
  bool chunked = false;
  bool complete = false;   ///< ends where its protocol says it ends, and nothing is missing
  bool truncated = false;  ///< body is a prefix: it was longer than the extractor keeps
  std::uint64_t first_byte_ns = 0;
  std::uint64_t last_byte_ns = 0;
};

struct Request : Message {
  std::string method;
  std::string target;     ///< as on the request line
  std::string authority;  ///< Host, or of an absolute-form target; may be empty
};

struct Response : Message {
  int status = 0;
  std::string reason;
};

/// Flow key, first sequence number, stream offset and time, hashed to 128 bits: two exchanges of
/// one capture, or of two captures, do not share it.
struct ExchangeId {
  std::array<std::uint8_t, 16> bytes{};
  std::string hex() const;
  auto operator<=>(const ExchangeId&) const = default;
};

struct Exchange {
  ExchangeId id;
  std::string protocol;  ///< "http/0.9", "http/1.0", "http/1.1", "http/2"
  Endpoint client;
  Endpoint server;
  std::uint64_t stream = 0;     ///< connection, numbered in order of appearance
  std::uint32_t position = 0;   ///< in its connection, from 0
  std::uint32_t h2_stream = 0;  ///< identifier of its HTTP/2 stream; 0 in HTTP/1
  std::uint64_t flow_tag = 0;
  std::string community_id;  ///< only when the extractor was asked for it
  Request request;           ///< its method is empty when only the response was seen
  std::optional<Response> response;
  Boxed<GrpcCall> grpc;               ///< only when the request's media type is gRPC's
  Boxed<WebSocketTraffic> websocket;  ///< only when the connection changed to it

  /// Last request byte to first response byte on the wire; 0 without both, or when the response
  /// came first.
  std::uint64_t latency_ns() const noexcept;
  /// The response began before the request had ended: a refusal, or a stream both ways.
  bool answered_early() const noexcept;
};

/// Takes exchanges as they complete: of a connection of HTTP/1 in order, else in any (HTTP/2, too).
class ExchangeSink {
 public:
  virtual ~ExchangeSink() = default;
  virtual void exchange(Exchange&& exchange) = 0;
  /// The same, of one that is on the heap already; a sink that keeps it there takes it as it is.
  virtual void boxed(std::unique_ptr<Exchange> exchange) { this->exchange(std::move(*exchange)); }
  /// A connection will bring no more exchanges.
  virtual void connection_end(std::uint64_t stream) { (void)stream; }
};

}  // namespace gray
