#include "replay/protocol/http1/message_reader.h"

#include <algorithm>
#include <utility>

#include "replay/protocol/body_digest.h"
#include "replay/protocol/http1/request_line.h"

namespace gray {
namespace {

std::string_view text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void strip_trailing_space(Headers& headers) {
  for (Header& header : headers) {
    const std::size_t end = header.value.find_last_not_of(" \t\r\n");
    header.value.resize(end == std::string::npos ? 0 : end + 1);
  }
}

}  // namespace

struct MessageReader::Digest : BodyDigest {};

struct MessageReader::Callbacks {
  static MessageReader& reader(llhttp_t* parser) {
    return *static_cast<MessageReader*>(parser->data);
  }
  static int result(bool fits) { return fits ? 0 : -1; }

  static int begin(llhttp_t* p) {
    MessageReader& r = reader(p);
    if (!r.begun_) r.message_.first_byte_ns = r.now_ns_;
    r.begun_ = true;
    return 0;
  }
  static int start(llhttp_t* p, const char* at, std::size_t n) {
    return result(reader(p).add(reader(p).start_, {at, n}));
  }
  static int line(llhttp_t* p) {
    reader(p).line_read_ = true;
    reader(p).status_ = p->status_code;
    return 0;
  }
  static int name(llhttp_t* p, const char* at, std::size_t n) {
    return result(reader(p).add_header({at, n}, true));
  }
  static int value(llhttp_t* p, const char* at, std::size_t n) {
    return result(reader(p).add_header({at, n}, false));
  }
  static int headers(llhttp_t* p) { return reader(p).headers_complete(); }
  static int body(llhttp_t* p, const char* at, std::size_t n) {
    reader(p).add_body({at, n});
    return 0;
  }
  static int chunk(llhttp_t* p) {
    reader(p).in_chunk_ = p->content_length > 0;
    return 0;
  }
  static int chunk_end(llhttp_t* p) {
    reader(p).in_chunk_ = false;
    return 0;
  }
  static int complete(llhttp_t* p) {
    reader(p).ended_ = true;
    return HPE_PAUSED;
  }

