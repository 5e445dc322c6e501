// One HTTP/2 stream as an exchange in the making: what each side has said on it so far (RFC 9113
// section 5.1). Bodies take their bytes from the memory budget. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "replay/protocol/body_digest.h"
#include "replay/protocol/exchange.h"
#include "replay/protocol/http2/hpack.h"
#include "replay/protocol/registry.h"

namespace gray::http2 {

/// One side of a stream.
struct StreamHalf {
  bool head = false;     ///< its first header block was seen
  bool over = false;     ///< nothing more will come
  bool missing = false;  ///< something of it was not captured
  std::unique_ptr<BodyDigest> digest;
};

struct Stream {
  Exchange exchange;
  OpenExchanges::Mark open;
  StreamHalf request;
  StreamHalf response;
  std::uint64_t last_ns = 0;  ///< of its last frame
  std::size_t kept = 0;       ///< taken from the memory budget
  bool tunnel = false;        ///< CONNECT that was granted: its bytes are counted, not kept
};

/// The half and the message of one side. A response is begun if there is none yet.
struct StreamSide {
  StreamHalf& half;
  Message& message;
};
StreamSide request_side(Stream& stream) noexcept;
StreamSide response_side(Stream& stream) noexcept;

/// The parts of a header block besides its fields.
struct BlockTimes {
  std::uint64_t begun_ns = 0;
  std::uint64_t ended_ns = 0;
};

/// What a message is made of, put into it as it comes.
class StreamWriter {
 public:
  explicit StreamWriter(ProtocolContext& context) noexcept : context_(context) {}

  /// `lost`: the fields are not all there.
  void head(Stream& stream, StreamSide side, HeaderList&& list, bool lost,
            const BlockTimes& times) noexcept;
  void trailers(Stream& stream, StreamSide side, HeaderList&& list, bool lost,
                std::uint64_t now_ns) noexcept;
  void body(Stream& stream, StreamSide side, std::span<const std::uint8_t> piece,
            std::uint64_t now_ns) noexcept;
  static void body_missing(StreamSide side, std::uint64_t bytes) noexcept;
  /// A DATA frame ended; `last`: with END_STREAM.
  void piece_end(Stream& stream, StreamSide side, bool last, std::uint64_t now_ns) noexcept;
  /// END_STREAM.
  static void end(StreamSide side) noexcept;
  static void anomaly(Message& message, std::string_view name);

  void keep(Stream& stream, std::size_t bytes) noexcept;

 private:
  void note(Stream& stream, StreamSide side, const HeaderList& list, bool lost,
            std::uint64_t now_ns) noexcept;
  bool take(Stream& stream, std::size_t bytes) noexcept;

  ProtocolContext& context_;
};

}  // namespace gray::http2
