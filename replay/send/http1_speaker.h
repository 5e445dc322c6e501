// HTTP/1 to a canary: one request under way at a time (RFC 9112). A request of HTTP/2 is put into
// HTTP/1's words.
#pragma once

#include <optional>
#include <string>

#include "replay/protocol/http1/reader.h"
#include "replay/send/speaker.h"
#include "replay/send/target.h"
#include "replay/send/wire_request.h"

namespace gray {

class Http1Speaker final : public Speaker {
 public:
  Http1Speaker(SpeakerHost& host, const Target& target, std::size_t max_body);

  bool takes_more() const noexcept override { return !busy_; }
  void start(Job&& job) override;
  void writable() override { write(); }
  bool read(std::span<const std::uint8_t> bytes, std::uint64_t arrived_ns) override;
  void ended(const std::string& error) override;
  bool cancel(std::uint64_t number, SendOutcome outcome, const std::string& error) override;

 private:
  void write();
  bool unwritten() const noexcept { return written_bytes_ < total_bytes_; }
  std::array<boost::asio::const_buffer, 3> rest() const;
  void answer(SpeakerHost::Then then);
  void fail(SendOutcome outcome, std::string error);

  SpeakerHost& host_;
  const Target& target_;
  const std::size_t max_body_;

  bool busy_ = false;
  Job job_;
  WireRequest wire_;
  std::optional<ResponseReader> reader_;
  std::size_t written_bytes_ = 0;
  std::size_t total_bytes_ = 0;
  std::uint64_t begun_ns_ = 0;
  std::uint64_t written_ns_ = 0;  // the last byte was given to the kernel; 0: not yet
  std::string write_error_;
};

}  // namespace gray
