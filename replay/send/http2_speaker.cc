#include "replay/send/http2_speaker.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "replay/send/http2_request.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

namespace asio = boost::asio;

// What is received is used up at once, so the windows only have to cover the path.
constexpr std::int32_t kStreamWindow = 1 << 20;
constexpr std::int32_t kConnectionWindow = 16 << 20;
// Gathered before the socket is asked to take it.
constexpr std::size_t kGatherBytes = 64u << 10;
// Streams of one connection, also those that nghttp2 holds back for the peer's limit.
constexpr std::size_t kMostStreams = 10'000;

using Callback = Owned<nghttp2_session_callbacks, nghttp2_session_callbacks_del>;

std::string_view view(const std::uint8_t* bytes, std::size_t length) {
  return {reinterpret_cast<const char*>(bytes), length};
}

}  // namespace

struct Http2Speaker::Callbacks {
  static Http2Speaker& self(void* user) { return *static_cast<Http2Speaker*>(user); }
  static Http2Stream* find(void* user, std::int32_t id) {
    const auto found = self(user).streams_.find(id);
    return found == self(user).streams_.end() ? nullptr : found->second.get();
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (Http2Stream* stream = find(user, frame->hd.stream_id))
      stream->begin_headers(self(user).arrived_ns_);
    return 0;
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_length, const std::uint8_t* value, std::size_t value_length,
                    std::uint8_t, void* user) {
    if (Http2Stream* stream = find(user, frame->hd.stream_id))
      stream->header(view(name, name_length), view(value, value_length));
    return 0;
  }
  static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                  std::size_t length, void* user) {
    if (Http2Stream* stream = find(user, id)) stream->data({bytes, length});
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    self(user).stream_closed(id, code);
    return 0;
  }
  static int sent(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static ssize_t body(nghttp2_session* session, std::int32_t id, std::uint8_t* into,
                      std::size_t limit, std::uint32_t* flags, nghttp2_data_source*, void* user);
  static nghttp2_session* make(Http2Speaker& speaker);
};

int Http2Speaker::Callbacks::frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Http2Speaker& speaker = self(user);
  const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame->hd.type == NGHTTP2_GOAWAY) {
    speaker.going_away_ = true;
    speaker.goaway_ = nghttp2_http2_strerror(frame->goaway.error_code);
  }
  Http2Stream* stream = find(user, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (frame->hd.type == NGHTTP2_HEADERS) stream->end_headers(end, speaker.arrived_ns_);
  if (frame->hd.type == NGHTTP2_DATA) stream->end_data(end, speaker.arrived_ns_);
  return 0;
}

int Http2Speaker::Callbacks::sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
    self(user).garbled_ = nghttp2_http2_strerror(frame->goaway.error_code);
  Http2Stream* stream = find(user, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (stream->begun_ns == 0) stream->begun_ns = self(user).writing_ns_;
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) stream->written_ns = self(user).writing_ns_;
  return 0;
}

ssize_t Http2Speaker::Callbacks::body(nghttp2_session* session, std::int32_t id, std::uint8_t* into,
                                      std::size_t limit, std::uint32_t* flags, nghttp2_data_source*,
                                      void* user) {
  Http2Stream* stream = find(user, id);
  if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const Http2Stream::Piece piece = stream->next(limit, monotonic_ns());
  if (piece.wait_until != 0) {
    stream->wait_until = piece.wait_until;
    self(user).paused_.insert(id);
    return NGHTTP2_ERR_DEFERRED;
  }
  std::memcpy(into, piece.bytes.data(), piece.bytes.size());
  stream->sent(piece.bytes.size());
  if (piece.last) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!stream->job.request().trailers.empty()) {
      const Http2Request request(stream->job.request(), "", "");
      if (!request.trailers().empty() &&
          nghttp2_submit_trailer(session, id, request.trailers().data(),
                                 request.trailers().size()) == 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
  }
  return static_cast<ssize_t>(piece.bytes.size());
}

