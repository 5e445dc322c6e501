#include "replay/compare/compare.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "replay/compare/printable.h"
#include "replay/compare/trial_for_test.h"
#include "replay/content/encode.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

// "field: production -> canary", one a line.
std::string text_of(const Comparison& comparison) {
  std::string text;
  for (const Difference& difference : comparison.differences)
    text += (text.empty() ? "" : "\n") + difference.field + ": " + difference.production + " -> " +
            difference.canary;
  return text;
}

std::string compare(const Response& production, const Response& canary,
                    const CompareOptions& options = {}) {
  const Scrubber off = Scrubber::off();
  return text_of(Comparator(options, off).compare(trial_of(production, canary)));
}

struct JsonCase {
  const char* sentence;
  std::string production;
  std::string canary;
  std::string differences;
};

TEST(CompareJson, Table) {
  const JsonCase cases[] = {
      {"members in any order", R"({"a":1,"b":[true,null]})", R"({ "b":[true,null], "a":1 })", ""},
      {"white space does not count", "[1,2]", " [ 1 ,\r\n\t2 ] ", ""},
      {"a number by value", R"([1,1,100,0,0.5])", R"([1.0,1e0,1E+2,-0.0,5e-1])", ""},
      {"a value", R"({"price":1})", R"({"price":2})", "json.$.price: 1 -> 2"},
      {"deep", R"({"a":{"b":[{"c":"x"}]}})", R"({"a":{"b":[{"c":"y"}]}})",
       R"(json.$.a.b[0].c: "x" -> "y")"},
      {"a member is missing", R"({"a":1,"b":2})", R"({"a":1})", "json.$.b: 2 -> "},
      {"a member is new", R"({"a":1})", R"({"b":"","a":1})", R"(json.$.b:  -> "")"},
      {"null is not absent", R"({"a":null})", R"({})", "json.$.a: null -> "},
      {"elements by position", "[1,2,3]", "[1,3]", "json.$[1]: 2 -> 3\njson.$[2]: 3 -> "},
      {"an element is new", R"({"a":[]})", R"({"a":[{"x":1}]})", "json.$.a[0]:  -> {1 member}"},
      {"type: number, string", R"({"a":1})", R"({"a":"1"})", R"(json.$.a: 1 -> "1")"},
      {"type: object, array", R"({"a":{}})", R"({"a":[1,2]})", "json.$.a: {} -> [2 elements]"},
      {"type: true, false", "[true]", "[false]", "json.$[0]: true -> false"},
      {"the root", "[]", "{}", "json.$: [] -> {}"},
      {"an integer beyond 2^53", R"([9007199254740993])", R"([9007199254740992])",
       "json.$[0]: 9007199254740993 -> 9007199254740992"},
      {"a long decimal", R"([0.10000000000000000000001])", R"([0.1])",
       "json.$[0]: 0.10000000000000000000001 -> 0.1"},
      {"escapes are decoded", R"({"\u0061":"\/\u00e9\ud83d\ude00"})", R"({"a":"/é😀"})", ""},
      {"twins are paired in order", R"({"a":1,"a":2})", R"({"a":1,"a":3})", "json.$.a: 2 -> 3"},
      {"names that need quotes", R"({"a.b":1,"":2})", R"({"a.b":2,"":3})",
       "json.$['a.b']: 1 -> 2\njson.$['']: 2 -> 3"},
      {"quotes inside", R"(["a\"b"])", R"(["a\\b"])", R"(json.$[0]: "a\"b" -> "a\\b")"},
  };
  for (const JsonCase& test : cases)
    EXPECT_EQ(compare(json_response(test.production), json_response(test.canary)), test.differences)
        << test.sentence;
}

TEST(CompareJson, IsRecognisedByContentToo) {
  const auto plain = [](std::string body) { return response_of(200, {}, std::move(body)); };
  EXPECT_EQ(compare(plain(R"({"a":1,"b":2})"), plain(R"( {"b":2,"a":1})")), "");
  EXPECT_EQ(compare(plain("1"), plain("1.0")),
            "body: 1 bytes, differs at 1 -> 3 bytes, differs at 1");
  EXPECT_EQ(compare(json_response("1"), json_response("1.0")), "");
  EXPECT_EQ(compare(json_response("{\"a\":1}"), json_response("{\"a\":1")),
            "body: 7 bytes, differs at 6 -> 6 bytes, differs at 6");
}

