// Two answers side by side, as rows for a page: what differs with what stands around it, scrubbed
// and printable, bounded. Made on the Judge's thread, of the few exchanges that are kept to look
// at.
#pragma once

#include "replay/compare/compare.h"
#include "replay/report/row_list.h"
#include "replay/scrub/scrubber.h"
#include "replay/send/trial.h"

namespace gray {

/// Headers when something in them differs, bodies of one kind that has fields or lines, trailers.
/// Values pair as they did in `comparison`, which is of the same trial: equal subtrees are one row,
/// and of many equal siblings in a row the first are shown. Of answers whose status differs, which
/// are not compared any further, both are shown all the same.
SideBySide side_by_side(const Trial& trial, const Comparison& comparison,
                        const Comparator& comparator, const Scrubber& scrubber);

}  // namespace gray
