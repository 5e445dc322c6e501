// Rules for comparing: what each does, what mistakes in the file are told like, and causes.
#include "replay/compare/rules.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "replay/compare/compare.h"
#include "replay/compare/timestamp.h"
#include "replay/compare/trial_for_test.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

class RulesFile {
 public:
  explicit RulesFile(const std::string& yaml) {
    const int fd = ::mkstemp(path_);
    EXPECT_GE(fd, 0);
    ::close(fd);
    std::ofstream(path_) << yaml;
  }
  ~RulesFile() { ::unlink(path_); }
  std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/compare-XXXXXX";
};

// "field cause" of each difference, one a line.
std::string causes(const Comparison& comparison) {
  std::string text;
  for (const Difference& difference : comparison.differences)
    text += (text.empty() ? "" : "\n") + difference.field + ' ' + to_string(difference.cause);
  return text;
}

std::string compare(const std::string& rule, const Response& production, const Response& canary) {
  const RulesFile file("compare:\n  rules:\n    - " + rule + "\n");
  CompareOptions options;
  options.rules = file.path();
  const Scrubber off = Scrubber::off();
  return causes(Comparator(options, off).compare(trial_of(production, canary)));
}

std::string json(const std::string& rule, const std::string& production,
                 const std::string& canary) {
  return compare(rule, json_response(production), json_response(canary));
}

TEST(CompareRules, Table) {
  EXPECT_EQ(json("{field: json.$.p, absolute: 0.01}", R"({"p":1.10})", R"({"p":1.11})"), "");
  EXPECT_EQ(json("{field: json.$.p, absolute: 0.01}", R"({"p":1.10})", R"({"p":1.12})"),
            "json.$.p value");
  EXPECT_EQ(json("{field: json.$.p, relative: 1%}", R"({"p":100})", R"({"p":101})"), "");
  EXPECT_EQ(json("{field: json.$.p, relative: 1%}", R"({"p":100})", R"({"p":102})"),
            "json.$.p value");
  EXPECT_EQ(json("{field: json.$.a, set: true}", R"({"a":[1,2,3]})", R"({"a":[3,1.0,2]})"), "");
  EXPECT_EQ(json("{field: json.$.a, set: true}", R"({"a":[1,2]})", R"({"a":[2]})"),
            "json.$.a[0] value");
  EXPECT_EQ(json("{field: json.$.a, key: id}", R"({"a":[{"id":1,"v":1},{"id":2,"v":2}]})",
                 R"({"a":[{"id":2,"v":2},{"id":1,"v":9}]})"),
            "json.$.a[0].v value");
  EXPECT_EQ(
      json("{field: json.$.n, normalize: [lower, trim]}", R"({"n":" Lamp"})", R"({"n":"LAMP "})"),
      "");
  EXPECT_EQ(
      json("{field: json.$.n, normalize: [spaces, sort]}", R"({"n":"b,  a"})", R"({"n":"a, b"})"),
      "");
  EXPECT_EQ(json("{field: json.$.u, replace: {pattern: 'v[0-9]+', with: v}}", R"({"u":"/v1/a"})",
                 R"({"u":"/v2/a"})"),
            "");
  EXPECT_EQ(json("{field: json.$.t, truncate: 1m}", R"({"t":"2026-01-02T03:04:05Z"})",
                 R"({"t":"2026-01-02T03:04:55Z"})"),
            "");
  EXPECT_EQ(json("{field: json.$.t, within: 5s}", R"({"t":1700000000})", R"({"t":1700000006})"),
            "json.$.t value");
  EXPECT_EQ(json("{field: json.$.x, round: 0.5}", R"({"x":1.1})", R"({"x":0.9})"), "");
  EXPECT_EQ(json("{field: 'json.$..ts', ignore: true}", R"({"a":{"ts":{"x":1}}})",
                 R"({"a":{"ts":{"x":2}}})"),
            "");
}

