#include "replay/scrub/rules.h"

#include <gtest/gtest.h>

#include <random>

#include "replay/scrub/scrubber_for_test.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

/// The error without the file's path, or "fine".
std::string complaint(const std::string& yaml) {
  const TestFolder folder;
  folder.write("good.key", std::string(32, 'k'));
  folder.write("open.key", std::string(32, 'k'), 0644);
  const std::string path = folder.write("rules.yaml", yaml);
  try {
    read_rules(path);
  } catch (const UsageError& error) {
    std::string text = error.what();
    EXPECT_TRUE(text.starts_with(path) || text.find(path) != std::string::npos) << text;
    return text.starts_with(path) ? text.substr(path.size()) : text;
  }
  return "fine";
}

std::string rule(const std::string& text) {
  return "scrub:\n  rules:\n    - " + text + "\n";
}

TEST(Rules, TheExampleIsRead) {
  const Rules rules = read_rules("testdata/scrub-rules.yaml");
  EXPECT_TRUE(rules.builtin);
  EXPECT_EQ(rules.headers.at("authorization").action, Action::Drop);
  EXPECT_EQ(rules.json.size(), 4u);
  EXPECT_EQ(rules.patterns.size(), 1u);
  EXPECT_EQ(rules.patterns[0].treatment.keep_last, 4u);
}

TEST(Rules, TheBadExampleIsRefusedAtItsPlace) {
  try {
    read_rules("testdata/scrub-rules-bad.yaml");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "testdata/scrub-rules-bad.yaml:5:33: unknown action 'obfuscate': want keep, drop, "
                 "mask, hash or tokenize");
  }
}

