// Header fields: credentials keep their scheme, cookies their names, URLs their form; patterns look
// at all others.
#pragma once

#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"
#include "replay/scrub/policy.h"

namespace gray {

/// False when a name or value holds what none can (RFC 9110 section 5), and so may not go on.
/// Headers that a rule drops are gone.
bool scrub_headers(const Policy& policy, Headers& headers);

/// One header's value. False when the rule is to drop it.
bool scrub_header_value(const Policy& policy, std::string_view name, std::string& value);

}  // namespace gray
