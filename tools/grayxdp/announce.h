// The line that says that a verb listens, and how: scripts wait for it.
#pragma once

#include <string_view>

#include "tools/grayxdp/live_flags.h"

namespace gray {

/// "capture: listening on eth0 (tap mode, ...)" to stderr. `facts` are of what is attached.
void announce(std::string_view verb, const LiveFlags& live, const LiveFacts& facts);

}  // namespace gray
