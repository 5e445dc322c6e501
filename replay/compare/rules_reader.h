// The file of comparing rules, read into CompareRules. Set-up code: throws UsageError with file,
// line and column.
#pragma once

#include <string>

#include "replay/compare/rules.h"
#include "replay/scrub/yaml_reader.h"

namespace gray {

class CompareRulesReader : YamlReader {
 public:
  CompareRulesReader(const std::string& path, CompareRules& rules)
      : YamlReader("compare rules", path), rules_(rules) {}
  void read();

 private:
  void read_root(const YAML::Node& root);
  void read_rule(const YAML::Node& node);
  void read_normalizers(const YAML::Node& node, CompareRule& rule) const;
  void read_replace(const YAML::Node& node, CompareRule& rule) const;
  double number(const YAML::Node& node, std::string_view what) const;
  std::uint64_t duration(const YAML::Node& node, std::string_view what) const;
  double share(const YAML::Node& node) const;

  CompareRules& rules_;
};

}  // namespace gray
