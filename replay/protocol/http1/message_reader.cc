#include "replay/protocol/http1/message_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "replay/protocol/body_digest.h"
#include "replay/protocol/http1/anomaly.h"
#include "replay/protocol/http1/header_line.h"
#include "replay/protocol/http1/start_line.h"

namespace gray {
namespace {

constexpr std::uint64_t kEndless = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kMaxChunkLine = 16'384;  // bytes of a chunk's size and extensions

constexpr std::string_view kHttp = "HTTP/";

std::string_view text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

MessageReader::MessageReader(MessageKind kind, const ReaderLimits& limits)
    : kind_(kind), limits_(limits) {}

MessageReader::~MessageReader() {
  if (limits_.budget != nullptr) limits_.budget->give_back(charged_);
}

void MessageReader::reset() noexcept {
  message_ = Message{};
  method_.clear();
  start_.clear();
  answers_.clear();
  line_.clear();
  digest_.reset();
  if (limits_.budget != nullptr) limits_.budget->give_back(charged_);
  charged_ = head_bytes_ = 0;
  framing_ = {};
  left_ = 0;
  status_ = 0;
  place_ = Place::StartLine;
  begun_ = missing_ = failed_ = false;
}

void MessageReader::begin() noexcept {
  if (!begun_) message_.first_byte_ns = now_ns_;
  begun_ = true;
}

void MessageReader::begin_bare() noexcept {
  message_.version = "0.9";
  framing_.end = http1::BodyEnd::Connection;
  left_ = kEndless;
  place_ = Place::Body;
  if (limits_.hash_body) digest_ = std::make_unique<BodyDigest>();
}

// Frames may be captured out of order: the last byte came when all had come.
void MessageReader::touch() noexcept {
  if (begun_) message_.last_byte_ns = std::max(message_.last_byte_ns, now_ns_);
}

ReadStatus MessageReader::feed(Bytes bytes, std::uint64_t now_ns) noexcept {
  const std::size_t offered = bytes.size();
  now_ns_ = now_ns;
  while (!bytes.empty() && place_ != Place::End && !failed_) read(bytes);
  consumed_ = offered - bytes.size();
  touch();
  if (failed_) return finished(false);
  return place_ == Place::End ? finished(true) : ReadStatus::NeedMore;
}

void MessageReader::read(Bytes& bytes) noexcept {
  if (place_ == Place::Body || place_ == Place::ChunkData) {
    begin();
    return take_body(bytes);
  }
  // Empty lines in front of a message are left over from the one before (section 2.2).
  if (place_ == Place::StartLine && line_.empty()) {
    while (!bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n'))
      bytes = bytes.subspan(1);
    if (bytes.empty()) return;
    begin();
  }
  const Bytes before = bytes;
  if (!take_line(bytes)) {
    // What is no response is told at once: a peer that waits may never end its line.
    const bool starts = place_ == Place::StartLine && kind_ == MessageKind::Response;
    if (starts && !kHttp.starts_with(std::string_view(line_).substr(0, kHttp.size())))
      fail("no status line");
    return;
  }
  if (line_.empty()) return understand(text(before.first(before.size() - bytes.size())));
  understand(std::exchange(line_, {}));
}

// Takes bytes up to the end of the line. A line that came in pieces is put together in line_, all
// others are read where they are. False when it has not ended, or is too long.
bool MessageReader::take_line(Bytes& bytes) noexcept {
  const void* const found = std::memchr(bytes.data(), '\n', bytes.size());
  const std::size_t used =
      found == nullptr
          ? bytes.size()
          : static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data()) + 1;
  const bool in_body = place_ == Place::ChunkSize || place_ == Place::ChunkEnd;
  const bool fits = in_body ? line_.size() + used <= kMaxChunkLine : charge_head(used);
  if (!fits) {
    bytes = bytes.subspan(used);
    break_off("a line or the head is too long",
              in_body ? http1::anomaly::kChunkInvalid : http1::anomaly::kHeadTooLong);
    return false;
  }
  if (found == nullptr || !line_.empty()) line_ += text(bytes.first(used));
  bytes = bytes.subspan(used);
  return found != nullptr;
}

void MessageReader::understand(std::string_view line) noexcept {
  // As a line that comes in pieces is told, so that it does not matter how it came.
  if (place_ == Place::StartLine && kind_ == MessageKind::Response && !line.starts_with(kHttp))
    return fail("no status line");
  line.remove_suffix(1);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  else
    http1::flag(message_, http1::anomaly::kBareLf);
  switch (place_) {
    case Place::StartLine:
      if (!understand_start(line))
        fail(kind_ == MessageKind::Request ? "no request line" : "no status line");
      break;
    case Place::ChunkSize:
      chunk_size(line);
      break;
    case Place::ChunkEnd:
      place_ = Place::ChunkSize;
      if (!line.empty())
        break_off("a chunk is longer than its size", http1::anomaly::kChunkInvalid);
      break;
    default:
      header_line(line);
  }
}

bool MessageReader::understand_start(std::string_view line) noexcept {
  std::string_view version;
  if (kind_ == MessageKind::Request) {
    const auto parts = http1::parse_request_line(line);
    if (!parts || parts->target.empty()) return false;
    version = parts->version;
    method_ = parts->method;
    start_ = parts->target;
    if (parts->target.find(' ') != std::string_view::npos)
      http1::flag(message_, http1::anomaly::kSpaceInTarget);
  } else {
    const auto parts = http1::parse_status_line(line);
    if (!parts) return false;
    version = parts->version;
    status_ = parts->status;
    start_ = parts->reason;
  }
  message_.version = version.empty() ? "0.9" : version.substr(5);
  place_ = version.empty() ? Place::End : Place::Head;
  if (!message_.version.starts_with("1.") && !version.empty())
    http1::flag(message_, http1::anomaly::kOddVersion);
  return true;
}

void MessageReader::header_line(std::string_view line) noexcept {
  if (line.empty()) {
    if (place_ == Place::Trailers)
      place_ = Place::End;
    else
      headers_end();
    return;
  }
  Headers& headers = place_ == Place::Trailers ? message_.trailers : message_.headers;
  const http1::LineKind kind = http1::add_line(line, headers, message_);
  if (kind == http1::LineKind::Garbage) break_off("no header", http1::anomaly::kHeadGarbage);
  if (kind == http1::LineKind::Header && !charge_head(sizeof(Header)))
    break_off("the head is too long", http1::anomaly::kHeadTooLong);
}

void MessageReader::headers_end() noexcept {
  using http1::BodyEnd;
  framing_ = kind_ == MessageKind::Request ? http1::request_framing(method_, start_, message_)
                                           : http1::response_framing(status_, answers_, message_);
  message_.chunked = framing_.end == BodyEnd::Chunked;
  if (limits_.hash_body) digest_ = std::make_unique<BodyDigest>();
  left_ = framing_.end == BodyEnd::Length ? framing_.length : kEndless;
  place_ = Place::Body;
  if (framing_.end == BodyEnd::None) place_ = Place::End;
  if (framing_.end == BodyEnd::Chunked) place_ = Place::ChunkSize;
  if (framing_.end == BodyEnd::Unknown) fail("Content-Length is no one number");
}

// Section 7.1. Extensions are read over; space around the size is what some servers send.
void MessageReader::chunk_size(std::string_view line) noexcept {
  std::uint64_t size = 0;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  const auto rest = line.substr(static_cast<std::size_t>(parsed.ptr - line.data()));
  const std::size_t behind = std::min(rest.find_first_not_of(" \t"), rest.size());
  const bool fine = parsed.ec == std::errc{} && (behind == rest.size() || rest[behind] == ';');
  if (!fine || line.front() == '-')
    return break_off("no chunk size", http1::anomaly::kChunkInvalid);
  left_ = size;
  place_ = size == 0 ? Place::Trailers : Place::ChunkData;
}

void MessageReader::take_body(Bytes& bytes) noexcept {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  add_body(text(bytes.first(taken)));
  bytes = bytes.subspan(taken);
  if (left_ != kEndless) left_ -= taken;
  if (left_ == 0) place_ = place_ == Place::Body ? Place::End : Place::ChunkEnd;
}

void MessageReader::add_body(std::string_view piece) noexcept {
  message_.body_bytes += piece.size();
  if (missing_) return;
  if (digest_) digest_->add(piece);
  const std::size_t room = limits_.max_body - std::min(limits_.max_body, message_.body.size());
  const std::string_view kept = piece.substr(0, room);
  const bool fits = !message_.truncated && charge(kept.size());
  if (!fits || kept.size() < piece.size()) message_.truncated = true;
  if (fits) message_.body += kept;
}

void MessageReader::fail(const char* why) noexcept {
  failed_ = true;
  error_ = why;
}

void MessageReader::break_off(const char* why, std::string_view anomaly) noexcept {
  http1::flag(message_, anomaly);
  fail(why);
}

ReadStatus MessageReader::finished(bool complete) noexcept {
  failed_ = !complete;
  message_.complete = complete && !missing_;
  if (digest_ && message_.complete) message_.body_sha256 = digest_->hex();
  digest_.reset();
  if (!complete) return ReadStatus::Bad;
  place_ = Place::End;
  return framing_.upgrade ? ReadStatus::Upgrade : ReadStatus::Complete;
}

ReadStatus MessageReader::skip(std::uint64_t length) noexcept {
  const bool in_body = place_ == Place::Body || place_ == Place::ChunkData;
  http1::flag(message_,
              place_ <= Place::Head ? http1::anomaly::kGapInHead : http1::anomaly::kGapInBody);
  missing_ = true;
  message_.truncated = true;
  if (!in_body || length > left_) {
    fail("bytes are missing");
    return finished(false);
  }
  message_.body_bytes += length;
  if (left_ != kEndless) left_ -= length;
  if (left_ > 0) return ReadStatus::NeedMore;
  place_ = place_ == Place::Body ? Place::End : Place::ChunkEnd;
  return place_ == Place::End ? finished(true) : ReadStatus::NeedMore;
}

ReadStatus MessageReader::cut() noexcept {
  if (!begun_) return ReadStatus::NeedMore;
  fail("cut off");
  return finished(false);
}

ReadStatus MessageReader::eof() noexcept {
  if (!begun_) return ReadStatus::NeedMore;
  const bool ends = place_ == Place::Body && framing_.end == http1::BodyEnd::Connection;
  if (!ends) fail("ends before its end");
  return finished(ends);
}

bool MessageReader::charge(std::size_t bytes) noexcept {
  if (limits_.budget != nullptr && !limits_.budget->take(bytes)) return false;
  charged_ += bytes;
  return true;
}

bool MessageReader::charge_head(std::size_t bytes) noexcept {
  head_bytes_ += bytes;
  return head_bytes_ <= limits_.max_head && charge(bytes);
}

Request MessageReader::take_request() noexcept {
  Request request{std::move(message_), std::move(method_), std::move(start_), {}};
  reset();
  return request;
}

Response MessageReader::take_response() noexcept {
  Response response{std::move(message_), status_, std::move(start_)};
  reset();
  return response;
}

}  // namespace gray