TEST(Rules, MistakesAreNamedWithLineAndColumn) {
  const struct {
    std::string yaml, start;
  } kCases[] = {
      {rule("{field: header.a, action: keep}"), "fine"},
      {"scrub: {}\n", "fine"},
      {"scrub: {key_file: good.key}\n", "fine"},
      {"", "scrub rules "},
      {"- a\n", ":1:1: the file must be a map"},
      {"scrub:\n  bultin: true\n", ":2:3: unknown key 'bultin' in 'scrub'"},
      {"scrub: {builtin: yes please}\n", ":1:18: 'builtin' must be true or false"},
      {"scrub: {builtin: [true]}\n", ":1:18: 'builtin' must be a text"},
      {"scrub: {rules: {a: b}}\n", ":1:16: 'rules' must be a list"},
      {"scrub: {key_file: none.key}\n", ":1:19: key file "},
      {"scrub: {key_file: open.key}\n", ":1:19: key file "},
      {"scrub: {}\nother: 1\n", ":2:1: unknown key 'other'"},
      {"scrub: {builtin: true, builtin: false}\n", ":1:24: 'builtin' stands twice"},
      {rule("just a text"), ":3:7: a rule must be a map"},
      {rule("{field: header.a}"), ":3:7: a rule needs an 'action'"},
      {rule("{action: keep}"), ":3:7: a rule has either 'field' or 'pattern'"},
      {rule("{field: header.a, pattern: b, action: keep}"), ":3:7: a rule has either"},
      {rule("{field: header.a, action: erase}"), ":3:33: unknown action 'erase'"},
      {rule("{field: header.a, action: keep, keep_fist: 3}"), ":3:39: unknown key 'keep_fist'"},
      {rule("{field: header.a, action: mask, keep_first: -1}"), ":3:51: 'keep_first' must be"},
      {rule("{field: header.a, action: mask, keep_first: three}"), ":3:51: 'keep_first' must be"},
      {rule("{field: header.a, action: mask, keep_first: 99999999999999999999}"), ":3:51: "},
      {rule("{field: header.a, action: hash, keep_first: 3}"), ":3:51: 'keep_first' belongs"},
      {rule("{field: body.a, action: keep}"), ":3:15: unknown field 'body.a'"},
      {rule("{field: header., action: keep}"), ":3:15: unknown field 'header.'"},
      {rule("{field: cookie, action: keep}"), ":3:15: unknown field 'cookie'"},
      {rule("{field: [a], action: keep}"), ":3:15: 'field' must be a text"},
      {rule("{field: proto, action: keep}"), ":3:15: unknown field 'proto'"},
      {rule("{field: json.a, action: keep}"), ":3:15: field 'json.a': a JSON path begins with $"},
      {rule("{field: json.$, action: keep}"), ":3:15: field 'json.$': the JSON path names no"},
      {rule("{field: 'json.$.a[', action: keep}"), ":3:15: field 'json.$.a[': want a number"},
      {rule("{field: 'json.$.a[1', action: keep}"), ":3:15: "},
      {rule("{field: 'json.$.a..', action: keep}"), ":3:15: "},
      {rule("{pattern: '(', action: keep}"), ":3:17: bad pattern: missing )"},
      {rule("{pattern: '(?=a)b', action: keep}"), ":3:17: bad pattern: invalid perl operator"},
      {rule("{pattern: 'a*', action: keep}"), ":3:17: the pattern matches nothing"},
      {rule("{pattern: a, in: [cookies], action: keep}"), ":3:25: unknown part 'cookies'"},
      {rule("{pattern: a, in: body, action: keep}"), ":3:24: 'in' must be a list"},
      {rule("{field: header.a, in: [body], action: keep}"), ":3:29: 'in' belongs to 'pattern'"},
      {"scrub: [\n", ":2:1: "},
      {"scrub: *nothing\n", ":1:"},
      {"scrub: \"\n", ":1:8: "},
      {std::string(10'000, '['), ":1:"},
      {"scrub: {? [a]: b}\n", ":1:"},
      {std::string("scrub: \0\x01\x02", 10), ""},
      {std::string(2u << 20, '#'), "scrub rules "},
  };
  for (const auto& c : kCases) {
    const std::string text = complaint(c.yaml);
    if (c.start == "fine")
      EXPECT_EQ(text, "fine") << c.yaml.substr(0, 200);
    else
      EXPECT_NE(text, "fine") << c.yaml.substr(0, 200);
    EXPECT_EQ(text.substr(0, c.start.size()), c.start) << c.yaml.substr(0, 200);
  }
  EXPECT_THROW(read_rules("/nonexistent/rules.yaml"), UsageError);
  EXPECT_THROW(read_rules("/"), UsageError);
}

TEST(JsonPath, MatchesPlaces) {
  const auto matches = [](const char* path, const char* place) {
    std::string error;
    const auto parsed = JsonPath::parse(path, error);
    EXPECT_TRUE(parsed) << path << ": " << error;
    const std::string text = place;
    return parsed && parsed->matches(parse_place(text));
  };
  EXPECT_TRUE(matches("$.a.b", "$.a.b"));
  EXPECT_FALSE(matches("$.a.b", "$.a"));
  EXPECT_FALSE(matches("$.a", "$.a.b"));
  EXPECT_FALSE(matches("$.b", "$.a.b"));
  EXPECT_TRUE(matches("$..b", "$.b"));
  EXPECT_TRUE(matches("$..b", "$.a[3].b"));
  EXPECT_FALSE(matches("$..b", "$.a[3].bb"));
  EXPECT_TRUE(matches("$.a[*].b", "$.a[7].b"));
  EXPECT_FALSE(matches("$.a[*].b", "$.a.c.b"));
  EXPECT_TRUE(matches("$.a[0]", "$.a[0]"));
  EXPECT_FALSE(matches("$.a[0]", "$.a[1]"));
  EXPECT_TRUE(matches("$.*.b", "$.x.b"));
  EXPECT_FALSE(matches("$.*.b", "$[0].b"));
  EXPECT_TRUE(matches("$['a.b'].c", "$['a.b'].c"));
  EXPECT_TRUE(matches("$..a..b", "$.x.a.a.y.b"));
  EXPECT_FALSE(matches("$..a..b", "$.x.b.a"));
  EXPECT_TRUE(matches("$[0][1]", "$[0][1]"));
}

// By its definition: each step of any depth is tried behind every beginning of the place.
bool matches_by_definition(const std::vector<std::string>& steps, const std::string& place,
                           std::size_t step = 0, std::size_t at = 0) {
  if (step == steps.size()) return at == place.size();
  const bool descends = steps[step].starts_with("..");
  const char name = steps[step].back();
  for (std::size_t i = at; i < place.size(); ++i) {
    const bool fits = name == '*' || place[i] == name;
    if (fits && matches_by_definition(steps, place, step + 1, i + 1)) return true;
    if (!descends) return false;
  }
  return false;
}

TEST(JsonPath, MatchesAsItIsDefined) {
  std::mt19937 random(7);
  int matched = 0, above = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::string> steps;
    std::string path = "$", names;
    for (unsigned i = 1 + random() % 4; i > 0; --i) {
      steps.push_back(std::string(random() % 2 == 0 ? "." : "..") + "ab*"[random() % 3]);
      if (steps.back() == "..*") steps.back() = "..a";
      path += steps.back();
    }
    std::string error;
    const JsonPath parsed = JsonPath::parse(path, error).value();
    for (unsigned i = random() % 8; i > 0; --i) names += "ab"[random() % 2];
    std::vector<JsonStep> place;
    for (std::size_t i = 0; i < names.size(); ++i)
      place.push_back({std::string_view(names).substr(i, 1), 0, false});
    EXPECT_EQ(parsed.matches(place), matches_by_definition(steps, names)) << path << ' ' << names;
    bool begins = false;
    for (std::size_t size = 0; size <= names.size(); ++size)
      begins |= matches_by_definition(steps, names.substr(0, size));
    EXPECT_EQ(parsed.matches_above(place), begins) << path << ' ' << names;
    matched += parsed.matches(place);
    above += begins;
  }
  EXPECT_GT(matched, 1'000);
  EXPECT_GT(above, matched);
}

}  // namespace
}  // namespace gray