// Elements of a set pair when they are equal by the rules for what is in them.
TEST(CompareRules, OfElementsOfASet) {
  const auto set_with = [](const std::string& rule, const std::string& production,
                           const std::string& canary) {
    return json("{field: json.$.a, set: true}\n    - " + rule, production, canary);
  };
  const std::string near = "{field: 'json.$.a[*]', absolute: 0.01}";
  EXPECT_EQ(set_with(near, R"({"a":[1.001,2.001,3]})", R"({"a":[3,2.0,1.0]})"), "");
  EXPECT_EQ(set_with(near, R"({"a":[1.001,2.001]})", R"({"a":[1.5,2.0]})"),
            "json.$.a[0] value\njson.$.a[0] value");
  EXPECT_EQ(set_with(near, R"({"a":[1,1]})", R"({"a":[1.001,1.002]})"), "");
  EXPECT_EQ(set_with(near, R"({"a":[1]})", R"({"a":[1.001,1.002]})"), "json.$.a[1] value");
  const std::string late = "{field: 'json.$..at', within: 5s}";
  EXPECT_EQ(set_with(late, R"({"a":[{"n":1,"at":1700000000},{"n":2,"at":1700000100}]})",
                     R"({"a":[{"n":2,"at":1700000101},{"n":1,"at":1700000002}]})"),
            "");
  EXPECT_EQ(
      set_with(late, R"({"a":[[{"at":1700000000},5],7]})", R"({"a":[7,[{"at":1700000001},5]]})"),
      "");
}

TEST(CompareRules, OfFormsTextsAndHeaders) {
  const auto form = [](std::string body) {
    return response_of(200, {{"Content-Type", "application/x-www-form-urlencoded"}},
                       std::move(body));
  };
  EXPECT_EQ(compare("{field: form.b, ignore: true}", form("a=1&b=2"), form("b=3&a=1")), "");
  EXPECT_EQ(compare("{field: form.b, ignore: true}", form("a=1&b=2"), form("b=3&a=2&c=")),
            "form.a value\nform.c schema");
  const auto text = [](std::string body) {
    return response_of(200, {{"Content-Type", "text/plain"}}, std::move(body));
  };
  EXPECT_EQ(compare("{field: 'text[*]', normalize: [trim]}", text("a\nb \n"), text("a\nb\n")), "");
  EXPECT_EQ(compare("{field: form.x, ignore: true}", text("a\nb\nc\n"), text("a\nx\nb\nc\n")),
            "text[1] value");
  EXPECT_EQ(compare("{field: 'text[1]', ignore: true}", text("a\n1\nb\n"), text("a\n2\nc\n")),
            "text[2] value")
      << "lines count from the first of the text, not from the first that differs";
  EXPECT_EQ(compare("{field: header.x-t, absolute: 5}", response_of(200, {{"X-T", "10"}}, ""),
                    response_of(200, {{"X-T", "12"}}, "")),
            "");
}

TEST(CompareRules, MistakesAreNamedWithLineAndColumn) {
  const std::pair<std::string, std::string> cases[] = {
      {"compare:\n  rule: []\n", ":2:3: unknown key 'rule'"},
      {"compare:\n  rules:\n    - {field: json.$.a, ignore: maybe}\n",
       ":3:33: 'ignore' must be true or false"},
      {"compare:\n  rules:\n    - {field: json.a, ignore: true}\n", ":3:15: field 'json.a': "},
      {"compare:\n  rules:\n    - {field: json.$.a, absolute: -1}\n", ":3:35: 'absolute' must be"},
      {"compare:\n  rules:\n    - {field: json.$.a, normalize: [upper]}\n",
       ":3:37: unknown normalizer 'upper'"},
      {"compare:\n  rules:\n    - {field: json.$.a, replace: {pattern: '('}}\n",
       ":3:44: bad pattern"},
      {"compare:\n  rules:\n    - {field: status, absolute: 1}\n",
       ":3:15: 'status' can only be ignored"},
      {"compare:\n  rules:\n    - {field: json.$.a}\n", ":3:7: a rule says what to do"},
  };
  for (const auto& [yaml, start] : cases) {
    const RulesFile file(yaml);
    CompareOptions options;
    options.rules = file.path();
    const Scrubber off = Scrubber::off();
    try {
      const Comparator comparator(options, off);
      ADD_FAILURE() << "accepted " << yaml;
    } catch (const UsageError& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with(file.path() + start)) << error.what();
    }
  }
}

