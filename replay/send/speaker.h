// What is spoken on an established connection: HTTP/1 (http1_speaker.h) or HTTP/2
// (http2_speaker.h). It writes requests and reads responses; the Connection it belongs to owns the
// socket and waits.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "replay/send/job.h"
#include "replay/send/transport.h"

namespace gray {

/// What a speaker may ask of its connection.
class SpeakerHost {
 public:
  virtual ~SpeakerHost() = default;
  virtual Transport& transport() noexcept = 0;
  /// Calls Speaker::writable() when the socket takes bytes again.
  virtual void await_writable() = 0;
  /// Calls Speaker::due() at that time (CLOCK_MONOTONIC), or earlier.
  virtual void call_at(std::uint64_t at_ns) = 0;
  /// A job is over. `closing`: the connection ends with it.
  enum class Then : std::uint8_t { GoOn, Close };
  virtual void finished(Result&& result, Then then) = 0;
};

class Speaker {
 public:
  virtual ~Speaker() = default;
  /// Another job may be started now.
  virtual bool takes_more() const noexcept = 0;
  virtual void start(Job&& job) = 0;
  virtual void writable() = 0;
  virtual void due() {}
  /// Bytes from the peer. False: the connection is of no more use, though jobs may go on.
  virtual bool read(std::span<const std::uint8_t> bytes, std::uint64_t arrived_ns) = 0;
  /// The peer closed, or the connection broke (`error`): every job gets its result.
  virtual void ended(const std::string& error) = 0;
  /// Ends one job. False: the connection must end with it.
  virtual bool cancel(std::uint64_t number, SendOutcome outcome, const std::string& error) = 0;
};

/// Fills in what both kinds do alike at the end of a whole response: latency, and times as UTC.
void conclude_response(Response& response, std::uint64_t written_ns, Result& result);

}  // namespace gray
