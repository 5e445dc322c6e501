// JSON trees: what parses, which numbers are equal, and that no body, however hostile, breaks it.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "replay/compare/compare.h"
#include "replay/compare/decimal.h"
#include "replay/compare/tree.h"
#include "replay/compare/trial_for_test.h"

namespace gray {
namespace {

TEST(Decimal, EqualByValue) {
  const std::pair<const char*, const char*> equal[] = {
      {"1", "1.0"},
      {"1", "1e0"},
      {"10", "1E1"},
      {"0", "-0"},
      {"0", "0e99"},
      {"0.0", "0"},
      {"-1.50", "-1.5"},
      {"1e3", "1000"},
      {"0.001", "1e-3"},
      {"12.5e1", "125"},
      {"1e400", "10e399"},
      {"100000000000000000000", "1e20"},
      {"0.1e1", "1"},
      {"1e+2", "100.00"},
      {"9007199254740993", "9007199254740993.0"},
      {"1e99999999999999999999", "1e99999999999999999999"},
  };
  for (const auto& [a, b] : equal) {
    EXPECT_TRUE(same_number(a, b)) << a << ' ' << b;
    EXPECT_TRUE(same_number(b, a)) << a << ' ' << b;
  }
}

TEST(Decimal, UnequalByValue) {
  const std::pair<const char*, const char*> unequal[] = {
      {"1", "2"},
      {"1", "-1"},
      {"1", "10"},
      {"1", "0"},
      {"0.1", "0.10000000000000000000001"},
      {"9007199254740993", "9007199254740992"},
      {"18446744073709551616", "18446744073709551617"},
      {"1e400", "1e401"},
      {"1e-400", "0"},
      {"1e99999999999999999999", "1e99999999999999999998"},
      {"1e9223372036854775807", "1e-9223372036854775807"},
  };
  for (const auto& [a, b] : unequal) {
    EXPECT_FALSE(same_number(a, b)) << a << ' ' << b;
    EXPECT_FALSE(same_number(b, a)) << a << ' ' << b;
  }
}

TEST(Tree, TakesWhatRfc8259Says) {
  for (const char* text : {"0", "-0.0e-0", "\"\"", " null ", "[]", "{}", "[[],{}]", "\"\\ud800\"",
                           "{\"a\":{\"b\":[1,\"\\u00e9\"]}}", "1E5", "[true,false]"})
    EXPECT_TRUE(parse_json(text)) << text;
  for (const char* text :
       {"",           " ",           "01",       "-",      "1.",     ".5",  "1e",      "+1",
        "nul",        "truex",       "[1,]",     "[,1]",   "[1 2]",  "{,}", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{a:1}",       "{1:1}",    "[",      "{",      "]",   "[1]]",    "\"",
        "\"\\x\"",    "\"\\u12g4\"", "\"\\u1\"", "\"\\",   "\"\n\"", "'a'", "[1}",     "{\"a\":1]",
        "1 2",        "\xff",        "NaN",      "// c\n1"})
    EXPECT_FALSE(parse_json(text)) << text;
  EXPECT_FALSE(parse_json(std::string_view("1\0", 2)));
}

TEST(Tree, LaysChildrenBehindTheirParent) {
  const auto tree = parse_json(R"({"a":[1,2],"b":{"c":null},"d":"x\ty"})");
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->size(), 7u);
  EXPECT_EQ((*tree)[0].size, 3u);
  EXPECT_EQ((*tree)[0].next, 7u);
  EXPECT_EQ((*tree)[1].key, "a");
  EXPECT_EQ((*tree)[1].next, 4u);
  EXPECT_EQ((*tree)[5].kind, TreeKind::Null);
  EXPECT_EQ((*tree)[6].text, "x\ty");
}

TEST(Tree, TakesValuesOneBehindTheOther) {
  const auto tree = parse_json_sequence("{\"a\":1}\n[2,3] 4\r\n\"5\"\n\n");
  ASSERT_TRUE(tree);
  EXPECT_EQ((*tree)[0].kind, TreeKind::Array);
  EXPECT_EQ((*tree)[0].size, 4u);
  EXPECT_EQ((*tree)[0].next, tree->size());
  EXPECT_EQ((*tree)[1].text, "{\"a\":1}");
  EXPECT_EQ((*tree)[3].text, "[2,3]");
  EXPECT_EQ((*tree)[6].text, "4");
  for (const char* text :
       {"", "\n", "{}{}", "\x1e{}\n\x1e[1]\n", "1 2", "true\nnull", "\"a\"\"b\""})
    EXPECT_TRUE(parse_json_sequence(text)) << text;
  for (const char* text : {"{}]", "{} {", "1-2", "01", "{}x", "[1,]\n1", "{},{}", "truefalse", "]"})
    EXPECT_FALSE(parse_json_sequence(text)) << text;
}

Comparison compare(const std::string& production, const std::string& canary,
                   const Scrubber& scrubber, const CompareOptions& options = {}) {
  return Comparator(options, scrubber)
      .compare(trial_of(json_response(production), json_response(canary)));
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// Pairs that differ, one way or another, within bounds.
TEST(HostileJson, IsComparedInBoundedTimeAndSpace) {
  const std::string deep = repeat("[", 10'000) + repeat("]", 10'000);
  const std::string deep_objects = repeat("{\"a\":", 10'000) + "1" + repeat("}", 10'000);
  const std::string nested =
      repeat("{\"a\":", 190) + "[" + repeat("1,", 50'000) + "1]" + repeat("}", 190);
  const std::string long_key =
      "{\"" + std::string(1'000'000, 'k') + "\":[" + repeat("1,", 50'000) + "1]}";
  const std::string wide = "[" + repeat("0,", 1'500'000) + "0]";
  const std::string twins = "{" + repeat("\"a\":1,", 50'000) + "\"b\":1}";
  const std::string digits(1'000'000, '7');
  const auto twos = [](std::string text) {
    std::replace(text.begin(), text.end(), '1', '2');
    return text;
  };
  const std::pair<std::string, std::string> pairs[] = {
      {deep, deep + " "},
      {deep, repeat("[", 10'000)},
      {deep_objects, twos(deep_objects)},
      {nested, twos(nested)},
      {long_key, twos(long_key)},
      {wide, wide + " "},
      {twins, twos(twins)},
      {"[" + digits + "]", "[" + digits + "1]"},
      {"[1e" + digits + "]", "[1e" + digits + "1]"},
      {"[\"" + digits + "\"]", "[\"" + digits + "1\"]"},
      {"{\"a\":" + repeat("[1,", 150) + "1" + repeat("]", 150) + "}", "{\"a\":1}"},
  };
  CompareOptions options;
  options.ignores = {"json.$..z", "json.$..[*]..y", "json.$.q[*].x", "json.$..q..a..a..a"};
  for (const Scrubber& scrubber : {Scrubber::off(), Scrubber::builtin()})
    for (const auto& [a, b] : pairs) {
      const Comparison comparison = compare(a, b, scrubber, options);
      EXPECT_TRUE(comparison.compared);
      EXPECT_FALSE(comparison.differences.empty()) << a.substr(0, 40);
      for (const Difference& difference : comparison.differences) {
        EXPECT_LE(difference.field.size(), 200u);
        EXPECT_LE(difference.production.size(), 200u);
        EXPECT_LE(difference.canary.size(), 200u);
      }
    }
}

// Changes bytes, drops and doubles pieces; what comes out is sometimes JSON still.
std::string mutated(std::string text, std::mt19937& random) {
  static constexpr std::string_view kBytes = "{}[]\",:\\u0123eE.-+ truefalsn\xff\xc3\x80\t";
  for (unsigned i = random() % 4; i > 0 && !text.empty(); --i) {
    const std::size_t at = random() % text.size();
    switch (random() % 4) {
      case 0:
        text[at] = kBytes[random() % kBytes.size()];
        break;
      case 1:
        text.erase(at, random() % 5);
        break;
      case 2:
        text.insert(at, text.substr(random() % text.size(), random() % 12));
        break;
      default:
        text.insert(at, 1, kBytes[random() % kBytes.size()]);
    }
  }
  return text;
}

TEST(FuzzedJson, SameIsReflexiveAndSymmetric) {
  const std::string seeds[] = {
      R"({"id":1,"price":10.50,"tags":["a","b"],"o":{"x":null,"y":true},"s":"é😀\n"})",
      R"([1,2.0,-3e2,[[],{}],"13812345678",{"password":"secret","user":{"email":"a@b.cn"}}])",
      R"({"a":[{"id":1,"n":"x"},{"id":2,"n":"y"}],"total":9007199254740993})",
  };
  std::mt19937 random(7);
  const Scrubber scrubbers[] = {Scrubber::off(), Scrubber::builtin()};
  int trees = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string a = mutated(seeds[random() % 3], random);
    const std::string b = mutated(random() % 2 == 0 ? a : seeds[random() % 3], random);
    const Scrubber& scrubber = scrubbers[i % 2];
    trees += parse_json(a) && parse_json(b) ? 1 : 0;
    EXPECT_TRUE(compare(a, a, scrubber).differences.empty()) << a;
    EXPECT_TRUE(compare(a, " " + a, scrubber).differences.empty() || !parse_json(a)) << a;
    const Comparison forth = compare(a, b, Scrubber::off());
    const Comparison back = compare(b, a, Scrubber::off());
    EXPECT_EQ(forth.differences.empty(), back.differences.empty()) << a << '\n' << b;
    EXPECT_EQ(forth.differences.size(), back.differences.size()) << a << '\n' << b;
    const Comparison scrubbed = compare(a, b, scrubber);
    EXPECT_TRUE(scrubbed.differences.size() <= forth.differences.size()) << a << '\n' << b;
  }
  EXPECT_GT(trees, 1'000);
}

// What another parser takes, this one takes, and the other way round.
TEST(FuzzedJson, AgreesWithAnotherParser) {
  std::mt19937 random(11);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text =
        mutated(R"({"a":[1,-2.5e-3,"x\u00e9\\"],"b":{"c":null,"d":true},"e":""})", random);
    if (text.find_first_of("\xff\xc3\x80") != text.npos)
      continue;  // there, invalid UTF-8 is refused
    EXPECT_EQ(parse_json(text).has_value(), nlohmann::json::accept(text)) << text;
  }
}

}  // namespace
}  // namespace gray