TEST(Causes, Table) {
  const std::string none = "{field: json.$.none, ignore: true}";
  EXPECT_EQ(json(none, R"({"a":1})", R"({"a":"1"})"), "json.$.a schema");
  EXPECT_EQ(json(none, R"({"a":1})", R"({})"), "json.$.a schema");
  EXPECT_EQ(json(none, R"({"a":[1,2,3]})", R"({"a":[2,3,1]})"), "json.$.a ordering");
  EXPECT_EQ(json(none, R"({"orderId":1001})", R"({"orderId":1002})"), "json.$.orderId identifier");
  EXPECT_EQ(json(none, R"({"price":1990})", R"({"price":2090})"), "json.$.price value");
  EXPECT_EQ(json(none, R"({"x":"0190aa11-2b3c-7d4e-8f50-112233445566"})",
                 R"({"x":"0190aa12-2b3c-7d4e-8f50-112233445577"})"),
            "json.$.x identifier");
  EXPECT_EQ(json(none, R"({"x":"ord_8fK2"})", R"({"x":"ord_9aB1"})"), "json.$.x identifier");
  EXPECT_EQ(compare(none, json_response("{}"), response_of(500, {}, "")), "status status_class");
  EXPECT_EQ(compare(none, json_response("{}"), response_of(201, {}, "")), "status value");
}

TEST(Causes, AnIdOfTheRequestWasNotIssued) {
  const Scrubber off = Scrubber::off();
  Trial trial = trial_of(json_response(R"({"id":"17"})"), json_response(R"({"id":"18"})"));
  EXPECT_EQ(causes(Comparator({}, off).compare(trial)), "json.$.id identifier");
  trial.exchange->request.target = "/price/17";
  EXPECT_EQ(causes(Comparator({}, off).compare(trial)), "json.$.id value");
  EXPECT_EQ(causes(Comparator({}, off).compare(trial, true)), "json.$.id repeated");
}

TEST(Causes, TimesMoveWithTheReplay) {
  const Scrubber off = Scrubber::off();
  Trial trial = trial_of(json_response(R"({"at":"2026-01-02T03:04:05Z"})"),
                         json_response(R"({"at":"2026-01-02T04:04:06Z"})"));
  EXPECT_EQ(causes(Comparator({}, off).compare(trial)), "json.$.at value");
  trial.sent_ns = 3'600'000'000'000;  // an hour later than production
  EXPECT_EQ(causes(Comparator({}, off).compare(trial)), "json.$.at timing");
  trial.sent_ns *= 2;
  EXPECT_EQ(causes(Comparator({}, off).compare(trial)), "json.$.at value");
}

