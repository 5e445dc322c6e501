// Regexes of the command line: RE2, so that no text from the wire costs more than linear time.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>
#include <string_view>

namespace gray {

/// Throws UsageError: "--allow-url '(': missing ): (". Matches bytes, not UTF-8: targets and
/// headers may hold any.
std::unique_ptr<const RE2> compile_regex(const std::string& source, std::string_view option);

/// Whether `regex` matches anywhere in `text`.
bool found(const RE2& regex, std::string_view text) noexcept;

}  // namespace gray
