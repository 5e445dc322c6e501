// How the user, or the default, wants fields compared: not at all, within a tolerance, spelled
// alike, as a set. Read-only once made; any thread may use one.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/compare/normalize.h"
#include "replay/compare/options.h"
#include "replay/compare/tree.h"
#include "replay/scrub/json_path.h"

namespace gray {

/// Which fields: "status", "body", "header.NAME", "trailer.NAME", "form.NAME", "text[*]",
/// "json.$.a[*].b", "proto.$..c". `part` is what stands before the first dot or bracket.
struct FieldPattern {
  std::string part;
  std::optional<JsonPath> path;  ///< absent: the whole part

  /// Throws UsageError, "'FIELD': what is wrong".
  static FieldPattern parse(std::string_view field);
  bool matches(std::string_view part_of_place, std::span<const JsonStep> place) const noexcept;
};

struct CompareRule {
  FieldPattern field;
  std::string why;  ///< for the report: "--ignore header.date", "RULES.yaml:7", "default"
  bool ignore = false;
  std::optional<double> absolute;         ///< numbers may differ by so much
  std::optional<double> relative;         ///< and by this share of the larger one
  std::optional<std::int64_t> within_ns;  ///< times may differ by so much
  std::vector<Normalizer> normalizers;
  bool set = false;  ///< of an array: the order of its elements does not count
  std::string key;   ///< of an array: elements pair by this member, in any order
};

class CompareRules {
 public:
  /// Throws UsageError: for an ignore that is none, naming it; for a mistake in the file with file,
  /// line and column. `default_headers` are lower-case names.
  CompareRules(const CompareOptions& options, std::span<const std::string_view> default_headers);

  const CompareRule* ignores_status() const noexcept { return status_; }
  const CompareRule* ignores_body() const noexcept { return body_; }
  /// What stands for the default in a report.
  const CompareRule& by_default() const noexcept { return default_rule_; }
  /// The rule that ignores this place or one that it is in; null: it is compared.
  const CompareRule* ignoring(std::string_view part,
                              std::span<const JsonStep> place) const noexcept;
  /// The rule of their place by which two values that differ are equal; null: they are not.
  const CompareRule* allowing(std::string_view part, std::span<const JsonStep> place,
                              const TreeNode& production, const TreeNode& canary) const;
  /// A value as it is compared.
  std::string normalized(std::string_view part, std::span<const JsonStep> place,
                         std::string_view text) const;
  /// The rule that makes an array a set, or pairs its elements.
  const CompareRule* array_rule(std::string_view part,
                                std::span<const JsonStep> place) const noexcept;

  bool has_array_rules() const noexcept { return arrays_; }
  bool has_value_rules() const noexcept { return values_; }
  bool default_ignores() const noexcept { return default_ignores_; }
  std::int64_t timing_tolerance_ns() const noexcept { return timing_tolerance_ns_; }

 private:
  friend class CompareRulesReader;
  void index();

  std::vector<CompareRule> rules_;
  std::set<std::string, std::less<>> default_headers_;
  CompareRule default_rule_;
  const CompareRule* status_ = nullptr;
  const CompareRule* body_ = nullptr;
  bool arrays_ = false;
  bool values_ = false;
  bool default_ignores_ = true;
  std::int64_t timing_tolerance_ns_ = 2'000'000'000;
};

/// ASCII letters in lower case, the rest as it is.
std::string lower_case(std::string_view text);

}  // namespace gray
