// The thread that compares: takes trials from the sender, compares them, keeps the tally, writes
// the trials file. A thread of its own, so that comparing never delays a request or its time
// stamps.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "replay/compare/compare.h"
#include "replay/gate/gate.h"
#include "replay/report/html.h"
#include "replay/report/pairing.h"
#include "replay/report/request_memory.h"
#include "replay/report/trials.h"
#include "replay/scrub/scrubber.h"
#include "replay/send/trial.h"
#include "userspace/base/ledger.h"

namespace gray {

class Judge {
 public:
  /// `trials` is a path, or empty for no file. Throws UsageError, std::system_error.
  /// With `baseline`, a trial is judged together with the baseline's of the same exchange; without,
  /// production's noise is learned from its answers to repeated requests.
  Judge(const CompareOptions& compare, const GateOptions& gate, const Scrubber& scrubber,
        const std::string& trials, bool baseline = false);
  ~Judge();

  /// From one thread. Waits while kMaxWaiting trials are undecided: memory stays bounded, and the
  /// sender's own queue, which does drop, takes the strain.
  void add(Trial&& trial);
  /// The same, of the baseline, and from any one other thread.
  void add_baseline(Trial&& trial);
  /// Decides what waits and ends the thread. The rest is valid after that only.
  void finish();

  const Gate& gate() const noexcept { return gate_; }
  const std::vector<TrialSample>& samples() const noexcept { return samples_; }
  std::error_code trials_failure() const;
  std::uint64_t trials_written() const;
  /// Adds "compare": answered trials in, compared ones out.
  void account(Ledger& ledger) const;

  /// A moment's view of how many differ, for the progress line; any thread.
  std::uint64_t different() const;

 private:
  static constexpr std::size_t kMaxWaiting = 8192;
  static constexpr std::size_t kMaxSamples = 100;

  struct Arrival {
    Arrival(Trial&& whose, bool of_baseline) : trial(std::move(whose)), is_baseline(of_baseline) {}
    Trial trial;
    bool is_baseline;
  };

  void put(Trial&& trial, bool is_baseline);
  void run();
  void take(Arrival&& arrival);
  void judge(Trial&& trial, const Trial* baseline);
  void learn_from_baseline(const Exchange& exchange, const Trial& baseline);
  void learn_from_repeat(const Exchange& exchange, const std::string& question);
  void keep_sample(const Trial& trial, const Comparison& comparison);

  Scrubber scrubber_;
  Comparator comparator_;
  Gate gate_;
  std::unique_ptr<TrialWriter> writer_;
  bool baseline_;
  Pairing pairing_;
  RequestMemory memory_;
  std::vector<TrialSample> samples_;
  std::set<std::string> sampled_;  // "endpoint field cause" of what some sample shows
  std::uint64_t answered_ = 0;
  std::uint64_t compared_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Arrival> waiting_;
  std::uint64_t different_ = 0;
  bool finishing_ = false;
  std::thread thread_;
};

}  // namespace gray