TEST(CompareJson, ValuesOneBehindTheOtherAreAnArrayOfThem) {
  const auto lines = [](std::string body) {
    return response_of(200, {{"Content-Type", "application/x-ndjson"}}, std::move(body));
  };
  const auto plain = [](std::string body) { return response_of(200, {}, std::move(body)); };
  EXPECT_EQ(
      compare(lines("{\"a\":1,\"b\":2}\n{\"a\":2}\n"), lines("{\"b\":2.0,\"a\":1}\r\n{\"a\":2}")),
      "");
  EXPECT_EQ(compare(lines("{\"a\":1}\n{\"a\":2}\n"), lines("{\"a\":1}\n{\"a\":3}\n")),
            "json.$[1].a: 2 -> 3");
  EXPECT_EQ(compare(lines("{\"a\":1}\n"), lines("{\"a\":2}\n")), "json.$[0].a: 1 -> 2");
  EXPECT_EQ(compare(lines("{\"a\":1}\n{\"a\":2}\n"), lines("{\"a\":1}\n")),
            "json.$[1]: {1 member} -> ");
  EXPECT_EQ(compare(lines(""), lines("{}\n")), "json.$[0]:  -> {}");
  EXPECT_EQ(compare(plain("{\"a\":1}\n[2]"), plain("{\"a\":1}\n[3]")), "json.$[1][0]: 2 -> 3");
  EXPECT_EQ(compare(lines("{\"a\":1}\n{\"a\":"), lines("{\"a\":1}\n{\"b\":")),
            "body: 13 bytes, differs at 10 -> 13 bytes, differs at 10");
}

TEST(CompareJson, DifferencesAreCappedAndTheRestIsCounted) {
  std::string ones = "[1", twos = "[2";
  for (int i = 1; i < 250; ++i) {
    ones += ",1";
    twos += ",2";
  }
  const Scrubber off = Scrubber::off();
  const Comparison comparison =
      Comparator({}, off).compare(trial_of(json_response(ones + "]"), json_response(twos + "]")));
  EXPECT_EQ(comparison.differences.size(), 100u);
  EXPECT_EQ(comparison.more, 150u);
}

TEST(CompareStatus, IsFirstAndThenTheOnlyDifference) {
  const Response ok = json_response(R"({"a":1})");
  const Response error = response_of(500, {{"Content-Type", "text/html"}}, "<h1>oops</h1>");
  EXPECT_EQ(compare(ok, error), "status: 200 -> 500");
  CompareOptions ignoring;
  ignoring.ignores = {"status", "header.content-type", "body"};
  EXPECT_EQ(compare(ok, error, ignoring), "");
}

TEST(CompareHeaders, Table) {
  struct Case {
    const char* sentence;
    Headers production;
    Headers canary;
    std::string differences;
  };
  const Case cases[] = {
      {"names in any case", {{"X-A", "1"}}, {{"x-a", "1"}}, ""},
      {"values differ", {{"X-A", "1"}}, {{"X-A", "2"}}, "header.x-a: 1 -> 2"},
      {"missing", {{"X-A", "1"}}, {}, "header.x-a: 1 -> "},
      {"new", {}, {{"X-A", "1"}}, "header.x-a:  -> 1"},
      {"empty is not absent", {{"X-A", ""}}, {}, "header.x-a: (empty) -> "},
      {"repeated, in order",
       {{"X-A", "1"}, {"X-A", "2"}},
       {{"X-A", "2"}, {"X-A", "1"}},
       "header.x-a: 1, 2 -> 2, 1"},
      {"repeated, or with commas", {{"Vary", "a"}, {"Vary", "b"}}, {{"Vary", "a, b"}}, ""},
      {"order of names", {{"A", "1"}, {"B", "2"}}, {{"B", "2"}, {"A", "1"}}, ""},
      {"volatile by default",
       {{"Date", "1"}, {"Server", "a"}, {"ETag", "x"}, {"Content-Length", "0"}},
       {{"Date", "2"}, {"server", "b"}, {"Connection", "close"}},
       ""},
      {"cookies by name",
       {{"Set-Cookie", "sid=1; Path=/"}, {"Set-Cookie", "lang=de"}},
       {{"set-cookie", "lang=en"}, {"Set-Cookie", "sid=2; Path=/"}},
       ""},
      {"a cookie is missing",
       {{"Set-Cookie", "sid=1"}, {"Set-Cookie", "lang=de"}},
       {{"Set-Cookie", "lang=en"}},
       "header.set-cookie: lang, sid -> lang"},
      {"one media type, written in two ways",
       {{"Content-Type", "text/html; charset=\"UTF-8\";level=1"}},
       {{"content-type", "Text/HTML;level=1 ; charset=utf-8"}},
       ""},
      {"another charset",
       {{"Content-Type", "text/html; charset=utf-8"}},
       {{"Content-Type", "text/html; charset=latin1"}},
       "header.content-type: text/html; charset=utf-8 -> text/html; charset=latin1"},
      {"a parameter's value keeps its case, and its semicolon",
       {{"Content-Type", "a/b; x=\"1;A\""}},
       {{"Content-Type", "a/b; x=\"1;a\""}},
       "header.content-type: a/b; x=\"1;A\" -> a/b; x=\"1;a\""},
      {"coding matters", {{"Content-Encoding", "gzip"}}, {}, "header.content-encoding: gzip -> "},
  };
  for (const Case& test : cases)
    EXPECT_EQ(compare(response_of(200, test.production, ""), response_of(200, test.canary, "")),
              test.differences)
        << test.sentence;
}

