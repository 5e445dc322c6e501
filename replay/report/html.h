// --report: the result of a run as one page that needs nothing else: no script, no font, no server.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "replay/compare/compare.h"
#include "replay/report/side_by_side.h"
#include "replay/report/summary.h"
#include "replay/scrub/scrubber.h"
#include "replay/send/trial.h"

namespace gray {

/// One differing exchange, as the page shows it: scrubbed and printable.
struct TrialSample {
  std::string id;
  std::string method;
  std::string target;
  int production_status = 0;
  int canary_status = 0;
  std::vector<Difference> differences;
  std::uint64_t more = 0;
  SideBySide bodies = {};
};
/// The request in `trial` is scrubbed already, as it was sent.
TrialSample make_sample(const Trial& trial, const Comparison& comparison,
                        const Comparator& comparator, const Scrubber& scrubber);

/// Throws std::system_error. The file is readable by its owner only.
void write_html(const std::string& path, const RunSummary& summary,
                std::span<const TrialSample> samples);

std::string html_page(const RunSummary& summary, std::span<const TrialSample> samples);

}  // namespace gray
