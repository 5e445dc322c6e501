#include "replay/compare/rules_reader.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "userspace/base/errors.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

constexpr std::size_t kMaxRules = 10'000;

}  // namespace

void CompareRulesReader::read() {
  try {
    read_root(load());
  } catch (const YAML::Exception& error) {
    throw UsageError(place(error.mark) + error.msg);
  }
}

void CompareRulesReader::read_root(const YAML::Node& root) {
  check_map(root, "the file", {"compare"});
  if (!root["compare"]) fail(root, "want 'compare:' at the top");
  const YAML::Node compare = root["compare"];
  check_map(compare, "'compare'", {"default_ignores", "timing_tolerance", "rules"});
  if (const YAML::Node node = compare["default_ignores"])
    if (!read_bool(node, "'default_ignores'")) rules_.default_ignores_ = false;
  if (const YAML::Node node = compare["timing_tolerance"])
    rules_.timing_tolerance_ns_ = static_cast<std::int64_t>(duration(node, "'timing_tolerance'"));
  const YAML::Node list = compare["rules"];
  if (!list) return;
  if (!list.IsSequence() || list.size() > kMaxRules)
    fail(list, fmt::format("'rules' must be a list of at most {}", kMaxRules));
  for (const YAML::Node& rule : list) read_rule(rule);
}

void CompareRulesReader::read_rule(const YAML::Node& node) {
  check_map(node, "a rule",
            {"field", "ignore", "absolute", "relative", "within", "normalize", "replace", "round",
             "truncate", "set", "key"});
  if (!node["field"]) fail(node, "a rule needs a 'field'");
  if (node.size() < 2) fail(node, "a rule says what to do with its field");
  CompareRule rule;
  try {
    rule.field = FieldPattern::parse(scalar(node["field"], "'field'"));
  } catch (const UsageError& error) {
    fail(node["field"], std::string("field ") + error.what());
  }
  rule.why =
      fmt::format("{}:{}", std::filesystem::path(path()).filename().string(), node.Mark().line + 1);
  if (node["ignore"]) rule.ignore = read_bool(node["ignore"], "'ignore'");
  if (node["absolute"]) rule.absolute = number(node["absolute"], "'absolute'");
  if (node["relative"]) rule.relative = share(node["relative"]);
  if (node["within"])
    rule.within_ns = static_cast<std::int64_t>(duration(node["within"], "'within'"));
  if (node["set"]) rule.set = read_bool(node["set"], "'set'");
  if (node["key"]) rule.key = scalar(node["key"], "'key'");
  if (node["key"] && rule.key.empty()) fail(node["key"], "'key' must name a member");
  read_normalizers(node, rule);
  if ((rule.field.part == "status" || rule.field.part == "body") && !rule.ignore)
    fail(node["field"], fmt::format("'{}' can only be ignored", rule.field.part));
  rules_.rules_.push_back(std::move(rule));
}

void CompareRulesReader::read_normalizers(const YAML::Node& node, CompareRule& rule) const {
  using Kind = Normalizer::Kind;
  constexpr std::array<std::pair<std::string_view, Kind>, 4> kNames{{{"lower", Kind::Lower},
                                                                     {"trim", Kind::Trim},
                                                                     {"spaces", Kind::Spaces},
                                                                     {"sort", Kind::Sort}}};
  if (const YAML::Node list = node["normalize"]) {
    if (!list.IsSequence() || list.size() == 0)
      fail(list, "'normalize' must be a list of lower, trim, spaces, sort");
    for (const YAML::Node& entry : list) {
      const std::string name = scalar(entry, "a normalizer");
      const auto known = std::find_if(kNames.begin(), kNames.end(),
                                      [&](const auto& pair) { return pair.first == name; });
      if (known == kNames.end())
        fail(entry, fmt::format("unknown normalizer '{}': want lower, trim, spaces or sort", name));
      rule.normalizers.push_back({.kind = known->second, .regex = {}, .with = {}});
    }
  }
  if (node["replace"]) read_replace(node["replace"], rule);
  if (const YAML::Node round = node["round"]) {
    const double step = number(round, "'round'");
    if (step <= 0) fail(round, "'round' must be above 0");
    rule.normalizers.push_back({.kind = Kind::Round, .regex = {}, .with = {}, .step = step});
  }
  if (const YAML::Node truncate = node["truncate"])
    rule.normalizers.push_back({.kind = Kind::Truncate,
                                .regex = {},
                                .with = {},
                                .step_ns = duration(truncate, "'truncate'")});
}

void CompareRulesReader::read_replace(const YAML::Node& node, CompareRule& rule) const {
  check_map(node, "'replace'", {"pattern", "with"});
  if (!node["pattern"]) fail(node, "'replace' needs a 'pattern'");
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);  // bytes: bodies need not be UTF-8
  options.set_log_errors(false);
  const auto regex = std::make_shared<const RE2>(scalar(node["pattern"], "'pattern'"), options);
  if (!regex->ok()) fail(node["pattern"], "bad pattern: " + regex->error());
  Normalizer normalizer{.kind = Normalizer::Kind::Replace, .regex = regex, .with = {}};
  if (node["with"]) normalizer.with = scalar(node["with"], "'with'");
  std::string error;
  if (!regex->CheckRewriteString(normalizer.with, &error))
    fail(node["with"], "bad 'with': " + error);
  rule.normalizers.push_back(std::move(normalizer));
}

double CompareRulesReader::number(const YAML::Node& node, std::string_view what) const {
  const std::string text = scalar(node, what);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) ||
      value < 0)
    fail(node, fmt::format("{} must be a number of at least 0", what));
  return value;
}

std::uint64_t CompareRulesReader::duration(const YAML::Node& node, std::string_view what) const {
  constexpr std::uint64_t kLongest = 3'153'600'000'000'000'000;  // 100 years
  std::uint64_t ns = 0;
  try {
    ns = parse_duration(scalar(node, what));
  } catch (const UsageError& error) {
    fail(node, fmt::format("{}: {}", what, error.what()));
  }
  if (ns == 0 || ns > kLongest)
    fail(node, fmt::format("{} must be above 0, and below 100 years", what));
  return ns;
}

double CompareRulesReader::share(const YAML::Node& node) const {
  try {
    return parse_share(scalar(node, "'relative'"));
  } catch (const UsageError& error) {
    fail(node, fmt::format("'relative': {}", error.what()));
  }
}

}  // namespace gray