TEST(CompareHeaders, WithoutDefaultsAllAreCompared) {
  CompareOptions all;
  all.default_ignores = false;
  EXPECT_EQ(compare(response_of(200, {{"Server", "a"}, {"Set-Cookie", "s=1"}}, ""),
                    response_of(200, {{"Server", "b"}, {"Set-Cookie", "s=2"}}, ""), all),
            "header.server: a -> b\nheader.set-cookie: s=1 -> s=2");
}

TEST(CompareBytes, Table) {
  const auto plain = [](std::string body) { return response_of(200, {}, std::move(body)); };
  EXPECT_EQ(compare(plain("abc"), plain("abc")), "");
  EXPECT_EQ(compare(plain("abc"), plain("abd")),
            "body: 3 bytes, differs at 2 -> 3 bytes, differs at 2");
  EXPECT_EQ(compare(plain("abc"), plain("")),
            "body: 3 bytes, differs at 0 -> 0 bytes, differs at 0");
  EXPECT_EQ(compare(plain(std::string("a\0b", 3)), plain(std::string("a\0c", 3))),
            "body: 3 bytes, differs at 2 -> 3 bytes, differs at 2");
}

TEST(CompareJson, IsComparedBehindItsCoding) {
  const auto coded = [](const char* coding, const std::optional<std::string>& body) {
    return response_of(200, {{"Content-Type", "application/json"}, {"Content-Encoding", coding}},
                       body.value());
  };
  const std::string json = R"({"a":1,"b":2})";
  EXPECT_EQ(
      compare(coded("gzip", encode_gzip(json)), coded("gzip", encode_gzip(R"({"b":2, "a":1})"))),
      "");
  EXPECT_EQ(
      compare(coded("gzip", encode_gzip(json)), coded("gzip", encode_gzip(R"({"a":1,"b":3})"))),
      "json.$.b: 2 -> 3");
}

TEST(CompareBytes, OfACodingTheBytesAreCompared) {
  const auto gzip = [](std::string body) {
    return response_of(200, {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}},
                       std::move(body));
  };
  EXPECT_EQ(compare(gzip("[1]"), gzip("[1.0]")),
            "body: 3 bytes, differs at 2 -> 5 bytes, differs at 2");
}

TEST(CompareBytes, TruncatedBodiesAreComparedAsFarAsKeptAndByLength) {
  Response production = response_of(200, {}, "[1,2");
  production.truncated = true;
  production.body_bytes = 1000;
  Response canary = response_of(200, {}, "[1,2,3,4");
  canary.truncated = true;
  canary.body_bytes = 1000;
  EXPECT_EQ(compare(production, canary), "");
  canary.body_bytes = 1001;
  EXPECT_EQ(compare(production, canary),
            "body: 1000 bytes, differs at 4 -> 1001 bytes, differs at 4");
  canary.body = "[1,3";
  EXPECT_EQ(compare(production, canary),
            "body: 1000 bytes, differs at 3 -> 1001 bytes, differs at 3");
}

TEST(CompareBytes, WhatTheWireCutIsComparedAsFarAsItGoes) {
  Response production = response_of(200, {}, "abc");
  production.complete = false;
  EXPECT_EQ(compare(production, response_of(200, {}, "abcdef")), "");
  EXPECT_EQ(compare(production, response_of(200, {}, "ab")),
            "body: at least 3 bytes, differs at 2 -> 2 bytes, differs at 2");
}

