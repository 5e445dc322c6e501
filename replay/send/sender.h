// Puts exchanges to the canaries: an event loop on the thread that calls run(). submit() comes from
// one other thread and never waits for a canary. Every accepted exchange gets exactly one trial;
// nothing is ever sent twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "replay/protocol/exchange.h"
#include "replay/send/lineup.h"
#include "replay/send/schedule.h"
#include "replay/send/session_hooks.h"
#include "replay/send/target.h"
#include "replay/send/tls.h"
#include "replay/send/trial.h"
#include "userspace/base/histogram.h"
#include "userspace/base/ledger.h"

namespace gray {

struct SendOptions {
  std::vector<Target> targets;  ///< an original connection stays with one, by a hash of its number
  ScheduleOptions schedule;
  Order order = Order::Connection;
  std::size_t concurrency = 256;  ///< connections open at once, over all targets
  /// To connect; and for the whole response, where one of HTTP/2 gets the time on top that the
  /// recorded messages of request and response took.
  std::uint64_t timeout_ns = 5'000'000'000;
  std::size_t queue_limit = 65'536;  ///< exchanges that wait to be sent
  std::size_t max_body = 16u << 20;  ///< bytes of a response body that are kept
  TlsOptions tls;
  /// Pairs sessions; null: requests go as they are. Outlives the sender.
  SessionHooks* sessions = nullptr;
  std::uint64_t hold_ns = 2'000'000'000;  ///< how long a request may wait for such a value
  /// The thread of run() gets real-time priority where it is permitted and has pauses enough. Not
  /// for TopSpeed and Live.
  bool urgent = false;
};

struct SendStats {
  std::uint64_t submitted = 0;  ///< with those that were refused
  std::uint64_t queue_full = 0;
  std::uint64_t answered = 0;
  std::uint64_t connect = 0;
  std::uint64_t timeout = 0;
  std::uint64_t reset = 0;
  std::uint64_t garbage = 0;
  std::uint64_t aborted = 0;  ///< with those refused because abort() or close() had been called
  std::uint64_t unsendable = 0;
  std::uint64_t refused = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t queued = 0;
  /// Of each request that was written, ns from its deadline to its first byte given to the kernel.
  /// TopSpeed and Live: from when nothing before it in its order was under way any more, so what it
  /// waited for a connection.
  Histogram lateness;
  double seconds = 0;  ///< first exchange taken up to the last trial
};

class Sender {
 public:
  /// `on_trial` runs on the thread of run(), must not throw, and holds up the sending. Raises the
  /// soft limit of open files when the concurrency needs it, and lowers the concurrency when the
  /// hard limit is too low. Throws UsageError for options that cannot be.
  Sender(SendOptions options, std::function<void(Trial&&)> on_trial);
  ~Sender();

  /// One thread submits. Scrubbed and rewritten exchanges only. False, and the exchange untouched,
  /// when queue_limit are waiting, or after close() or abort().
  bool submit(std::unique_ptr<Exchange>&& exchange);
  bool submit(Exchange&& exchange);
  /// For files, before each submit(): waits while there is no room. False after abort() or the end
  /// of run().
  bool wait_for_room();
  /// The original connection ended: the canary's is closed when its requests are done.
  void connection_end(std::uint64_t stream);
  /// Nothing more will be submitted.
  void close();

  /// The event loop. Returns when closed and every exchange has its trial, or after abort().
  void run();
  /// From any thread (not from a signal handler): run() ends at once, what is not answered is
  /// Aborted.
  void abort() noexcept;

  /// From any thread; in = out + drops + held at every moment.
  SendStats stats() const;
  /// Stage "send", unit "exchanges".
  void account(Ledger& ledger) const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace gray