  static llhttp_settings_t settings(MessageKind kind) {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_message_begin = begin;
    if (kind == MessageKind::Response) {
      s.on_status = start;
      s.on_status_complete = line;
    }
    s.on_header_field = name;
    s.on_header_value = value;
    s.on_headers_complete = headers;
    s.on_body = body;
    s.on_chunk_header = chunk;
    s.on_chunk_complete = chunk_end;
    s.on_message_complete = complete;
    return s;
  }
};

MessageReader::MessageReader(MessageKind kind, const ReaderLimits& limits)
    : kind_(kind), limits_(limits) {
  reset();
}

MessageReader::~MessageReader() {
  reset();
}

void MessageReader::reset() noexcept {
  static const llhttp_settings_t kRequest = Callbacks::settings(MessageKind::Request);
  static const llhttp_settings_t kResponse = Callbacks::settings(MessageKind::Response);
  const bool request = kind_ == MessageKind::Request;
  llhttp_init(&parser_, request ? HTTP_REQUEST : HTTP_RESPONSE, request ? &kRequest : &kResponse);
  llhttp_set_lenient_headers(&parser_, 1);
  llhttp_set_lenient_chunked_length(&parser_, 1);
  llhttp_set_lenient_transfer_encoding(&parser_, 1);
  parser_.data = this;
  message_ = Message{};
  method_.clear();
  start_.clear();
  answers_.clear();
  digest_.reset();
  if (limits_.budget != nullptr) limits_.budget->give_back(charged_);
  charged_ = head_bytes_ = 0;
  status_ = 0;
  begun_ = line_read_ = head_read_ = false;
  in_name_ = in_chunk_ = missing_ = ended_ = upgrade_ = keep_alive_ = false;
}

// Takes bytes up to the end of the request line, gathered in start_. False when it has not ended.
bool MessageReader::read_line(std::span<const std::uint8_t>& bytes) noexcept {
  while (start_.empty() && !bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n'))
    bytes = bytes.subspan(1);
  if (bytes.empty()) return false;
  if (!begun_) message_.first_byte_ns = now_ns_;
  begun_ = true;
  const std::string_view rest = text(bytes);
  const std::size_t end = rest.find('\n');
  const bool ended = end != std::string_view::npos;
  const std::size_t used = ended ? end + 1 : rest.size();
  const bool fits = add(start_, rest.substr(0, used));
  bytes = bytes.subspan(used);
  return ended || !fits;
}

// llhttp knows a fixed list of methods and refuses targets that servers take. So the line is
// understood here, and llhttp sees one that parses alike.
bool MessageReader::understand_line() noexcept {
  const auto line = start_.ends_with('\n') ? http1::parse_request_line(start_) : std::nullopt;
  if (!line) return false;
  line_read_ = true;
  method_ = line->method;
  std::string canonical = "PUT /";
  if (!line->version.empty()) (canonical += ' ') += line->version;
  start_ = std::string(line->target);
  canonical += "\r\n";
  if (start_.empty()) return false;
  llhttp_execute(&parser_, canonical.data(), canonical.size());
  return ended_ || llhttp_get_errno(&parser_) == HPE_OK;
}

// Frames may be captured out of order: the last byte came when all had come.
void MessageReader::touch() noexcept {
  if (begun_) message_.last_byte_ns = std::max(message_.last_byte_ns, now_ns_);
}

ReadStatus MessageReader::feed(std::span<const std::uint8_t> bytes, std::uint64_t now_ns) noexcept {
  const std::size_t offered = bytes.size();
  now_ns_ = now_ns;
  consumed_ = 0;
  if (ended_) return finished(true);
  if (kind_ == MessageKind::Request && !line_read_) {
    const bool read = read_line(bytes);
    consumed_ = offered - bytes.size();
    touch();
    if (!read) return ReadStatus::NeedMore;
    if (!understand_line()) {
      error_ = "no request line";
      return finished(false);
    }
    if (ended_) return finished(true);  // HTTP/0.9
  }
  const ReadStatus status = run(bytes);
  touch();
  return status;
}

ReadStatus MessageReader::run(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.empty()) return ReadStatus::NeedMore;
  const char* data = text(bytes).data();
  const llhttp_errno_t error = llhttp_execute(&parser_, data, bytes.size());
  if (ended_) {
    consumed_ += static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - data);
    return finished(true);
  }
  if (error == HPE_OK) {
    consumed_ += bytes.size();
    return ReadStatus::NeedMore;
  }
  error_ = llhttp_get_error_reason(&parser_);
  return finished(false);
}

ReadStatus MessageReader::finished(bool complete) noexcept {
  ended_ = true;
  message_.complete = complete && !missing_;
  if (digest_ && message_.complete) message_.body_sha256 = digest_->hex();
  digest_.reset();
  if (!complete) return ReadStatus::Bad;
  return upgrade_ ? ReadStatus::Upgrade : ReadStatus::Complete;
}

ReadStatus MessageReader::skip(std::uint64_t length) noexcept {
  if (ended_) return finished(false);
  const bool chunked = (parser_.flags & F_CHUNKED) != 0;
  const bool sized = chunked ? in_chunk_ : (parser_.flags & F_CONTENT_LENGTH) != 0;
  missing_ = true;
  message_.truncated = true;
  if (head_read_ && !sized && llhttp_message_needs_eof(&parser_) != 0) {
    message_.body_bytes += length;
    return ReadStatus::NeedMore;
  }
  error_ = "bytes are missing";
  if (!head_read_ || !sized || length > parser_.content_length) return finished(false);
  message_.body_bytes += length;
  if (length < parser_.content_length) {
    parser_.content_length -= length;
    return ReadStatus::NeedMore;
  }
  // All but the last byte, which llhttp has to see to find the end.
  parser_.content_length = 1;
  message_.body_bytes -= 1;
  const std::uint8_t last = 0;
  consumed_ = 0;
  return run({&last, 1});
}