TEST(CompareNothing, WithoutBothResponses) {
  const Scrubber off = Scrubber::off();
  const Comparator comparator({}, off);
  EXPECT_FALSE(comparator.compare(failed_trial(SendOutcome::Timeout, "")).compared);
  Trial trial = trial_of(json_response("{}"), json_response("[]"));
  trial.exchange->response.reset();
  EXPECT_FALSE(comparator.compare(trial).compared);
}

TEST(Ignore, JsonPaths) {
  const char* production =
      R"({"ts":1,"items":[{"id":1,"ts":2,"p":5},{"id":2}],"a":{"b":{"ts":3}}})";
  const char* canary = R"({"ts":9,"items":[{"id":8,"ts":7,"p":5},{"id":6}],"a":{"b":{"ts":5}}})";
  struct Case {
    std::vector<std::string> ignores;
    std::string fields;
  };
  const Case cases[] = {
      {{}, "$.a.b.ts $.items[0].id $.items[0].ts $.items[1].id $.ts "},
      {{"json.$.ts"}, "$.a.b.ts $.items[0].id $.items[0].ts $.items[1].id "},
      {{"json.$..ts"}, "$.items[0].id $.items[1].id "},
      {{"json.$.items[*].id"}, "$.a.b.ts $.items[0].ts $.ts "},
      {{"json.$.items[1]"}, "$.a.b.ts $.items[0].id $.items[0].ts $.ts "},
      {{"json.$.a", "json.$.*[*]"}, "$.ts "},
      {{"json.$[*]"}, "$.a.b.ts $.items[0].id $.items[0].ts $.items[1].id $.ts "},
      {{"json.$['a']..ts"}, "$.items[0].id $.items[0].ts $.items[1].id $.ts "},
      {{"json.$.items..id", "json.$..['ts']"}, ""},
  };
  for (const Case& test : cases) {
    CompareOptions options;
    options.ignores = test.ignores;
    const Scrubber off = Scrubber::off();
    const Comparison comparison =
        Comparator(options, off)
            .compare(trial_of(response_of(200, {}, production), response_of(200, {}, canary)));
    std::vector<std::string> fields;
    for (const Difference& difference : comparison.differences)
      fields.push_back(difference.field.substr(5));
    std::sort(fields.begin(), fields.end());
    std::string text;
    for (const std::string& field : fields) text += field + ' ';
    EXPECT_EQ(text, test.fields) << testing::PrintToString(test.ignores);
  }
}

TEST(Ignore, HeaderNamesInAnyCase) {
  CompareOptions options;
  options.ignores = {"header.X-Build"};
  EXPECT_EQ(compare(response_of(200, {{"x-build", "1"}}, ""),
                    response_of(200, {{"X-BUILD", "2"}}, ""), options),
            "");
}

TEST(Ignore, NonsenseIsRefusedByName) {
  const Scrubber off = Scrubber::off();
  for (const char* ignore :
       {"", "nonsense", "header.", "header.a b", "headers.date", "json.ts", "json.", "json.$ts",
        "json.$.", "json.$.a[", "json.$.a[x]", "json.$.a[-1]", "json.$['a", "json.$...a",
        "json.$.a[99999999999999999999999]"}) {
    CompareOptions options;
    options.ignores = {ignore};
    try {
      const Comparator comparator(options, off);
      ADD_FAILURE() << "accepted " << ignore;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find("'" + std::string(ignore) + "'"), std::string::npos)
          << error.what();
    }
  }
}

TEST(Printable, Table) {
  EXPECT_EQ(printable("héllo → 😀"), "héllo → 😀");
  EXPECT_EQ(printable(std::string("\0\n\x1b[31m\x7f", 8)), "\\x00\\n\\x1b[31m\\x7f");
  EXPECT_EQ(printable("a\xff\xc3z\xe2\x82"), "a\\xff\\xc3z\\xe2\\x82");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "abc"),
            "\\xe2\\x80\\xaeabc");
  EXPECT_EQ(printable(std::string(200, 'x')), std::string(200, 'x'));
  EXPECT_EQ(printable(std::string(201, 'x')), std::string(197, 'x') + "…");
  EXPECT_EQ(printable(std::string(196, 'x') + "éé" + "éé"), std::string(196, 'x') + "…");
}

}  // namespace
}  // namespace gray
