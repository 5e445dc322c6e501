// What was asked before: whether the canary has been asked the same already, and what production
// answered the last time. Bounded: the oldest is forgotten first. One thread uses one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "replay/protocol/exchange.h"
#include "replay/report/fifo_map.h"

namespace gray {

class RequestMemory {
 public:
  static constexpr std::size_t kMaxAsked = 65'536;
  static constexpr std::size_t kMaxAnswers = 4'096;
  static constexpr std::size_t kMaxAnswerBytes = 16u << 20;
  static constexpr std::uint64_t kWindowNs = 600'000'000'000;

  /// Whether an earlier exchange within kWindowNs (by production's clock) was this very one, put to
  /// the canary once more, or had the same Idempotency-Key, X-Idempotency-Key or X-Request-Id with
  /// the same method and path. Remembers this one. GET, HEAD, OPTIONS and TRACE may be repeated
  /// without effect (RFC 9110 section 9.2.1): of them only a key of idempotency counts.
  bool asked_before(const Exchange& exchange);

  /// What is asked, and by whom: method, target, body and headers. Headers that name one request
  /// or its way (X-Request-Id, traceparent, Via, ...) do not count: who asks does, for two users'
  /// answers are not noise.
  static std::string question(const Request& request);
  /// Production's answer to the last such request that was remembered; null without one. Valid
  /// until another is remembered.
  const Response* previous_answer(const std::string& question) const;
  /// Takes the answer for the next such request, in place of the one before.
  void remember(std::string&& question, Exchange&& exchange);

 private:
  bool seen(std::string key, std::uint64_t now_ns);
  void forget_answers();

  FifoMap<std::uint64_t> asked_;  // production's time
  FifoMap<Response> answers_;
  std::size_t answer_bytes_ = 0;
};

}  // namespace gray
