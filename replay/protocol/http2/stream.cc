#include "replay/protocol/http2/stream.h"

#include <algorithm>
#include <utility>

namespace gray::http2 {
namespace {

constexpr std::size_t kMaxPieces = 65'536;

}  // namespace

StreamSide request_side(Stream& stream) noexcept {
  return {stream.request, stream.exchange.request};
}

StreamSide response_side(Stream& stream) noexcept {
  std::optional<Response>& response = stream.exchange.response;
  if (!response) response.emplace().version = "2";
  return {stream.response, *response};
}

bool StreamWriter::take(Stream& stream, std::size_t bytes) noexcept {
  if (!context_.kept.take(bytes)) return false;
  stream.kept += bytes;
  return true;
}

// What is there already is counted all the same, so that the next ones wait for it.
void StreamWriter::keep(Stream& stream, std::size_t bytes) noexcept {
  context_.kept.used += bytes;
  stream.kept += bytes;
}

void StreamWriter::anomaly(Message& message, std::string_view name) {
  auto& names = message.anomalies;
  if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

void StreamWriter::note(Stream& stream, StreamSide side, const HeaderList& list, bool lost,
                        std::uint64_t now_ns) noexcept {
  std::size_t bytes = 0;
  for (const Header& field : list.fields)
    bytes += sizeof(Header) + field.name.size() + field.value.size();
  keep(stream, bytes);
  side.message.unknown_headers += list.unknown;
  side.message.last_byte_ns = std::max(side.message.last_byte_ns, now_ns);
  side.half.missing = side.half.missing || lost || list.bad || list.truncated;
  if (lost) anomaly(side.message, "headers_lost");
  if (list.bad) anomaly(side.message, "hpack_error");
  if (list.truncated) anomaly(side.message, "headers_truncated");
  stream.last_ns = now_ns;
}

void StreamWriter::head(Stream& stream, StreamSide side, HeaderList&& list, bool lost,
                        const BlockTimes& times) noexcept {
  ++context_.messages;
  side.half.head = true;
  side.half.missing = false;  // nothing comes before the head
  note(stream, side, list, lost, times.ended_ns);
  side.message.version = "2";
  side.message.first_byte_ns = times.begun_ns;
  side.message.headers = std::move(list.fields);
  if (context_.options.hash_bodies) side.half.digest = std::make_unique<BodyDigest>();
}

void StreamWriter::trailers(Stream& stream, StreamSide side, HeaderList&& list, bool lost,
                            std::uint64_t now_ns) noexcept {
  note(stream, side, list, lost, now_ns);
  Headers& trailers = side.message.trailers;
  if (trailers.empty()) {
    trailers = std::move(list.fields);
  } else {
    anomaly(side.message, "trailers_twice");
    for (Header& field : list.fields) trailers.push_back(std::move(field));
  }
}

void StreamWriter::body(Stream& stream, StreamSide side, std::span<const std::uint8_t> piece,
                        std::uint64_t now_ns) noexcept {
  Message& message = side.message;
  const std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
  stream.last_ns = now_ns;
  if (message.first_byte_ns == 0) message.first_byte_ns = now_ns;
  message.last_byte_ns = std::max(message.last_byte_ns, now_ns);
  message.body_bytes += text.size();
  if (side.half.digest) side.half.digest->add(text);
  message.truncated = message.truncated || side.half.missing || stream.tunnel;
  if (message.truncated) return;
  const std::size_t most = context_.options.max_body;
  const std::string_view kept = text.substr(0, most - std::min(most, message.body.size()));
  const bool fits = take(stream, kept.size());
  message.truncated = !fits || kept.size() < text.size();
  if (fits) message.body += kept;
}

void StreamWriter::body_missing(StreamSide side, std::uint64_t bytes) noexcept {
  side.message.body_bytes += bytes;
  side.message.truncated = true;
  side.half.missing = true;
}

void StreamWriter::piece_end(Stream& stream, StreamSide side, bool last,
                             std::uint64_t now_ns) noexcept {
  Message& message = side.message;
  message.last_byte_ns = std::max(message.last_byte_ns, now_ns);
  const std::uint64_t before = message.pieces.empty() ? 0 : message.pieces.back().end;
  const bool says = message.body_bytes > before || last;
  if (message.truncated || !says) return;
  if (message.pieces.size() >= kMaxPieces) {
    // The last one is all the rest, so that they are of the whole body all the same.
    message.pieces.back() = {message.body_bytes, now_ns};
    return;
  }
  if (take(stream, sizeof(BodyPiece))) message.pieces.push_back({message.body_bytes, now_ns});
}

void StreamWriter::end(StreamSide side) noexcept {
  side.half.over = true;
  side.message.complete = side.half.head && !side.half.missing;
  if (side.half.missing) side.message.truncated = true;
  if (side.half.digest && side.message.complete) side.message.body_sha256 = side.half.digest->hex();
  side.half.digest.reset();
}

}  // namespace gray::http2
