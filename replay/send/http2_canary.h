// For tests: an HTTP/2 server on 127.0.0.1 that does what a script says with each request, over
// nghttp2's server session, with TLS when it is given a certificate. A thread for each connection;
// all gone with the object.
#pragma once

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "replay/protocol/exchange.h"
#include "replay/send/scripted_canary.h"
#include "userspace/base/clock.h"
#include "userspace/base/owned.h"

namespace gray {

struct SeenStream {
  std::size_t connection = 0;
  std::int32_t id = 0;
  Headers headers;  ///< pseudo-headers, too
  Headers trailers;
  std::string body;
  std::vector<std::uint64_t> chunk_times;  ///< CLOCK_MONOTONIC of each DATA frame
  bool headers_done = false;
};

class Http2Canary {
 public:
  struct Answer {
    int status = 200;
    Headers headers = {};
    std::string body = {};
    Headers trailers = {};
    bool interim = false;  ///< 103 first
  };
  class Peer;
  /// Called at the end of each request.
  using Script = std::function<void(Peer&, const SeenStream&)>;

  explicit Http2Canary(Script script, std::uint32_t max_streams = 100, SSL_CTX* tls = nullptr)
      : script_(std::move(script)),
        max_streams_(max_streams),
        tls_(tls),
        sockets_([this](int fd, std::size_t number) { serve(fd, number); }) {}

  /// Before it is asked: a stream that is reset in the middle of its request, after so many bytes.
  void reset_after(std::int32_t id, std::size_t bytes) { resets_[id] = bytes; }

  std::string url() const {
    const std::string at = sockets_.url().substr(4);
    return (tls_ != nullptr ? "https" : "h2c") + at;
  }
  std::vector<SeenStream> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  std::size_t accepted() const { return sockets_.accepted(); }
  std::size_t most_streams() const {
    const std::lock_guard lock(mutex_);
    return most_streams_;
  }

 private:
  void serve(int fd, std::size_t number);

  const Script script_;
  const std::uint32_t max_streams_;
  SSL_CTX* const tls_;
  std::map<std::int32_t, std::size_t> resets_;
  mutable std::mutex mutex_;
  std::vector<SeenStream> seen_;
  std::size_t most_streams_ = 0;
  RawCanary sockets_;  // last: its threads use the rest
};

/// One connection, as its script sees it.
class Http2Canary::Peer {
 public:
  Peer(Http2Canary& canary, int fd, std::size_t accepted_as)
      : number(accepted_as), canary_(canary), fd_(fd) {
    nghttp2_session_callbacks* all = nullptr;
    nghttp2_session_callbacks_new(&all);
    nghttp2_session_callbacks_set_on_header_callback(all, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, on_close);
    nghttp2_session* session = nullptr;
    nghttp2_session_server_new(&session, all, this);
    session_.reset(session);
    nghttp2_session_callbacks_del(all);
    const nghttp2_settings_entry limit{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                       canary.max_streams_};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &limit, 1);
  }

  void answer(std::int32_t id, Answer answer);
  void reset(std::int32_t id, std::uint32_t code) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, code);
  }
  void goaway(std::int32_t last_id) {
    nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last_id, NGHTTP2_NO_ERROR, nullptr, 0);
  }
  /// Until the other end closes.
  void run();

  const std::size_t number;

 private:
  static Peer& self(void* user) { return *static_cast<Peer*>(user); }
  static std::string text(const std::uint8_t* bytes, std::size_t length) {
    return {reinterpret_cast<const char*>(bytes), length};
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_length, const std::uint8_t* value, std::size_t value_length,
                       std::uint8_t, void* user) {
    SeenStream& stream = self(user).stream(frame->hd.stream_id);
    (stream.headers_done ? stream.trailers : stream.headers)
        .push_back({text(name, name_length), text(value, value_length)});
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                     std::size_t length, void* user) {
    Peer& peer = self(user);
    SeenStream& stream = peer.stream(id);
    stream.body += text(bytes, length);
    const auto reset = peer.canary_.resets_.find(id);
    if (reset != peer.canary_.resets_.end() && stream.body.size() >= reset->second &&
        stream.body.size() - length < reset->second)
      peer.reset(id, NGHTTP2_INTERNAL_ERROR);
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
    self(user).streams_.erase(id);
    return 0;
  }
  static ssize_t body(nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t limit,
                      std::uint32_t* flags, nghttp2_data_source*, void* user);
  SeenStream& stream(std::int32_t id);
  bool send_all(const std::uint8_t* bytes, std::size_t count);
  bool flush();

  Http2Canary& canary_;
  const int fd_;
  Owned<SSL, SSL_free> ssl_;
  Owned<nghttp2_session, nghttp2_session_del> session_;
  std::map<std::int32_t, SeenStream> streams_;
  struct Sending {
    Answer answer;
    std::size_t sent = 0;
  };
  std::map<std::int32_t, Sending> sending_;
};

