// Values as they stand in URLs, forms, cookies and headers: percent-encoded (RFC 3986 section 2.1),
// perhaps twice, perhaps with a JSON document inside. They are decoded, scrubbed and, when that
// changed them, encoded again.
#pragma once

#include <string>
#include <string_view>

#include "replay/scrub/policy.h"

namespace gray {

/// "%41", and "%u0041" of old JavaScript; an incomplete escape stays as it is, as servers leave it.
std::string percent_decode(std::string_view text);
/// application/x-www-form-urlencoded: a plus is a space, but for a first one, which people mean.
std::string form_decode(std::string_view text);
/// All but the unreserved characters of RFC 3986.
std::string percent_encode(std::string_view text);
/// The same, but a space is a plus, and `*` stays.
std::string form_encode(std::string_view text);

/// Any decoded value: as the JSON document that it may be, else by patterns, also where it is
/// percent-encoded. True when it was changed.
bool scrub_value(const Policy& policy, Part part, std::string& value, unsigned depth = 0);

}  // namespace gray
