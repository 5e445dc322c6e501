// Two answers, part by part: headers, and bodies as trees, lines or bytes. What is added to a
// Comparison is scrubbed and printable. Used by Comparator only; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "replay/compare/answer_headers.h"
#include "replay/compare/body_tree.h"
#include "replay/compare/cause.h"
#include "replay/compare/compare.h"
#include "replay/compare/rules.h"
#include "replay/compare/shown_bodies.h"
#include "replay/compare/tree_diff.h"

namespace gray {

class AnswerDiff {
 public:
  AnswerDiff(const CompareRules& rules, std::span<const BodyMaker> makers, const Scrubber& scrubber,
             const CauseContext& context, Comparison& out)
      : rules_(rules), makers_(makers), scrubber_(scrubber), context_(context), out_(out) {}

  /// Whether the calls ended in different ways, which is then the one thing to tell.
  bool grpc_status(const AnswerHeaders& production, const AnswerHeaders& canary);

  /// Adds "PART.NAME" for each name whose values differ, `part` being "header" or "trailer".
  /// Several values of one name are one list, which RFC 9110 section 5.3 lets a server write as one
  /// value with commas.
  void headers(std::string_view part, const Headers& production, const Headers& canary);

  /// Adds a difference for each place of two bodies that some maker makes trees of, for each line
  /// of two texts, or one "body".
  void bodies(const BodySource& production, const BodySource& canary);

 private:
  void header(std::string_view part, const std::string& name,
              std::span<const std::string_view> production,
              std::span<const std::string_view> canary);
  bool trees(const BodyMaker& maker, const BodySource& production, const BodySource& canary);
  void tree_difference(const BodyMaker& maker, const TreeDifference& difference);
  void shown_difference(const BodyMaker& maker, ShownBodies& shown,
                        const TreeDifference& difference);
  bool texts(const BodySource& production, const BodySource& canary);
  void bytes(const BodySource& production, const BodySource& canary);
  Cause cause_of(const TreeDifference& difference) const;
  void note(std::string field, const CompareRule& rule) { out_.note(std::move(field), rule.why); }
  /// Of values that differ, and that scrubbing makes alike or drops: they are not told apart.
  void note_scrubbed(std::string field) { out_.note(std::move(field), "alike once scrubbed"); }
  std::string field_of(std::string_view part, bool rooted, std::span<const JsonStep> place) const;

  const CompareRules& rules_;
  std::span<const BodyMaker> makers_;
  const Scrubber& scrubber_;
  const CauseContext& context_;
  Comparison& out_;
  std::size_t looked_at_ = 0;  // bytes of what was scrubbed and shown
};

/// "$.a.b[0]" behind `start`, printable, at most kMaxShown bytes; names pass through `name`.
std::string write_place(std::string start, std::span<const JsonStep> place,
                        const std::function<std::string(std::string_view)>& name);
/// A value for people: JSON text (a string in its quotes when `quotes`), "{3 members}" or "[1
/// element]"; empty for null.
std::string show(const TreeNode* node, bool quotes = true);

}  // namespace gray
