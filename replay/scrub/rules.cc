#include "replay/scrub/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "replay/scrub/chars.h"
#include "replay/scrub/yaml_reader.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::size_t kMaxRules = 10'000;
constexpr std::size_t kMaxKeep = 1'000;

class RulesReader : YamlReader {
 public:
  explicit RulesReader(const std::string& path) : YamlReader("scrub rules", path) {}

  Rules read() {
    try {
      read_root(load());
    } catch (const YAML::Exception& error) {
      throw UsageError(place(error.mark) + error.msg);
    }
    return std::move(rules_);
  }

 private:
  void read_root(const YAML::Node& root);
  void read_rule(const YAML::Node& node);
  void read_pattern(const YAML::Node& node);
  void read_field(const YAML::Node& node, const Treatment& treatment);
  Treatment read_treatment(const YAML::Node& node) const;
  std::size_t read_count(const YAML::Node& node, std::string_view what) const;

  Rules rules_;
};

void RulesReader::read_root(const YAML::Node& root) {
  check_map(root, "the file", {"scrub"});
  if (!root["scrub"]) fail(root, "want 'scrub:' at the top");
  const YAML::Node scrub = root["scrub"];
  check_map(scrub, "'scrub'", {"key_file", "builtin", "rules"});
  if (const YAML::Node builtin = scrub["builtin"]) rules_.builtin = read_bool(builtin, "'builtin'");
  if (const YAML::Node list = scrub["rules"]) {
    if (!list.IsSequence() || list.size() > kMaxRules)
      fail(list, fmt::format("'rules' must be a list of at most {}", kMaxRules));
    for (const YAML::Node& rule : list) read_rule(rule);
  }
  if (const YAML::Node key_file = scrub["key_file"]) {
    const std::filesystem::path key_path = scalar(key_file, "'key_file'");
    try {
      rules_.key = read_key_file(std::filesystem::path(path()).parent_path() / key_path);
    } catch (const UsageError& error) {
      fail(key_file, error.what());
    }
  }
}

void RulesReader::read_rule(const YAML::Node& node) {
  check_map(node, "a rule", {"field", "pattern", "in", "action", "keep_first", "keep_last"});
  const YAML::Node field = node["field"], pattern = node["pattern"];
  if (!field == !pattern) fail(node, "a rule has either 'field' or 'pattern'");
  if (pattern) return read_pattern(node);
  if (node["in"]) fail(node["in"], "'in' belongs to 'pattern'");
  read_field(field, read_treatment(node));
}

Treatment RulesReader::read_treatment(const YAML::Node& node) const {
  constexpr std::array<std::pair<std::string_view, Action>, 5> kActions{
      {{"keep", Action::Keep},
       {"drop", Action::Drop},
       {"mask", Action::Mask},
       {"hash", Action::Hash},
       {"tokenize", Action::Tokenize}}};
  const YAML::Node action = node["action"];
  if (!action) fail(node, "a rule needs an 'action'");
  const std::string name = scalar(action, "'action'");
  const auto known = std::find_if(kActions.begin(), kActions.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (known == kActions.end())
    fail(action, fmt::format("unknown action '{}': want keep, drop, mask, hash or tokenize", name));
  Treatment treatment{known->second};
  for (const char* key : {"keep_first", "keep_last"}) {
    const YAML::Node count = node[key];
    if (!count) continue;
    if (treatment.action != Action::Mask) fail(count, fmt::format("'{}' belongs to mask", key));
    (std::string_view(key) == "keep_first" ? treatment.keep_first : treatment.keep_last) =
        read_count(count, key);
  }
  return treatment;
}

std::size_t RulesReader::read_count(const YAML::Node& node, std::string_view what) const {
  const std::string text = scalar(node, fmt::format("'{}'", what));
  const bool number =
      !text.empty() && text.size() <= 4 && std::all_of(text.begin(), text.end(), is_digit);
  if (!number || std::stoul(text) > kMaxKeep)
    fail(node, fmt::format("'{}' must be a number from 0 to {}", what, kMaxKeep));
  return std::stoul(text);
}

void RulesReader::read_pattern(const YAML::Node& node) {
  PatternRule rule;
  rule.treatment = read_treatment(node);
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);  // bytes: bodies need not be UTF-8
  options.set_log_errors(false);
  const YAML::Node pattern = node["pattern"];
  auto regex = std::make_unique<RE2>(scalar(pattern, "'pattern'"), options);
  if (!regex->ok()) fail(pattern, "bad pattern: " + regex->error());
  if (RE2::PartialMatch("", *regex)) fail(pattern, "the pattern matches nothing at all everywhere");
  rule.regex = std::move(regex);
  if (const YAML::Node in = node["in"]) {
    if (!in.IsSequence() || in.size() == 0)
      fail(in, "'in' must be a list of target, headers, body");
    std::fill(std::begin(rule.in), std::end(rule.in), false);
    for (const YAML::Node& part : in) {
      constexpr std::array<std::string_view, 3> kParts{"target", "headers", "body"};
      const auto known = std::find(kParts.begin(), kParts.end(), scalar(part, "a part"));
      if (known == kParts.end())
        fail(part, fmt::format("unknown part '{}': want target, headers or body", part.Scalar()));
      rule.in[known - kParts.begin()] = true;
    }
  }
  rules_.patterns.push_back(std::move(rule));
}

void RulesReader::read_field(const YAML::Node& node, const Treatment& treatment) {
  const std::string field = scalar(node, "'field'");
  const std::size_t dot = field.find('.');
  const std::string kind = field.substr(0, dot);
  std::string name = dot == std::string::npos ? "" : field.substr(dot + 1);
  if (kind == "json") {
    std::string error;
    const auto path = JsonPath::parse(name, error);
    if (!path) fail(node, fmt::format("field '{}': {}", field, error));
    rules_.json.push_back({*path, treatment});
    return;
  }
  const std::array<std::pair<std::string_view, std::unordered_map<std::string, Treatment>*>, 5>
      kinds{{{"proto", &rules_.protos},
             {"header", &rules_.headers},
             {"cookie", &rules_.cookies},
             {"query", &rules_.queries},
             {"form", &rules_.forms}}};
  for (const auto& [known, names] : kinds) {
    if (known != kind || name.empty()) continue;
    if (kind == "header") std::transform(name.begin(), name.end(), name.begin(), to_lower);
    names->emplace(name, treatment);
    return;
  }
  fail(node, fmt::format("unknown field '{}': want header.NAME, cookie.NAME, query.NAME, "
                         "form.NAME, json.PATH or proto.PACKAGE.MESSAGE.FIELD",
                         field));
}

}  // namespace

Rules read_rules(const std::string& path) {
  return RulesReader(path).read();
}

}  // namespace gray