nghttp2_session* Http2Speaker::Callbacks::make(Http2Speaker& speaker) {
  nghttp2_session_callbacks* all = nullptr;
  if (nghttp2_session_callbacks_new(&all) != 0) throw std::bad_alloc();
  const Callback callbacks(all);
  nghttp2_session_callbacks_set_on_begin_headers_callback(all, begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(all, header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame);
  nghttp2_session_callbacks_set_on_frame_send_callback(all, sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(all, closed);
  nghttp2_option* wanted = nullptr;
  if (nghttp2_option_new(&wanted) != 0) throw std::bad_alloc();
  const Owned<nghttp2_option, nghttp2_option_del> option(wanted);
  // Until the peer says how many streams it takes, one: what is above its limit it would refuse.
  nghttp2_option_set_peer_max_concurrent_streams(wanted, 1);
  nghttp2_session* session = nullptr;
  if (nghttp2_session_client_new2(&session, all, &speaker, wanted) != 0) throw std::bad_alloc();
  return session;
}

Http2Speaker::Http2Speaker(SpeakerHost& host, const Target& target, std::size_t max_body)
    : host_(host), target_(target), max_body_(max_body), session_(Callbacks::make(*this)) {
  const std::array<nghttp2_settings_entry, 3> settings{
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
       {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}}};
  nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Http2Speaker::~Http2Speaker() = default;

bool Http2Speaker::takes_more() const noexcept {
  return !going_away_ && streams_.size() < kMostStreams &&
         nghttp2_session_check_request_allowed(session_.get()) != 0;
}

void Http2Speaker::start(Job&& job) {
  submit(std::make_unique<Http2Stream>(std::move(job), max_body_, monotonic_ns()));
  write();
}

void Http2Speaker::submit(std::unique_ptr<Http2Stream> stream) {
  const Http2Request request(stream->job.request(), target_.authority,
                             target_.wire == Wire::Negotiated ? "https" : "http");
  Result result;
  if (!request.error().empty()) {
    result.outcome = SendOutcome::Unsendable;
    result.error = request.error();
    return finish(std::move(stream), std::move(result));
  }
  const nghttp2_data_provider provider{{.ptr = nullptr}, Callbacks::body};
  const bool body = stream->has_body() || !request.trailers().empty();
  const std::int32_t id =
      nghttp2_submit_request(session_.get(), nullptr, request.headers().data(),
                             request.headers().size(), body ? &provider : nullptr, nullptr);
  if (id < 0) {
    result.outcome = SendOutcome::Refused;
    result.error = nghttp2_strerror(id);
    return finish(std::move(stream), std::move(result));
  }
  streams_.emplace(id, std::move(stream));
}

bool Http2Speaker::gather() {
  out_.clear();
  out_sent_ = 0;
  while (out_.size() < kGatherBytes) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session_.get(), &bytes);
    if (count <= 0) break;
    out_.append(view(bytes, static_cast<std::size_t>(count)));
  }
  return !out_.empty();
}

void Http2Speaker::write() {
  if (std::exchange(writing_, true)) return;
  while (true) {
    writing_ns_ = monotonic_ns();
    if (out_sent_ == out_.size() && !gather() && !host_.transport().unflushed()) break;
    const std::array<asio::const_buffer, 1> rest{asio::buffer(out_) + out_sent_};
    const Transport::Written written =
        rest[0].size() > 0 ? host_.transport().send(rest) : host_.transport().flush();
    out_sent_ += written.bytes;
    if (!written.error.empty()) break;  // reading finds out, after what the peer said before
    if (written.again) {
      host_.await_writable();
      break;
    }
  }
  writing_ = false;
  await_pieces();
  hand_over();
}

void Http2Speaker::await_pieces() {
  std::uint64_t earliest = 0;
  for (const std::int32_t id : paused_) {
    const std::uint64_t at = streams_.at(id)->wait_until;
    earliest = earliest == 0 ? at : std::min(earliest, at);
  }
  if (earliest != 0) host_.call_at(earliest);
}

