#include "replay/send/http2_stream.h"

#include <algorithm>
#include <charconv>

namespace gray {
namespace {

// nghttp2 bounds one header block; this bounds what many blocks on a stream may add up to.
constexpr std::size_t kMostHeaderBytes = 1u << 20;

// The bounds of the pieces are of the body as recorded: one that scrubbing made longer or shorter
// has no bounds any more.
bool pieces_fit(const Request& request) {
  return !request.pieces.empty() && request.pieces.back().end == request.body.size();
}

}  // namespace

Http2Stream::Http2Stream(Job&& started, std::size_t max_body, std::uint64_t now_ns)
    : job(std::move(started)), max_body_(max_body), started_ns_(now_ns) {
  paced_ = job.pace > 0 && pieces_fit(job.request());
  response.version.assign(1, '2');  // g++ 12 warns of an overlap in the assignment of "2"
}

std::uint64_t Http2Stream::due_ns(std::size_t piece) const noexcept {
  const Request& request = job.request();
  const std::uint64_t at = request.pieces[piece].time_ns;
  const std::uint64_t after = at - std::min(at, request.first_byte_ns);
  return started_ns_ + static_cast<std::uint64_t>(static_cast<double>(after) / job.pace);
}

Http2Stream::Piece Http2Stream::next(std::size_t limit, std::uint64_t now_ns) const noexcept {
  Piece piece;
  std::size_t end = body().size();
  if (paced_) {
    const auto& pieces = job.request().pieces;
    if (piece_ < pieces.size()) {
      const std::uint64_t due = due_ns(piece_);
      if (due > now_ns) {
        piece.wait_until = due;
        return piece;
      }
      end = std::min<std::size_t>(pieces[piece_].end, end);
    }
    piece.last = piece_ + 1 >= pieces.size();
  } else {
    piece.last = true;
  }
  const std::size_t left = end - std::min(end, offset_);
  piece.bytes = std::string_view(body()).substr(offset_, std::min(limit, left));
  piece.last = piece.last && piece.bytes.size() == left;
  return piece;
}

void Http2Stream::sent(std::size_t bytes) noexcept {
  offset_ += bytes;
  const auto& pieces = job.request().pieces;
  if (paced_ && piece_ < pieces.size() && offset_ >= pieces[piece_].end) ++piece_;
}

void Http2Stream::begin_headers(std::uint64_t at_ns) {
  if (final_) return;
  response.headers.clear();
  response.first_byte_ns = at_ns;
}

void Http2Stream::header(std::string_view name, std::string_view value) {
  header_bytes_ += name.size() + value.size() + 32;
  if (header_bytes_ > kMostHeaderBytes) {
    response.truncated = true;
    return;
  }
  if (name == ":status") {
    std::from_chars(value.data(), value.data() + value.size(), response.status);
    return;
  }
  if (name.starts_with(':')) return;
  Headers& to = final_ ? response.trailers : response.headers;
  to.push_back({std::string(name), std::string(value)});
}

void Http2Stream::end_headers(bool end_stream, std::uint64_t at_ns) {
  response.last_byte_ns = at_ns;
  if (!final_ && response.status / 100 != 1) final_ = true;
  response.complete = response.complete || (final_ && end_stream);
}

void Http2Stream::data(std::span<const std::uint8_t> bytes) {
  response.body_bytes += bytes.size();
  const std::size_t kept =
      std::min(bytes.size(), max_body_ - std::min(max_body_, response.body.size()));
  response.body.append(reinterpret_cast<const char*>(bytes.data()), kept);
  if (kept < bytes.size()) response.truncated = true;
}

void Http2Stream::end_data(bool end_stream, std::uint64_t at_ns) {
  response.last_byte_ns = at_ns;
  if (!response.truncated) response.pieces.push_back({response.body_bytes, at_ns});
  response.complete = response.complete || end_stream;
}

}  // namespace gray
