// One request on its HTTP/2 stream: what of its body may go out when, and the response as it comes.
// Plain data and arithmetic; knows no sockets.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "replay/send/job.h"

namespace gray {

class Http2Stream {
 public:
  Http2Stream(Job&& started, std::size_t max_body, std::uint64_t now_ns);

  /// How much of the body may go into the next DATA frame at `now_ns`, at most `limit`. Pieces keep
  /// their bounds and, when Job::pace says so, their distance from the request's first byte.
  struct Piece {
    std::string_view bytes;
    bool last = false;             ///< nothing of the body is left
    std::uint64_t wait_until = 0;  ///< not 0: nothing goes before then
  };
  Piece next(std::size_t limit, std::uint64_t now_ns) const noexcept;
  void sent(std::size_t bytes) noexcept;
  /// Whether there is a body, or an end of one that comes later than the headers.
  bool has_body() const noexcept { return !body().empty() || paced_; }

  void begin_headers(std::uint64_t at_ns);
  void header(std::string_view name, std::string_view value);
  /// A header block is whole; interim responses (1xx) are read over.
  void end_headers(bool end_stream, std::uint64_t at_ns);
  void data(std::span<const std::uint8_t> bytes);
  void end_data(bool end_stream, std::uint64_t at_ns);

  bool responded() const noexcept { return final_; }  ///< the final header block is whole

  Job job;
  Response response;
  std::uint64_t begun_ns = 0;    ///< the first byte was given to the kernel; 0: not yet
  std::uint64_t written_ns = 0;  ///< the last one
  std::uint64_t wait_until = 0;  ///< when the next piece of the body is due

 private:
  const std::string& body() const noexcept { return job.request().body; }
  std::uint64_t due_ns(std::size_t piece) const noexcept;

  const std::size_t max_body_;
  const std::uint64_t started_ns_;
  bool paced_ = false;
  std::size_t offset_ = 0;
  std::size_t piece_ = 0;
  bool final_ = false;
  std::size_t header_bytes_ = 0;
};

}  // namespace gray