void Http2Speaker::due() {
  const std::uint64_t now = monotonic_ns();
  for (auto id = paused_.begin(); id != paused_.end();) {
    if (streams_.at(*id)->wait_until > now) {
      ++id;
      continue;
    }
    nghttp2_session_resume_data(session_.get(), *id);
    id = paused_.erase(id);
  }
  write();
}

bool Http2Speaker::read(std::span<const std::uint8_t> bytes, std::uint64_t arrived_ns) {
  arrived_ns_ = arrived_ns;
  const ssize_t used = nghttp2_session_mem_recv(session_.get(), bytes.data(), bytes.size());
  if (used < 0) {
    broken(std::string("not HTTP/2: ") + nghttp2_strerror(static_cast<int>(used)),
           SendOutcome::Garbage);
    return false;
  }
  write();  // hands over, too
  if (nghttp2_session_want_read(session_.get()) == 0 &&
      nghttp2_session_want_write(session_.get()) == 0) {
    if (!garbled_.empty()) {
      broken("not HTTP/2 as it should be: " + garbled_, SendOutcome::Garbage);
      return false;
    }
    broken("the canary ended the connection" + (goaway_.empty() ? "" : ": " + goaway_),
           SendOutcome::Reset);
    return false;
  }
  return takes_more();
}

void Http2Speaker::stream_closed(std::int32_t id, std::uint32_t code) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  std::unique_ptr<Http2Stream> stream = std::move(found->second);
  streams_.erase(found);
  paused_.erase(id);
  Result result;
  if (stream->response.complete && stream->responded()) {
    result.outcome = SendOutcome::Answered;
  } else if (code == NGHTTP2_REFUSED_STREAM || stream->begun_ns == 0) {
    result.outcome = SendOutcome::Refused;
    result.error = going_away_ ? "GOAWAY (" + goaway_ + "): not processed"
                               : "RST_STREAM (REFUSED_STREAM): not processed";
  } else {
    result.outcome = code == NGHTTP2_PROTOCOL_ERROR ? SendOutcome::Garbage : SendOutcome::Reset;
    result.error = std::string("stream ended: ") + nghttp2_http2_strerror(code);
  }
  finish(std::move(stream), std::move(result));
}

void Http2Speaker::finish(std::unique_ptr<Http2Stream> stream, Result&& result) {
  result.written_ns = stream->begun_ns;
  if (result.outcome == SendOutcome::Answered) {
    Response response = std::move(stream->response);
    conclude_response(response, stream->written_ns, result);
    result.response = std::move(response);
  }
  result.job = std::move(stream->job);
  finished_.push_back(std::move(result));
}

void Http2Speaker::hand_over() {
  for (Result& result : std::exchange(finished_, {}))
    host_.finished(std::move(result), SpeakerHost::Then::GoOn);
}

void Http2Speaker::broken(const std::string& error, SendOutcome outcome) {
  for (auto& [id, stream] : std::exchange(streams_, {})) {
    Result result;
    result.outcome = stream->begun_ns == 0 ? SendOutcome::Refused : outcome;
    result.error = error;
    finish(std::move(stream), std::move(result));
  }
  paused_.clear();
  for (Result& result : std::exchange(finished_, {}))
    host_.finished(std::move(result), SpeakerHost::Then::Close);
}

void Http2Speaker::ended(const std::string& error) {
  if (!error.empty()) return broken(error, SendOutcome::Reset);
  broken(going_away_ ? "closed after GOAWAY (" + goaway_ + ")" : "closed without a whole response",
         SendOutcome::Reset);
}

bool Http2Speaker::cancel(std::uint64_t number, SendOutcome outcome, const std::string& error) {
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const auto& entry) {
    return entry.second->job.number == number;
  });
  if (found == streams_.end()) return true;
  const std::int32_t id = found->first;
  std::unique_ptr<Http2Stream> stream = std::move(found->second);
  streams_.erase(found);
  paused_.erase(id);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  Result result;
  result.outcome = outcome;
  result.error = error;
  finish(std::move(stream), std::move(result));
  write();
  return true;
}

}  // namespace gray
