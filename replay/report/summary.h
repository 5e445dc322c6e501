// Everything one run says at its end, as JSON for programs and as text for people.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/gate/gate.h"
#include "replay/schema/difference.h"
#include "replay/session/sessions.h"
#include "userspace/base/histogram.h"
#include "userspace/base/ledger.h"

namespace gray {

/// From one file of descriptors to the next one.
struct SchemaStep {
  std::string from;  ///< file names
  std::string to;
  std::vector<SchemaChange> changes;

  std::string in_short() const;  ///< "2 breaking changes, 5 compatible ones"
};

struct RunSummary {
  std::uint64_t read = 0;
  std::uint64_t selected = 0;
  std::map<std::string, std::uint64_t> skipped;  ///< by selection and by the scrubber, by name
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::map<std::string, std::uint64_t> failed;
  Tally tally;
  Histogram lateness;  ///< ns between a request's deadline and its departure
  double seconds = 0;
  Ledger ledger;
  Verdict verdict;
  Confidence confidence;
  std::vector<std::string> targets;
  std::string baseline = {};                                   ///< its URL; empty: none
  std::optional<SessionSummary> sessions;                      ///< with --learn
  std::optional<SessionSummary> baseline_sessions = {};        ///< with --learn and --baseline
  std::optional<std::vector<SchemaStep>> schema_changes = {};  ///< with several --descriptors

  double rps() const noexcept { return seconds > 0 ? static_cast<double>(sent) / seconds : 0; }
};

/// The fields of `replay --json`; `verb` is "replay" or "mirror".
nlohmann::ordered_json to_json(const RunSummary& summary, std::string_view verb);

/// Counts, what differed and how often, both latencies side by side, schedule, ledger, verdict.
void print(std::ostream& out, const RunSummary& summary);

/// The first line of what print() says: "100 read, 90 selected (8 method, 2 incomplete), …".
std::string exchange_counts(const RunSummary& summary);

}  // namespace gray
