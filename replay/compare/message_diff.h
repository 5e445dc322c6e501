// The parts of a response other than its JSON: headers, and bodies as they come. Pure functions;
// what they add is scrubbed.
#pragma once

#include "replay/compare/compare.h"

namespace gray {

enum class CookieValues : bool { Ignored, Compared };

/// Adds "header.NAME" for each name, not ignored, whose values differ. Several values of one name
/// are one list, which RFC 9110 section 5.3 lets a server write as one value with commas.
void compare_headers(const Headers& production, const Headers& canary, const IgnoreSet& ignores,
                     CookieValues cookies, const Scrubber& scrubber, Comparison& out);

/// Adds "json.PATH" for each difference of two JSON bodies, or one "body".
void compare_bodies(const Response& production, const Response& canary, const IgnoreSet& ignores,
                    const Scrubber& scrubber, Comparison& out);

/// Adds "json.PATH" for each difference. False, and nothing added, when one of them is not JSON, or
/// does not stay JSON when it is scrubbed.
bool compare_json(const std::string& production, const std::string& canary,
                  const IgnoreSet& ignores, const Scrubber& scrubber, Comparison& out);

}  // namespace gray
