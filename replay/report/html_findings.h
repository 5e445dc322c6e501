// The sections of the page beside verdict, samples and ledger: endpoints, latency curves, causes,
// noise. HTML text; what stands in it is escaped. No script: the table sorts by style alone.
#pragma once

#include <string>

#include "replay/report/html_trees.h"
#include "replay/report/summary.h"

namespace gray {

std::string html_escape(std::string_view text);
/// Sorted by requests, differences or the canary's p99, as the reader chooses.
std::string html_endpoints(const Tally& tally);
/// Both sides' latency by percentile, as an SVG with logarithmic axes; empty without values.
std::string html_latency_curves(const Tally& tally);
/// Each cause with its endpoints, one example each with both bodies where `bodies` has them, and
/// where it stands in the capture.
std::string html_causes(const Tally& tally, BodiesOf& bodies);
/// What was left out of the verdict, and why.
std::string html_noise(const Tally& tally);
/// What changed from one file of descriptors to the next, the breaking changes first.
std::string html_schema_changes(const std::vector<SchemaStep>& steps);
/// How sure the figures are, in sentences.
std::string html_confidence(const Confidence& confidence);

}  // namespace gray
