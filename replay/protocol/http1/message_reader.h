// Reads one HTTP/1 message after another out of the bytes of one direction (RFC 9112). Lenient as a
// witness must be: what a server may have understood is read and what is odd about it named (see
// anomaly.h); what is no HTTP, or has no end that could be known, ends as Bad. Owns the message
// until it is taken. Bounded memory, linear time; never throws on hostile bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"
#include "replay/protocol/http1/framing.h"
#include "replay/protocol/memory_budget.h"

namespace gray {

class BodyDigest;

enum class MessageKind : std::uint8_t { Request, Response };

enum class ReadStatus : std::uint8_t {
  NeedMore,
  Complete,  ///< take it; what feed() did not consume belongs to the next message
  Upgrade,   ///< complete, and (request) asks for or (response) is the change to another protocol
  Bad,       ///< not HTTP/1; what was read so far can be taken
};

struct ReaderLimits {
  std::size_t max_body = 16u << 20;   ///< bytes of a body that are kept; the rest is counted
  std::size_t max_head = 256u << 10;  ///< bytes of start line, headers and trailers; above is Bad
  bool hash_body = false;
  MemoryBudget* budget = nullptr;  ///< what is kept counts there; null: no limit
};

class MessageReader {
 public:
  MessageReader(MessageKind kind, const ReaderLimits& limits);
  ~MessageReader();
  MessageReader(const MessageReader&) = delete;
  MessageReader& operator=(const MessageReader&) = delete;

  /// Of responses: the method that the next one answers. HEAD and CONNECT change where it ends.
  void answers(std::string_view method) { answers_ = method; }
  /// The next response is one of HTTP/0.9: a body that ends with the connection, and nothing else.
  void begin_bare() noexcept;

  /// Reads up to the end of the message. After anything but NeedMore the message must be taken.
  ReadStatus feed(std::span<const std::uint8_t> bytes, std::uint64_t now_ns) noexcept;
  /// How many bytes of the last feed() were used.
  std::size_t consumed() const noexcept { return consumed_; }
  /// `length` bytes of the stream are missing here. NeedMore or Complete when they all are body and
  /// the end of the message is still known; Bad when not.
  ReadStatus skip(std::uint64_t length) noexcept;
  /// The connection was cut, not ended: Bad when a message was begun, else NeedMore.
  ReadStatus cut() noexcept;
  /// No more bytes will come: Complete for a body that ends with the connection, NeedMore when no
  /// message was begun, else Bad.
  ReadStatus eof() noexcept;

  bool begun() const noexcept { return begun_; }
  /// The start line was read: method and target, or status, are known.
  bool line_read() const noexcept { return place_ > Place::StartLine; }
  /// Valid once the head was read: whether the sender keeps the connection after this message.
  bool keep_alive() const noexcept { return framing_.keep_alive; }
  int status() const noexcept { return status_; }
  const std::string& method() const noexcept { return method_; }
  std::uint64_t first_byte_ns() const noexcept { return message_.first_byte_ns; }
  /// Why it is Bad, in words.
  const char* error() const noexcept { return error_; }

  /// Bytes taken from the budget for the current message; taking the message gives them back.
  std::size_t charged() const noexcept { return charged_; }

  /// The message as far as it was read; the reader then starts afresh.
  Request take_request() noexcept;
  Response take_response() noexcept;

 private:
  enum class Place : std::uint8_t {
    StartLine,
    Head,
    Body,       // left_ bytes of it, or all to the end of the connection
    ChunkSize,  // the line with it
    ChunkData,  // left_ bytes of it
    ChunkEnd,   // the empty line behind the data
    Trailers,
    End,
  };
  using Bytes = std::span<const std::uint8_t>;

  void reset() noexcept;
  void begin() noexcept;
  void touch() noexcept;
  void read(Bytes& bytes) noexcept;
  bool take_line(Bytes& bytes) noexcept;
  void understand(std::string_view line) noexcept;
  bool understand_start(std::string_view line) noexcept;
  void header_line(std::string_view line) noexcept;
  void headers_end() noexcept;
  void chunk_size(std::string_view line) noexcept;
  void take_body(Bytes& bytes) noexcept;
  void add_body(std::string_view piece) noexcept;
  void fail(const char* why) noexcept;
  /// Of a message that is listed as far as it was read: with the reason.
  void break_off(const char* why, std::string_view anomaly) noexcept;
  ReadStatus finished(bool complete) noexcept;
  bool charge(std::size_t bytes) noexcept;
  bool charge_head(std::size_t bytes) noexcept;

  const MessageKind kind_;
  const ReaderLimits limits_;
  Message message_;
  std::string method_;
  std::string start_;  // target or reason
  std::string answers_;
  std::string line_;  // of which the end has not come yet
  std::unique_ptr<BodyDigest> digest_;
  const char* error_ = "";
  http1::Framing framing_;
  std::uint64_t left_ = 0;  // of the body, or of the chunk
  std::size_t consumed_ = 0;
  std::size_t head_bytes_ = 0;
  std::size_t charged_ = 0;
  std::uint64_t now_ns_ = 0;
  int status_ = 0;
  Place place_ = Place::StartLine;
  bool begun_ = false;
  bool missing_ = false;
  bool failed_ = false;
};

}  // namespace gray
