// Counts what the comparisons of a run found, and says whether the canary may go on. One thread
// adds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "replay/compare/compare.h"
#include "replay/gate/field_counts.h"
#include "replay/gate/statistics.h"
#include "replay/gate/tally.h"
#include "replay/send/trial.h"
#include "userspace/base/histogram.h"

namespace gray {

struct GateOptions {
  double max_diff = 0;  ///< share (0…1) of the compared exchanges that may differ
  std::optional<std::uint64_t> max_p99_ns = {};  ///< of the canary's latency
  NoiseOptions noise = {};
  CauseSet accepted = {};  ///< causes of differences that are not held against the canary
};

struct LatencySummary {
  std::uint64_t p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;
};
LatencySummary summarize(const Histogram& histogram) noexcept;

struct Verdict {
  bool pass = false;
  bool inconclusive = false;  ///< no limit is exceeded, and too little was seen to say it is kept
  std::vector<std::string> reasons;  ///< why not pass: "differences 2.2% > 0.5%"
  int exit_code = 0;  ///< 0; 4 for differences, failed requests, nothing compared; 5 for latency

  const char* name() const noexcept {
    return pass ? "pass" : inconclusive ? "inconclusive" : "fail";
  }
};

/// How sure the figures are.
struct Confidence {
  std::uint64_t compared = 0;
  Interval different;        ///< share of exchanges that differ
  std::uint64_t needed = 0;  ///< exchanges that the limit for differences needs; 0: none
  std::uint64_t needed_for_p99 = 0;
  QuantileRatio p50, p90, p99;  ///< the canary's latency as a multiple of production's
  MannWhitney latency;
};

class Gate {
 public:
  explicit Gate(GateOptions options)
      : options_(options), fields_(options.noise, options.accepted) {}

  void add(const Trial& trial, const Comparison& comparison);
  /// Production compared with itself, by an answer of the baseline or a repeated request.
  void add_self(const Request& request, const Comparison& comparison, NoiseSource source);
  /// Marks what is noise or accepted as far as known now; the tally decides at the end.
  void mark_noise(const Request& request, Comparison& comparison) const;

  /// All that was added, decided as of now.
  Tally tally() const;
  /// Exchanges that differ, noise with them, for a progress line.
  std::uint64_t differing() const noexcept { return differing_; }
  std::uint64_t uncompared() const noexcept { return tally_.uncompared; }

  /// Passes when no more differ than may, every request was answered, the canary's p99 is within
  /// its limit, at least one exchange was compared, and, where a limit is a share or a percentile,
  /// so many were that it could have been exceeded (least_sample()). Requests that the end of the
  /// run cut off ("aborted") are not held against the canary.
  Verdict verdict() const { return verdict(tally()); }
  Verdict verdict(const Tally& tally) const;
  Confidence confidence(const Tally& tally) const;

 private:
  /// Its endpoint, or kOtherFields when there are too many.
  std::string endpoint_name(const Request& request) const;
  void add_transport(const Trial& trial, EndpointTally& endpoint);
  void add_evidence(const Tally& tally, Verdict& verdict) const;

  GateOptions options_;
  FieldCounts fields_;
  Tally tally_;  // all but what fields_ tells
  std::uint64_t differing_ = 0;
};

}  // namespace gray