inline SeenStream& Http2Canary::Peer::stream(std::int32_t id) {
  const auto [found, fresh] = streams_.try_emplace(id);
  found->second.id = id;
  found->second.connection = number;
  if (fresh) {
    const std::lock_guard lock(canary_.mutex_);
    canary_.most_streams_ = std::max(canary_.most_streams_, streams_.size());
  }
  return found->second;
}

inline int Http2Canary::Peer::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Peer& peer = self(user);
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  SeenStream& stream = peer.stream(frame->hd.stream_id);
  stream.headers_done = true;
  if (frame->hd.type == NGHTTP2_DATA) stream.chunk_times.push_back(monotonic_ns());
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  {
    const std::lock_guard lock(peer.canary_.mutex_);
    peer.canary_.seen_.push_back(stream);
  }
  peer.canary_.script_(peer, SeenStream(stream));
  return 0;
}

inline void Http2Canary::Peer::answer(std::int32_t id, Answer answer) {
  const auto nv = [](const std::string& name, const std::string& value) {
    const auto bytes = [](const std::string& text) {
      return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return nghttp2_nv{bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  };
  if (answer.interim) {
    const std::string status_name = ":status";
    const std::string hints = "103";
    const nghttp2_nv early = nv(status_name, hints);
    nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, id, nullptr, &early, 1, nullptr);
  }
  Sending& sending = sending_[id] = {std::move(answer), 0};
  const std::string name = ":status";
  const std::string status = std::to_string(sending.answer.status);
  std::vector<nghttp2_nv> headers{nv(name, status)};
  for (const Header& header : sending.answer.headers)
    headers.push_back(nv(header.name, header.value));
  const nghttp2_data_provider provider{{.ptr = nullptr}, body};
  nghttp2_submit_response(session_.get(), id, headers.data(), headers.size(), &provider);
}

inline ssize_t Http2Canary::Peer::body(nghttp2_session* session, std::int32_t id,
                                       std::uint8_t* into, std::size_t limit, std::uint32_t* flags,
                                       nghttp2_data_source*, void* user) {
  Sending& sending = self(user).sending_.at(id);
  const std::string& all = sending.answer.body;
  const std::size_t count = std::min(limit, all.size() - sending.sent);
  std::memcpy(into, all.data() + sending.sent, count);
  sending.sent += count;
  if (sending.sent < all.size()) return static_cast<ssize_t>(count);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!sending.answer.trailers.empty()) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    std::vector<nghttp2_nv> trailers;
    for (Header& trailer : sending.answer.trailers)
      trailers.push_back({reinterpret_cast<std::uint8_t*>(trailer.name.data()),
                          reinterpret_cast<std::uint8_t*>(trailer.value.data()),
                          trailer.name.size(), trailer.value.size(), NGHTTP2_NV_FLAG_NONE});
    nghttp2_submit_trailer(session, id, trailers.data(), trailers.size());
  }
  return static_cast<ssize_t>(count);
}

inline bool Http2Canary::Peer::send_all(const std::uint8_t* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t sent = ssl_ ? SSL_write(ssl_.get(), bytes, static_cast<int>(count))
                              : ::send(fd_, bytes, count, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    count -= static_cast<std::size_t>(sent);
  }
  return true;
}

inline bool Http2Canary::Peer::flush() {
  const std::uint8_t* bytes = nullptr;
  ssize_t count = 0;
  while ((count = nghttp2_session_mem_send(session_.get(), &bytes)) > 0) {
    if (!send_all(bytes, static_cast<std::size_t>(count))) return false;
  }
  return true;
}

inline void Http2Canary::Peer::run() {
  if (canary_.tls_ != nullptr) {
    ssl_.reset(SSL_new(canary_.tls_));
    SSL_set_fd(ssl_.get(), fd_);
    if (SSL_accept(ssl_.get()) != 1) return;
  }
  std::uint8_t bytes[16384];
  while (flush()) {
    const ssize_t got =
        ssl_ ? SSL_read(ssl_.get(), bytes, sizeof(bytes)) : ::recv(fd_, bytes, sizeof(bytes), 0);
    if (got <= 0) return;
    if (nghttp2_session_mem_recv(session_.get(), bytes, static_cast<std::size_t>(got)) < 0) return;
  }
}

inline void Http2Canary::serve(int fd, std::size_t number) {
  Peer(*this, fd, number).run();
}

}  // namespace gray
