// HTTP/2 to a canary, over nghttp2: many requests at a time, each a stream. Frames, HPACK, flow
// control and the peer's limit of concurrent streams are nghttp2's; this class brings requests and
// responses to it and says when which piece of a streamed body goes out.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "replay/send/http2_stream.h"
#include "replay/send/speaker.h"
#include "replay/send/target.h"
#include "userspace/base/owned.h"

namespace gray {

class Http2Speaker final : public Speaker {
 public:
  /// Writes the connection preface with the first request, or when there is none at once.
  Http2Speaker(SpeakerHost& host, const Target& target, std::size_t max_body);
  ~Http2Speaker() override;

  bool takes_more() const noexcept override;
  void start(Job&& job) override;
  void writable() override { write(); }
  void due() override;
  bool read(std::span<const std::uint8_t> bytes, std::uint64_t arrived_ns) override;
  void ended(const std::string& error) override;
  bool cancel(std::uint64_t number, SendOutcome outcome, const std::string& error) override;

 private:
  struct Callbacks;  // nghttp2's, as static functions
  friend struct Callbacks;

  void write();
  bool gather();
  void broken(const std::string& error, SendOutcome outcome);
  void submit(std::unique_ptr<Http2Stream> stream);
  void stream_closed(std::int32_t id, std::uint32_t code);
  void finish(std::unique_ptr<Http2Stream> stream, Result&& result);
  void hand_over();
  void await_pieces();

  SpeakerHost& host_;
  const Target& target_;
  const std::size_t max_body_;
  Owned<nghttp2_session, nghttp2_session_del> session_;
  std::unordered_map<std::int32_t, std::unique_ptr<Http2Stream>> streams_;
  std::vector<Result> finished_;   // inside a callback of nghttp2 nobody is told
  std::set<std::int32_t> paused_;  // streams that wait for the time of their next piece
  std::string out_;
  std::size_t out_sent_ = 0;
  std::uint64_t arrived_ns_ = 0;
  std::uint64_t writing_ns_ = 0;
  bool going_away_ = false;
  std::string goaway_;   // why, in words
  std::string garbled_;  // why this end gave the connection up, in words
  bool writing_ = false;
};

}  // namespace gray
