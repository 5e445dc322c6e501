// What is to be done to a field, and the doing: the user's rules first, then the built-in set. The
// parsers of each encoding ask here. Const after construction; any thread may use it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/scrub/finding.h"
#include "replay/scrub/redact.h"
#include "replay/scrub/rules.h"

namespace gray {

class Policy {
 public:
  explicit Policy(Rules rules);

  // The treatment of a whole value by the name of its field; nothing when only patterns look at it.
  std::optional<Treatment> header(std::string_view name) const;
  std::optional<Treatment> cookie(std::string_view name) const;
  std::optional<Treatment> query(std::string_view name, std::string_view value) const;
  std::optional<Treatment> form(std::string_view name, std::string_view value) const;
  /// What a rule says; then what the value is in inherits; then the built-in names.
  std::optional<Treatment> json(std::span<const JsonStep> place,
                                const std::optional<Treatment>& inherited) const;

  /// `places` are the names a rule may give the field: "shop.v1.User.phone", and those of the same
  /// field seen from messages further out, "shop.v1.Order.user.phone". Else as json().
  std::optional<Treatment> proto(std::span<const std::string> places, std::string_view name,
                                 const std::optional<Treatment>& inherited) const;
  bool has_proto_rules() const noexcept { return !rules_.protos.empty(); }
  /// Their fields, "shop.v1.User.phone", in order.
  std::vector<std::string> proto_rules() const;

  /// Patterns, the rules' and the built-in ones, over decoded text. True when it was changed.
  bool scrub_text(Part part, std::string& text) const;

  const Redactor& redactor() const noexcept { return redactor_; }

 private:
  struct Treated {
    Finding where;
    Treatment treatment;
  };
  static bool starts_before(const Treated& a, const Treated& b) noexcept;
  // Both leave `found` in order and without overlaps.
  void find_by_rules(Part part, std::string_view text, std::vector<Treated>& found) const;
  std::string redact(const Treated& hit, std::string_view secret) const;
  void find_builtin(std::string_view text, std::vector<Treated>& found) const;

  Rules rules_;
  Redactor redactor_;
};

}  // namespace gray