ReadStatus MessageReader::cut() noexcept {
  if (!begun_) return ReadStatus::NeedMore;
  error_ = "cut off";
  return finished(false);
}

ReadStatus MessageReader::eof() noexcept {
  if (!begun_) return ReadStatus::NeedMore;
  if (!ended_) llhttp_finish(&parser_);
  if (!ended_) error_ = "ends before its end";
  return finished(ended_);
}

bool MessageReader::charge(std::size_t bytes) noexcept {
  if (limits_.budget != nullptr && !limits_.budget->take(bytes)) return false;
  charged_ += bytes;
  return true;
}

bool MessageReader::add(std::string& to, std::string_view piece) noexcept {
  head_bytes_ += piece.size();
  if (head_bytes_ > limits_.max_head || !charge(piece.size())) return false;
  to += piece;
  return true;
}

bool MessageReader::add_header(std::string_view piece, bool is_name) noexcept {
  line_read_ = true;
  Headers& headers = head_read_ ? message_.trailers : message_.headers;
  if (is_name && !in_name_) {
    head_bytes_ += sizeof(Header);
    if (!charge(sizeof(Header))) return false;
    headers.emplace_back();
  }
  in_name_ = is_name;
  if (headers.empty()) return true;
  Header& header = headers.back();
  return add(is_name ? header.name : header.value, piece);
}

int MessageReader::headers_complete() noexcept {
  head_read_ = line_read_ = true;
  in_name_ = false;
  status_ = parser_.status_code;
  message_.version = std::to_string(parser_.http_major) + '.' + std::to_string(parser_.http_minor);
  message_.chunked = (parser_.flags & F_CHUNKED) != 0;
  if (limits_.hash_body) digest_ = std::make_unique<Digest>();
  const bool asks = (parser_.flags & F_UPGRADE) != 0 && (parser_.flags & F_CONNECTION_UPGRADE) != 0;
  parser_.upgrade = 0;  // whether the protocol changes is told by finished(), not by llhttp
  if (kind_ == MessageKind::Request) {
    keep_alive_ = llhttp_should_keep_alive(&parser_) != 0;
    upgrade_ = asks || method_ == "CONNECT";
    return method_ == "CONNECT" ? 1 : 0;
  }
  const bool tunnel = answers_ == "CONNECT" && status_ / 100 == 2;
  upgrade_ = status_ == 101 || tunnel;
  const bool empty = status_ / 100 == 1 || status_ == 204 || status_ == 304 || answers_ == "HEAD";
  if (empty || tunnel) parser_.flags |= F_SKIPBODY;
  keep_alive_ = llhttp_should_keep_alive(&parser_) != 0;
  return empty || tunnel ? 1 : 0;
}

void MessageReader::add_body(std::string_view piece) noexcept {
  message_.body_bytes += piece.size();
  if (digest_) digest_->add(piece);
  if (missing_) return;
  const std::size_t room = limits_.max_body - std::min(limits_.max_body, message_.body.size());
  const std::string_view kept = piece.substr(0, room);
  const bool fits = !message_.truncated && charge(kept.size());
  if (!fits || kept.size() < piece.size()) message_.truncated = true;
  if (fits) message_.body += kept;
}

void MessageReader::finish_message() noexcept {
  strip_trailing_space(message_.headers);
  strip_trailing_space(message_.trailers);
}

Request MessageReader::take_request() noexcept {
  finish_message();
  Request request;
  static_cast<Message&>(request) = std::move(message_);
  request.method = std::move(method_);
  request.target = std::move(start_);
  reset();
  return request;
}

Response MessageReader::take_response() noexcept {
  finish_message();
  Response response;
  static_cast<Message&>(response) = std::move(message_);
  response.status = status_;
  response.reason = std::move(start_);
  reset();
  return response;
}

}  // namespace gray
