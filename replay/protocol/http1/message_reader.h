// Reads one HTTP/1 message after another out of the bytes of one direction (RFC 9112), on llhttp.
// Lenient as a witness must be: what a server may have understood is read, what is doubtful ends as
// Bad. Owns the message until it is taken. Bounded memory; never throws on hostile bytes.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"
#include "replay/protocol/memory_budget.h"

namespace gray {

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
  bool line_read() const noexcept { return line_read_; }
  bool head_read() const noexcept { return head_read_; }
  /// Valid once head_read(): whether the sender keeps the connection after this message.
  bool keep_alive() const noexcept { return keep_alive_; }
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
  struct Callbacks;
  struct Digest;

  void reset() noexcept;
  void touch() noexcept;
  ReadStatus run(std::span<const std::uint8_t> bytes) noexcept;
  ReadStatus finished(bool complete) noexcept;
  void finish_message() noexcept;
  bool charge(std::size_t bytes) noexcept;
  bool add(std::string& to, std::string_view piece) noexcept;
  bool add_header(std::string_view piece, bool is_name) noexcept;
  int headers_complete() noexcept;
  void add_body(std::string_view piece) noexcept;
  bool read_line(std::span<const std::uint8_t>& bytes) noexcept;
  bool understand_line() noexcept;

  const MessageKind kind_;
  const ReaderLimits limits_;
  llhttp_t parser_;
  Message message_;
  std::string method_;
  std::string start_;  // target or reason
  std::string answers_;
  std::unique_ptr<Digest> digest_;
  const char* error_ = "";
  std::size_t consumed_ = 0;
  std::size_t head_bytes_ = 0;
  std::size_t charged_ = 0;
  std::uint64_t now_ns_ = 0;
  int status_ = 0;
  bool begun_ = false;
  bool line_read_ = false;
  bool head_read_ = false;
  bool in_name_ = false;
  bool in_chunk_ = false;
  bool missing_ = false;
  bool ended_ = false;
  bool upgrade_ = false;
  bool keep_alive_ = false;
};

}  // namespace gray
