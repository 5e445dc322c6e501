// What is said about the reading of captures when it has ended: the last lines of `requests`, and
// what `replay` adds to its ledger. Any thread; writes nothing itself.
#pragma once

#include <cstdint>
#include <string>

#include "replay/protocol/extractor.h"

namespace gray {

/// Lines, each begun with the verb. Of the exchanges `listed` were asked for; `late` of their lines
/// came behind their place.
std::string requests_summary(const ExtractorSummary& summary, std::uint64_t listed,
                             std::uint64_t late);

/// "12B skipped, which are of no message that could be read"; empty when there are none.
std::string bytes_skipped(const ExtractorSummary& summary);

/// "12 packets of a link type that is not read"; empty when there are none.
std::string packets_unread(const ExtractorSummary& summary);

}  // namespace gray
