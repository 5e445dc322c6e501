// Reads the response to one request from the bytes of a connection: the sender's side of HTTP/1,
// with the same code that reads production's responses. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "replay/protocol/http1/message_reader.h"

namespace gray {

class ResponseReader {
 public:
  using Status = ReadStatus;

  /// `request_method` decides where the response ends (HEAD, CONNECT). Of the body, max_body bytes
  /// are kept and all are counted.
  explicit ResponseReader(const std::string& request_method, std::size_t max_body);

  /// Interim responses (1xx but 101) are read over. Upgrade: the response is complete, and what
  /// follows it is another protocol.
  Status feed(std::span<const std::uint8_t> bytes, std::uint64_t now_ns);
  /// The peer closed: Complete when that is how the response ends, else Bad.
  Status eof(std::uint64_t now_ns);

  /// The response as far as it was read; complete says whether that is all of it. Once.
  Response take();
  /// Whether another request may follow on this connection; asked before take().
  bool keep_alive() const noexcept { return reader_.keep_alive(); }
  /// How many bytes of the last feed() were used; more than that is not this response.
  std::size_t consumed() const noexcept { return consumed_; }
  /// A status line was read: what came is HTTP.
  bool begun() const noexcept { return reader_.line_read(); }
  /// Why it is Bad, in words.
  const char* error() const noexcept { return reader_.error(); }

 private:
  MessageReader reader_;
  std::string method_;
  std::size_t consumed_ = 0;
};

}  // namespace gray
