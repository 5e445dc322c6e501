// A request on its way to a canary, and what became of it.
#pragma once

#include <cstdint>
#include <string>

#include "replay/send/lineup.h"
#include "replay/send/trial.h"

namespace gray {

/// The reason of every SendOutcome::Aborted.
inline constexpr const char* kAborted = "the run was ended first";

struct Job {
  Waiting waiting;
  std::size_t target = 0;
  std::uint64_t number = 0;      ///< unique among those of a pool
  std::uint64_t expires_ns = 0;  ///< CLOCK_MONOTONIC
  double pace =
      0;  ///< the pieces of a streamed body go at this times the recorded speed; 0: at once

  const Request& request() const noexcept { return waiting.exchange->request; }
};

/// Times are of CLOCK_MONOTONIC, but for those in the response (UTC).
struct Result {
  Job job;
  SendOutcome outcome = SendOutcome::Aborted;
  std::string error;
  Boxed<Response> response;
  std::uint64_t written_ns = 0;  ///< its first byte was given to the kernel; 0: never
  std::uint64_t latency_ns = 0;
};

}  // namespace gray
