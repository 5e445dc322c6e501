// Production's answer and the canary's, side by side: what differs, by field, and nothing that the
// scrubber would not let out. A Comparator is read-only once made; any thread may use it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/compare/ignore.h"
#include "replay/scrub/scrubber.h"
#include "replay/send/trial.h"

namespace gray {

/// One field that differs. `field` is "status", "header.NAME" (lower case), "json.$.a.b[0]" or
/// "body". The values are scrubbed, printable and at most kMaxShown bytes: of JSON the JSON text (a
/// string in its quotes), an object or array as "{3 members}", a body as "345 bytes, differs at
/// 12". Empty is absent.
struct Difference {
  std::string field;
  std::string production;
  std::string canary;
  bool noise = false;  ///< production differs from itself here
};

struct Comparison {
  static constexpr std::size_t kMaxDifferences = 100;

  bool compared = false;  ///< false: no response of production, or the canary did not answer
  std::vector<Difference> differences;
  std::uint64_t more = 0;  ///< differences above kMaxDifferences, which are only counted

  void add(std::string field, std::string production, std::string canary);
};

struct CompareOptions {
  /// "status", "body", "header.date", "json.$.ts", "json.$.items[*].id", "json.$..ts"; what lies
  /// below an ignored JSON value is ignored, too.
  std::vector<std::string> ignores;
  bool default_ignores = true;
};

/// Status first: when it differs, it is the one difference, for headers and body follow from it.
/// Then headers (names in any case, repeated ones as the list of their values), then bodies: as
/// JSON trees when both are JSON (members in any order, numbers by value, arrays by position), else
/// byte by byte. A body that was kept in part is compared as far as it was kept.
///
/// The request went out scrubbed, so a canary may echo what scrubbing made of a value: two values
/// are also equal when production's, scrubbed, is the canary's, or the canary's scrubbed.
class Comparator {
 public:
  /// Throws UsageError for an ignore that is none, naming it. `scrubber` must outlive this.
  Comparator(const CompareOptions& options, const Scrubber& scrubber);

  Comparison compare(const Trial& trial) const;

  /// Lower-case names of the headers that are not compared unless default_ignores is false. Of
  /// set-cookie, which is not among them, the names of the cookies are compared, not their values.
  static std::span<const std::string_view> default_ignored_headers();

 private:
  IgnoreSet ignores_;
  bool cookie_values_;
  const Scrubber* scrubber_;
};

}  // namespace gray
