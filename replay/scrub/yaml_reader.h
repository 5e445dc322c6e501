// A YAML file of rules, read strictly: every key known and there once, every mistake told with
// file, line and column. What each kind of rules file is made of, its reader knows, which derives
// from this. Set-up code: throws.
#pragma once

#include <yaml-cpp/yaml.h>

#include <set>
#include <string>
#include <string_view>

namespace gray {

class YamlReader {
 protected:
  /// `what` names the kind of file in messages: "scrub rules". `path` must outlive this.
  YamlReader(std::string_view what, const std::string& path) : what_(what), path_(path) {}

  /// Throws UsageError, as all of these do: "FILE:LINE:COLUMN: what" (both from 1).
  YAML::Node load() const;
  std::string place(const YAML::Mark& mark) const;
  [[noreturn]] void fail(const YAML::Node& node, const std::string& what) const;
  void check_map(const YAML::Node& node, std::string_view what,
                 const std::set<std::string>& known) const;
  std::string scalar(const YAML::Node& node, std::string_view what) const;
  bool read_bool(const YAML::Node& node, std::string_view what) const;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string_view what_;
  const std::string& path_;
};

}  // namespace gray
