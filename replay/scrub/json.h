// JSON (RFC 8259), scrubbed in place of the text: only the values that a rule, a secret name or a
// pattern touches are written anew, every other byte stays. Strict about form, since what two
// parsers read differently could hide a secret.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/scrub/policy.h"

namespace gray {

enum class JsonResult { Bad, Same, Changed };

struct JsonOptions {
  Part part = Part::Body;
  unsigned depth = 0;                ///< documents in strings of documents
  bool many = false;                 ///< any number of documents in a row, as in NDJSON
  bool may_be_cut = false;           ///< the text is the beginning of a document
  std::vector<JsonStep> place = {};  ///< where the document stands, when it is a part of another
  std::optional<Treatment> inherited = {};  ///< of what it is a part of
};

bool looks_like_json(std::string_view text) noexcept;

/// Bad, and the text untouched, when it is not JSON, not UTF-8 or nested deeper than 200 levels.
JsonResult scrub_json(const Policy& policy, std::string& text, const JsonOptions& options);

}  // namespace gray
