// Production's answer and the canary's, side by side: what differs, by field, why, and nothing that
// the scrubber would not let out. A Comparator is read-only once made; any thread may use it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/compare/cause.h"
#include "replay/compare/options.h"
#include "replay/compare/rules.h"
#include "replay/scrub/scrubber.h"
#include "replay/send/trial.h"

namespace gray {

/// One field that differs. `field` is "status", "header.NAME" (lower case), "trailer.NAME",
/// "json.$.a.b[0]", "proto.$.a.b[0]", "form.NAME", "text[LINE]" (from 0) or "body". The values are
/// scrubbed, printable and at most kMaxShown bytes: of JSON the JSON text (a string in its quotes),
/// an object or array as "{3 members}", a body as "345 bytes, differs at 12". Empty is absent.
struct Difference {
  std::string field;
  std::string production;
  std::string canary;
  bool noise = false;  ///< production differs from itself here
  Cause cause = Cause::Value;
};

/// A field that differs and was not to be looked at.
struct Ignored {
  std::string field;
  std::string why;  ///< "default", "--ignore header.date", "RULES.yaml:7"
};

struct Comparison {
  static constexpr std::size_t kMaxDifferences = 100;
  static constexpr std::size_t kMaxIgnored = 100;
  static constexpr std::size_t kMaxCompatible = 100;

  bool compared = false;  ///< false: no response of production, or the canary did not answer
  std::vector<Difference> differences;
  std::uint64_t more = 0;  ///< differences above kMaxDifferences, which are only counted
  std::vector<Ignored> ignored;
  /// Fields that the canary added and production's clients pass over: no differences.
  std::vector<std::string> compatible;

  void add(std::string field, std::string production, std::string canary,
           Cause cause = Cause::Value);
  void add_uncounted() { ++more; }
  bool notes_more() const noexcept { return ignored.size() < kMaxIgnored; }
  void note(std::string field, std::string why);
  void add_compatible(std::string field);
};

class AnswerDiff;

/// Two answers to one request.
struct Answers {
  const Exchange& exchange;  ///< whose request was asked
  const Response& production;
  const Response& other;  ///< the canary's, the baseline's, or production's own on another day
  std::optional<std::int64_t> offset_ns = {};  ///< how much later it was given; absent: not known
  bool repeated = false;                       ///< it was put to the canary before
};

/// Status first: when it differs, it is the one difference, for headers and body follow from it.
/// The same holds for the status of a gRPC call, "trailer.grpc-status", and its message. Then
/// headers (names in any case, repeated ones as the list of their values), then bodies: as trees
/// where both are of a kind that has one (members in any order, numbers by value, arrays by
/// position unless a rule says otherwise), as lines when both are text, else byte by byte; then
/// trailers. A body that was kept in part is compared as far as it was kept.
///
/// The request went out scrubbed, so a canary may echo what scrubbing made of a value: two values
/// are also equal when production's, scrubbed, is the canary's, or the canary's scrubbed.
class Comparator {
 public:
  /// Throws UsageError for an ignore that is none, naming it, and for a rules file with a mistake.
  /// `scrubber` must outlive this.
  Comparator(const CompareOptions& options, const Scrubber& scrubber);

  Comparison compare(const Trial& trial, bool repeated = false) const;
  Comparison compare(const Answers& answers) const;

  /// How much later than production's the answer of a trial came; absent: not known.
  static std::optional<std::int64_t> offset_of(const Trial& trial) noexcept;

  /// Lower-case names of the headers that are not compared unless default_ignores is false. Of
  /// set-cookie, which is not among them, the names of the cookies are compared, not their values.
  static std::span<const std::string_view> default_ignored_headers();

  /// The kinds of bodies it knows, and a body without its coding, for those who show them.
  std::span<const BodyMaker> makers() const noexcept { return makers_; }
  const CompareRules& rules() const noexcept { return rules_; }
  /// `decoded` keeps what had to be made.
  BodySource body_of(const Exchange& exchange, const Response& response,
                     std::string& decoded) const;

 private:
  void compare_bodies(const Answers& answers, AnswerDiff& diff) const;

  CompareRules rules_;
  std::vector<BodyMaker> makers_;
  const Scrubber* scrubber_;
};

}  // namespace gray
