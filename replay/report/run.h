// The stages of a replay, wired: select → scrub → rewrite → send → compare → gate. It is the sink
// of an Extractor. Three threads meet here: the pipeline's calls exchange(), a sender's is inside
// send() (with a baseline one more, that send() starts), and the Judge has its own. Nothing leaves
// that the scrubber has not passed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "replay/compare/compare.h"
#include "replay/gate/gate.h"
#include "replay/protocol/exchange.h"
#include "replay/report/judge.h"
#include "replay/report/summary.h"
#include "replay/schema/schemas.h"
#include "replay/scrub/scrubber.h"
#include "replay/select/rewrite.h"
#include "replay/select/select.h"
#include "replay/send/sender.h"
#include "replay/send/window.h"
#include "replay/session/sessions.h"

namespace gray {

struct RunOptions {
  SelectOptions select;
  RequestRewriteOptions rewrite;
  std::string scrub = "builtin";  ///< a file of rules, "builtin" or "off"
  /// Files of descriptors, for gRPC messages: production's first.
  std::vector<std::string> descriptors = {};
  SendOptions send;
  CompareOptions compare;
  GateOptions gate;
  /// A second instance of production, asked the same to learn what is noise.
  std::optional<Target> baseline;
  TimeWindow window;        ///< only requests of that time
  std::size_t amplify = 1;  ///< copies of each exchange, on connections and with ids of their own
  bool learn = false;       ///< pair sessions (replay/session/sessions.h)
  std::string trials;       ///< file for a line a trial; empty: none
  std::uint64_t limit = 0;  ///< exchanges selected at most; 0: no limit
  bool force = false;       ///< send to a captured server, too
  /// A recording waits while the sender's queue is full; live traffic is dropped there, and
  /// counted.
  bool wait_for_room = false;
  /// Instead of sending: gets each request as it would be sent.
  std::function<void(const Request&)> dry_run;
};

class ReplayRun final : public ExchangeSink {
 public:
  /// Throws UsageError for a bad rule, target or file, before anything is sent.
  explicit ReplayRun(const RunOptions& options);
  ~ReplayRun() override;

  void exchange(Exchange&& exchange) override {
    boxed(std::make_unique<Exchange>(std::move(exchange)));
  }
  void boxed(std::unique_ptr<Exchange> box) override;
  void connection_end(std::uint64_t stream) override;
  /// Nothing more will come.
  void close();

  /// Sends until close() and every request has its outcome, or abort().
  void send();
  /// From the thread of exchange(): reads files of descriptors that changed; one that is broken
  /// leaves the old one in use. Returns what there is to say, a line each.
  std::vector<std::string> reload_descriptors();

  /// Any thread: ends send() at once; what has no answer yet is counted as aborted.
  void abort() noexcept;

  /// Why `server` must not be replayed to, when it is one of the targets.
  std::optional<std::string> conflict(const Endpoint& server) const;
  /// Set when a captured server turned out to be a target: the run then aborts itself.
  std::string refusal() const;

  struct Status {
    std::uint64_t read = 0;
    std::uint64_t selected = 0;
    std::uint64_t different = 0;
    SendStats send;
  };
  /// Any thread, a moment's view.
  Status status() const;

  /// After close() and send(): the end of the account that begins with `upstream` (what brought the
  /// exchanges here).
  RunSummary finish(const Ledger& upstream);
  const Judge& judge() const noexcept { return *judge_; }

 private:
  const char* refuse(const Exchange& exchange) noexcept;
  std::vector<Exchange> copies(Exchange&& exchange, const std::vector<Sessions::Pair>& pairs);
  void submit(std::unique_ptr<Exchange> copy);
  void skip(std::map<std::string, std::uint64_t>& drops, const char* name) { ++drops[name]; }
  void submit_to_baseline(const Exchange& exchange, const std::vector<Sessions::Pair>& pairs);
  void add_stages(Ledger& ledger) const;
  void add_baseline_stage(Ledger& ledger) const;
  std::vector<SchemaStep> schema_steps() const;

  RunOptions options_;
  Selector selector_;
  DescriptorFiles descriptors_;
  std::shared_ptr<CurrentSchemas> schemas_;
  Scrubber scrubber_;
  RequestRewriter rewriter_;
  std::unique_ptr<Judge> judge_;
  std::unique_ptr<Sessions> sessions_;  // null without --learn; the sender uses it
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Sessions> baseline_sessions_;  // of its own, with --learn
  std::unique_ptr<Sender> baseline_;             // null: none

  std::atomic<std::uint64_t> read_{0};
  std::atomic<std::uint64_t> selected_{0};
  std::atomic<std::uint64_t> scrubbed_{0};
  std::map<std::string, std::uint64_t> select_drops_;
  std::map<std::string, std::uint64_t> scrub_drops_;
  std::uint64_t dry_ = 0;
  std::uint64_t copies_ = 0;
  mutable std::mutex mutex_;
  std::string refusal_;
};

}  // namespace gray
