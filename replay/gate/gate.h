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
#include "replay/send/trial.h"
#include "userspace/base/histogram.h"

namespace gray {

struct GateOptions {
  double max_diff = 0;  ///< share (0…1) of the compared exchanges that may differ
  std::optional<std::uint64_t> max_p99_ns;  ///< of the canary's latency
};

struct LatencySummary {
  std::uint64_t p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;
};
LatencySummary summarize(const Histogram& histogram) noexcept;

/// One field that differed, for people: how often, and once in full.
struct FieldFinding {
  std::uint64_t exchanges = 0;
  std::string request;  ///< "GET /price/1"
  std::string production;
  std::string canary;
};

/// The names that wire data can make up are bounded: what is above stands under kOtherFields.
struct Tally {
  static constexpr std::size_t kMaxFields = 1'000;
  static constexpr std::size_t kMaxFindings = 100;
  static constexpr const char* kOtherFields = "…";

  std::uint64_t same = 0;
  std::uint64_t different = 0;
  std::uint64_t noise = 0;       ///< all that differs differs in production, too
  std::uint64_t uncompared = 0;  ///< answered, but production's response was not seen
  std::map<std::string, std::uint64_t> by_field;
  std::map<std::string, FieldFinding> findings;  ///< by field, with [*] for the index of an array
  Histogram production;                          ///< latency in ns
  Histogram canary;                              ///< latency in ns
  std::map<std::string, std::uint64_t> failed;   ///< requests not answered, by SendOutcome
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;

  std::uint64_t compared() const noexcept { return same + different + noise; }
};

struct Verdict {
  bool pass = false;
  std::vector<std::string> reasons;  ///< why not: "differences 2.2% > 0.5%"
  int exit_code = 0;  ///< 0; 4 for differences, failed requests, nothing compared; 5 for latency
};

class Gate {
 public:
  explicit Gate(GateOptions options) : options_(options) {}

  void add(const Trial& trial, const Comparison& comparison);
  const Tally& tally() const noexcept { return tally_; }

  /// Passes when no more differ than may, every request was answered, the canary's p99 is within
  /// its limit, and at least one exchange was compared. Requests that the end of the run cut off
  /// ("aborted") are not held against the canary.
  Verdict verdict() const;

 private:
  void count(const Trial& trial, const Comparison& comparison);

  GateOptions options_;
  Tally tally_;
};

/// "json.$.items[3].price" as "json.$.items[*].price".
std::string without_indices(const std::string& field);

}  // namespace gray
