#include "replay/send/http1_speaker.h"

#include <algorithm>

#include "userspace/base/clock.h"

namespace gray {

namespace asio = boost::asio;

Http1Speaker::Http1Speaker(SpeakerHost& host, const Target& target, std::size_t max_body)
    : host_(host), target_(target), max_body_(max_body) {}

void Http1Speaker::start(Job&& job) {
  job_ = std::move(job);
  busy_ = true;
  begun_ns_ = written_ns_ = 0;
  wire_request(job_.request(), target_.authority, wire_);
  if (!wire_.error.empty()) {
    Result result;
    result.outcome = SendOutcome::Unsendable;
    result.error = wire_.error;
    result.job = std::move(job_);
    busy_ = false;
    return host_.finished(std::move(result), SpeakerHost::Then::GoOn);
  }
  reader_.emplace(job_.request().method, max_body_);
  total_bytes_ = wire_.head.size() + job_.request().body.size() + wire_.tail.size();
  written_bytes_ = 0;
  write_error_.clear();
  write();
}

void Http1Speaker::write() {
  while (busy_ && write_error_.empty() && (unwritten() || host_.transport().unflushed())) {
    // Before the call: on a fast path the answer is there before it returns.
    const std::uint64_t now = monotonic_ns();
    if (begun_ns_ == 0) begun_ns_ = now;
    const Transport::Written written =
        unwritten() ? host_.transport().send(rest()) : host_.transport().flush();
    written_bytes_ += written.bytes;
    if (!unwritten() && written_ns_ == 0) written_ns_ = now;
    // An answer may lie in the socket all the same (413, then closed): reading finds out.
    write_error_ = written.error;
    if (written.again) return host_.await_writable();
  }
}

std::array<asio::const_buffer, 3> Http1Speaker::rest() const {
  std::array<asio::const_buffer, 3> parts{
      asio::buffer(wire_.head), asio::buffer(job_.request().body), asio::buffer(wire_.tail)};
  std::size_t skip = written_bytes_;
  for (asio::const_buffer& part : parts) {
    const std::size_t here = std::min(skip, part.size());
    part += here;
    skip -= here;
  }
  return parts;
}

bool Http1Speaker::read(std::span<const std::uint8_t> bytes, std::uint64_t arrived_ns) {
  if (!busy_) return false;
  // A stamp from before the request, or a step of the system's clock, says nothing.
  const std::uint64_t arrived = std::max(arrived_ns, begun_ns_);
  switch (reader_->feed(bytes, arrived)) {
    case ReadStatus::NeedMore:
      return true;
    case ReadStatus::Complete: {
      const bool reusable = reader_->keep_alive() && reader_->consumed() == bytes.size() &&
                            !wire_.closes && !unwritten();
      answer(reusable ? SpeakerHost::Then::GoOn : SpeakerHost::Then::Close);
      return reusable;
    }
    case ReadStatus::Upgrade:
      answer(SpeakerHost::Then::Close);
      break;
    case ReadStatus::Bad:
      fail(SendOutcome::Garbage, std::string("not HTTP: ") + reader_->error());
      break;
  }
  return false;
}

void Http1Speaker::ended(const std::string& error) {
  if (!busy_) return;
  if (!error.empty()) return fail(SendOutcome::Reset, error);
  const bool begun = reader_->begun();
  if (reader_->eof(monotonic_ns()) == ReadStatus::Complete) return answer(SpeakerHost::Then::Close);
  std::string words = begun ? "closed in the middle of the response" : "closed without a response";
  if (!write_error_.empty()) words += " (writing: " + write_error_ + ")";
  fail(SendOutcome::Reset, std::move(words));
}

void Http1Speaker::answer(SpeakerHost::Then then) {
  Result result;
  result.outcome = SendOutcome::Answered;
  result.written_ns = begun_ns_;
  Response response = reader_->take();
  conclude_response(response, written_ns_, result);
  result.response = std::move(response);
  result.job = std::move(job_);
  busy_ = false;
  host_.finished(std::move(result), then);
}

void Http1Speaker::fail(SendOutcome outcome, std::string error) {
  Result result;
  result.outcome = outcome;
  result.error = std::move(error);
  result.written_ns = begun_ns_;
  result.job = std::move(job_);
  busy_ = false;
  host_.finished(std::move(result), SpeakerHost::Then::Close);
}

bool Http1Speaker::cancel(std::uint64_t number, SendOutcome outcome, const std::string& error) {
  if (busy_ && job_.number == number) fail(outcome, error);
  return false;
}

}  // namespace gray