TEST(Causes, DatesMoveWithTheReplayToo) {
  const Scrubber off = Scrubber::off();
  constexpr std::uint64_t kHourNs = 3'600'000'000'000;
  const auto cause = [&](const char* before, const char* after, std::uint64_t hours_later) {
    Trial trial = trial_of(json_response(std::string(R"({"until":")") + before + R"("})"),
                           json_response(std::string(R"({"until":")") + after + R"("})"));
    trial.sent_ns = 1 + hours_later * kHourNs;
    return causes(Comparator({}, off).compare(trial));
  };
  EXPECT_EQ(cause("2026-01-31", "2026-02-03", 72), "json.$.until timing");
  EXPECT_EQ(cause("2026-01-31", "2026-02-03", 60), "json.$.until timing");
  EXPECT_EQ(cause("2026-01-31", "2026-02-01", 1), "json.$.until timing") << "midnight went by";
  EXPECT_EQ(cause("2026-01-31", "2026-02-01", 0), "json.$.until value") << "nothing went by";
  EXPECT_EQ(cause("2026-01-31", "2026-02-03", 24), "json.$.until value");
  EXPECT_EQ(cause("2026-02-01", "2026-01-31", 1), "json.$.until value");
}

// What was not seen whole, of either side, is told apart from what was and differs.
TEST(Causes, OfWhatWasCutOnTheWire) {
  const Scrubber off = Scrubber::off();
  Response production = json_response(R"({"a":1,"b":)");
  production.complete = false;
  EXPECT_EQ(causes(Comparator({}, off).compare(trial_of(production, json_response("[7]")))),
            "body truncated");
  production.complete = true;
  production.truncated = true;
  production.body_bytes = 1'000;
  EXPECT_EQ(causes(Comparator({}, off).compare(trial_of(production, json_response("[7]")), true)),
            "body truncated")
      << "also when it was asked before";
}

TEST(Timestamp, Forms) {
  EXPECT_EQ(parse_date("1994-11-06"), 784'080'000'000'000'000);
  for (const char* text : {"", "1994-11-6", "1994-11-06T", "1994-13-06", "1994/11/06"})
    EXPECT_FALSE(parse_date(text)) << text;
  EXPECT_EQ(parse_time("1994-11-06T08:49:37Z"), 784'111'777'000'000'000);
  EXPECT_EQ(parse_time("Sun, 06 Nov 1994 08:49:37 GMT"), 784'111'777'000'000'000);
  EXPECT_EQ(parse_time("1994-11-06 09:49:37.5+01:00"), 784'111'777'500'000'000);
  EXPECT_EQ(parse_time("1700000000"), 1'700'000'000'000'000'000);
  EXPECT_EQ(parse_time("1700000000123"), 1'700'000'000'123'000'000);
  for (const char* text : {"", "2026-01-02", "0000000001", "9999999999", "2026-13-02T03:04:05Z",
                           "2026-01-02T03:04:05+1", "1700000000x"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Ignored, IsToldWithItsReason) {
  const Scrubber off = Scrubber::off();
  CompareOptions options;
  options.ignores = {"json.$.ts"};
  Response production = json_response(R"({"ts":1})"), canary = json_response(R"({"ts":2})");
  production.headers.push_back({"Date", "a"});
  canary.headers.push_back({"Date", "b"});
  const Comparison comparison = Comparator(options, off).compare(trial_of(production, canary));
  EXPECT_TRUE(comparison.differences.empty());
  ASSERT_EQ(comparison.ignored.size(), 2u);
  EXPECT_EQ(comparison.ignored[0].field + ' ' + comparison.ignored[0].why, "header.date default");
  EXPECT_EQ(comparison.ignored[1].why, "--ignore json.$.ts");
}

// Not only what is not looked at: what a rule allows is left out, too.
TEST(Ignored, WhatIsAllowedIsTold) {
  const RulesFile file(
      "compare:\n  rules:\n    - {field: json.$.p, absolute: 0.01}\n"
      "    - {field: json.$.n, normalize: [lower]}\n    - {field: header.x-ms, absolute: 5}\n");
  CompareOptions options;
  options.rules = file.path();
  const Scrubber off = Scrubber::off();
  Response production = json_response(R"({"p":1.0,"n":"A"})");
  Response canary = json_response(R"({"p":1.01,"n":"a"})");
  production.headers.push_back({"X-Ms", "10"});
  canary.headers.push_back({"X-Ms", "12"});
  production.headers.push_back({"Set-Cookie", "sid=1; Path=/"});
  canary.headers.push_back({"Set-Cookie", "sid=2; Path=/"});
  const Comparison comparison = Comparator(options, off).compare(trial_of(production, canary));
  EXPECT_TRUE(comparison.differences.empty());
  std::string told;
  for (const Ignored& ignored : comparison.ignored)
    told += ignored.field + ' ' + ignored.why.substr(ignored.why.find(':') + 1) + '\n';
  EXPECT_EQ(told, "header.set-cookie default\nheader.x-ms 5\njson.$.p 3\njson.$.n 4\n");
  EXPECT_TRUE(Comparator(options, off).compare(trial_of(production, production)).ignored.empty());
}

}  // namespace
}  // namespace gray
