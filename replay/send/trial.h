// One exchange put to a canary: what was asked, what production answered, what the canary did.
#pragma once

#include <cstdint>
#include <string>

#include "replay/protocol/exchange.h"
#include "userspace/base/boxed.h"

namespace gray {

enum class SendOutcome : std::uint8_t {
  Answered,       ///< a whole response came
  ConnectFailed,  ///< refused, unreachable, or not connected within the time limit
  Timeout,        ///< no whole response in time
  Reset,          ///< the connection broke before the response was whole
  Garbage,        ///< what came is not HTTP
  Aborted,        ///< the run was ended first
  Unsendable,     ///< never sent: it cannot be written in the canary's protocol (a line break in a
                  ///< header, gRPC to HTTP/1)
  Refused,        ///< HTTP/2: the canary said that it did not look at it (GOAWAY, REFUSED_STREAM)
};
inline constexpr std::size_t kSendOutcomes = 8;
/// The ledger's names: "answered", "connect", "timeout", "reset", "garbage", "aborted",
/// "unsendable", "refused".
const char* to_string(SendOutcome outcome) noexcept;

struct Trial {
  /// As sent: scrubbed, coloured, rewritten; its response is production's. Always there, but in a
  /// trial that was moved from.
  Boxed<Exchange> exchange{Exchange{}};
  std::size_t target = 0;  ///< index into the run's targets
  SendOutcome outcome = SendOutcome::Aborted;
  std::string error;              ///< the reason in words, when not Answered
  Boxed<Response> canary;         ///< its response, when one came
  std::uint64_t lateness_ns = 0;  ///< how long after its deadline the request was written
  std::uint64_t latency_ns = 0;   ///< request written to first response byte
  std::uint64_t sent_ns = 0;      ///< UTC, about when the request was written; 0: not known
};

}  // namespace gray
