// Pairs the requests and responses of one connection by position (RFC 9112 section 9.3), gives the
// exchanges out in order of their requests. Where a gap hides how many messages are missing, a
// response goes to the request that its client can only just have sent, or stands alone. Holds
// little while nothing is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replay/protocol/registry.h"

namespace gray::http1 {

class Pairing {
 public:
  Pairing(const Connection& connection, const ConnectionNames& names, ProtocolContext& context)
      : connection_(connection), names_(names), context_(context) {}

  void set_client(unsigned side) noexcept { client_ = side; }

  /// A request line was read. `offset` is where in its direction the request begins; `pipelined`,
  /// that it came in one piece with the end of the one before.
  /// Its first byte came at `begun_ns`.
  void begin_request(const std::string& method, std::uint64_t offset, std::uint64_t begun_ns,
                     bool pipelined) noexcept;
  void end_request(Request&& request) noexcept;

  /// The method that the next (or current) response answers; empty when that request was not seen.
  const std::string& asked() const noexcept;
  /// Whether the next response answers a request of HTTP/0.9.
  bool asked_bare() const noexcept;
  /// A status line was read: from here on it is settled which request it answers.
  void begin_response(std::uint64_t offset) noexcept;
  void end_response(Response&& response) noexcept;
  /// Responses may be missing before the next one.
  void responses_lost() noexcept { lost_ = true; }
  void no_more_responses() noexcept;
  /// Whether nothing that was asked is still without its answer.
  bool all_answered() const noexcept { return unanswered() == pending_.size(); }

  void give_out() noexcept;
  /// The exchange that was answered last, which is then not given out here; nothing when others
  /// wait with it.
  std::optional<Upgrade> hand_over() noexcept;
  /// How many exchanges have begun.
  std::uint32_t positions() const noexcept { return positions_; }
  /// Gives out everything as it stands.
  void close() noexcept;

 private:
  struct Pending {
    Exchange exchange;
    OpenExchanges::Mark open;
    std::size_t kept = 0;   // of the memory budget
    bool asked = false;     // the request is as complete as it will be
    bool answered = false;  // so is the response
  };

  Pending& add(std::uint64_t offset) noexcept;
  Pending* at(std::optional<std::uint32_t> position) noexcept;
  std::size_t ready() const noexcept;
  void give_out_first(std::size_t count) noexcept;
  std::uint32_t first_position() const noexcept { return pending_.front()->exchange.position; }
  void keep(Pending& pending, const Message& message) noexcept;
  std::size_t unanswered() const noexcept;
  std::size_t choose() const noexcept;

  const Connection& connection_;
  const ConnectionNames& names_;
  ProtocolContext& context_;
  std::vector<std::unique_ptr<Pending>> pending_;  // by position, without a hole
  std::optional<std::uint32_t> asking_;            // position of the request that is being read
  std::optional<std::uint32_t> answering_;         // position; set from begin_ to end_response
  std::uint64_t answer_offset_ = 0;
  std::uint32_t positions_ = 0;
  unsigned client_ = 0;
  bool alone_ = false;  // the current response answers no request that was seen
  bool lost_ = false;
  bool pipelined_ = false;
  bool finished_ = false;
};

}  // namespace gray::http1
