// The rules file, read: which field gets which treatment, by name or by pattern.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "replay/scrub/json_path.h"
#include "replay/scrub/redact.h"

namespace gray {

/// The parts of a message that patterns look at.
enum class Part : std::uint8_t { Target, HeaderField, Body };

struct PatternRule {
  std::unique_ptr<const RE2> regex;
  Treatment treatment;
  bool in[3] = {true, true, true};  ///< by Part
};

struct JsonRule {
  JsonPath path;
  Treatment treatment;
};

/// Of several rules that fit a field, the first in the file counts.
struct Rules {
  bool builtin = true;
  std::string key;  ///< kKeyBytes, or empty: a key for this run is to be made
  std::unordered_map<std::string, Treatment> headers;  ///< by name in lower case
  std::unordered_map<std::string, Treatment> cookies;
  std::unordered_map<std::string, Treatment> queries;
  std::unordered_map<std::string, Treatment> forms;
  std::unordered_map<std::string, Treatment>
      protos;  ///< by "PACKAGE.MESSAGE.field", or further down
  std::vector<JsonRule> json;
  std::vector<PatternRule> patterns;
};

/// Throws UsageError, "FILE:LINE:COLUMN: what" (both from 1). A key_file is looked for beside the
/// rules file.
Rules read_rules(const std::string& path);

}  // namespace gray
