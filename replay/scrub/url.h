// Request targets, URLs in headers, and forms: each part decoded, scrubbed by its name or by
// patterns, and encoded again only when that changed it.
#pragma once

#include <string>

#include "replay/scrub/policy.h"

namespace gray {

/// Origin-form, absolute-form, or a URL of a header. False when it holds what no URL can (control
/// characters, spaces), and it may not be let through.
bool scrub_url(const Policy& policy, Part part, std::string& url);

/// application/x-www-form-urlencoded. False when it is none: control characters.
bool scrub_form(const Policy& policy, std::string& body);

}  // namespace gray
