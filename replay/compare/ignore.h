// What the user, or the default, does not want compared. Read-only once made.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/scrub/json_path.h"

namespace gray {

class IgnoreSet {
 public:
  /// `headers` are lower-case names. Throws UsageError for an ignore that is none, naming it.
  IgnoreSet(std::span<const std::string> ignores, std::span<const std::string_view> headers);

  bool status() const noexcept { return status_; }
  bool body() const noexcept { return body_; }
  bool header(const std::string& lower_case_name) const {
    return headers_.contains(lower_case_name);
  }
  bool json(std::span<const JsonStep> place) const noexcept;

 private:
  void add(std::string_view ignore);

  bool status_ = false;
  bool body_ = false;
  std::set<std::string> headers_;
  std::vector<JsonPath> json_;
};

/// ASCII letters in lower case, the rest as it is.
std::string lower_case(std::string_view text);

}  // namespace gray
