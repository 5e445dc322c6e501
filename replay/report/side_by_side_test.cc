// Answers side by side: what differs with its surroundings, equal parts folded, bounded, scrubbed,
// and escaped on the page.
#include "replay/report/side_by_side.h"

#include <gtest/gtest.h>

#include <string>

#include "replay/compare/trial_for_test.h"
#include "replay/protocol/grpc/frames.h"
#include "replay/report/html_trees.h"
#include "replay/schema/proto_file_for_test.h"
#include "replay/schema/wire.h"

namespace gray {
namespace {

SideBySide rows_of(const Response& production, const Response& canary,
                   const CompareOptions& options = {}, Scrubber scrubber = Scrubber::builtin()) {
  const Comparator comparator(options, scrubber);
  const Trial trial = trial_of(production, canary);
  return side_by_side(trial, comparator.compare(trial), comparator, scrubber);
}
SideBySide rows_of(const std::string& production, const std::string& canary,
                   const CompareOptions& options = {}) {
  return rows_of(json_response(production), json_response(canary), options);
}

// Production before, the canary behind the bar; "!" differs, "~" is noise, "." ignored.
std::string drawn(const SideBySide& bodies) {
  std::string out;
  std::size_t depth = 0;
  for (const TreeRow& row : bodies.rows) {
    if (row.kind == TreeRow::Kind::Close) {
      --depth;
      continue;
    }
    out += std::string(depth, ' ');
    switch (row.kind) {
      case TreeRow::Kind::Folded:
        out += "+" + std::to_string(row.folded) + "\n";
        continue;
      case TreeRow::Kind::Different:
        out += "!";
        break;
      case TreeRow::Kind::Noise:
        out += "~";
        break;
      case TreeRow::Kind::Ignored:
        out += ".";
        break;
      default:
        break;
    }
    out += row.production + "|" + row.canary + "\n";
    if (row.kind == TreeRow::Kind::Open) ++depth;
  }
  EXPECT_EQ(depth, 0u) << "what is opened is closed";
  return out + (bodies.cut ? "cut\n" : "");
}

TEST(SideBySide, ShowsWhatDiffersWhereItStands) {
  EXPECT_EQ(drawn(rows_of(R"({"a":1,"b":{"c":[1,2],"d":"x"},"e":{"f":1}})",
                          R"({"a":1.0,"b":{"c":[1,3],"d":"x"},"e":{"f":1},"g":[{}]})")),
            "{3 members}|{4 members}\n"
            " a: 1|a: 1.0\n"
            " b: {2 members}|b: {2 members}\n"
            "  c: [2 elements]|c: [2 elements]\n"
            "   [0]: 1|[0]: 1\n"
            "   ![1]: 2|[1]: 3\n"
            "  d: \"x\"|d: \"x\"\n"
            " e: {1 member}|e: {1 member}\n"
            " !|g: [{}]\n");
}

TEST(SideBySide, FoldsWhatIsEqual) {
  std::string before = "{\"list\":[", after = before;
  for (int i = 0; i < 100; ++i) {
    before += std::to_string(i) + ",";
    after += std::to_string(i == 50 ? -1 : i) + ",";
  }
  EXPECT_EQ(drawn(rows_of(before + "0]}", after + "0]}")),
            "{1 member}|{1 member}\n"
            " list: [101 elements]|list: [101 elements]\n"
            "  [0]: 0|[0]: 0\n"
            "  [1]: 1|[1]: 1\n"
            "  [2]: 2|[2]: 2\n"
            "  +47\n"
            "  ![50]: 50|[50]: -1\n"
            "  [51]: 51|[51]: 51\n"
            "  [52]: 52|[52]: 52\n"
            "  [53]: 53|[53]: 53\n"
            "  +47\n");
}

TEST(SideBySide, FoldsWhatIsEqualBeforeAContainerThatDiffers) {
  std::string before = "[", after = before;
  for (int i = 0; i < 10; ++i) {
    before += "{\"n\":1},";
    after += i == 6 ? "{\"n\":2}," : "{\"n\":1},";
  }
  EXPECT_EQ(drawn(rows_of(before + "0]", after + "0]")),
            "[11 elements]|[11 elements]\n"
            " [0]: {1 member}|[0]: {1 member}\n"
            " [1]: {1 member}|[1]: {1 member}\n"
            " [2]: {1 member}|[2]: {1 member}\n"
            " +3\n"
            " [6]: {1 member}|[6]: {1 member}\n"
            "  !n: 1|n: 2\n"
            " [7]: {1 member}|[7]: {1 member}\n"
            " [8]: {1 member}|[8]: {1 member}\n"
            " [9]: {1 member}|[9]: {1 member}\n"
            " +1\n");
}

TEST(SideBySide, AContainerThatIsWrittenInAnotherWayIsEqual) {
  EXPECT_EQ(drawn(rows_of(R"({"a":{"x":1,"y":2},"b":1})", R"({"a":{"y":2,"x":1},"b":2})")),
            "{2 members}|{2 members}\n"
            " a: {2 members}|a: {2 members}\n"
            " !b: 1|b: 2\n");
  EXPECT_TRUE(rows_of("[1, 2]", "[1,2]").rows.empty()) << "nothing differs";
}

TEST(SideBySide, PairsAsTheRulesDo) {
  CompareOptions options;
  options.ignores = {"json.$.at"};
  EXPECT_EQ(drawn(rows_of(R"({"at":1,"n":1})", R"({"at":2,"n":2})", options)),
            "{2 members}|{2 members}\n"
            " .at: 1|at: 2\n"
            " !n: 1|n: 2\n");
  EXPECT_EQ(drawn(rows_of("[1,2,3]", "[3,2,1]")),
            "[3 elements]|[3 elements]\n"
            " ![1,2,3]|[3,2,1] (other order)\n");
}

TEST(SideBySide, ReadsFormsAndKinds) {
  const char* form = "application/x-www-form-urlencoded";
  EXPECT_EQ(drawn(rows_of(response_of(200, {{"Content-Type", form}}, "a=1&b=2"),
                          response_of(200, {{"Content-Type", form}}, "a=1&b=3"))),
            "{2 members}|{2 members}\n"
            " a: 1|a: 1\n"
            " !b: 2|b: 3\n");
  EXPECT_EQ(drawn(rows_of("{\"a\":[1]}", "[1]")), "!{\"a\":[1]}|[1]\n");
  EXPECT_TRUE(rows_of(response_of(200, {}, "text"), response_of(200, {}, "other")).rows.empty());
}

TEST(SideBySide, HeadersStandThereWhenOneDiffers) {
  const Headers before = {
      {"Content-Type", "text/html"}, {"Date", "Mon"},   {"Vary", "a"},
      {"Set-Cookie", "sid=abc1"},    {"X-Gone", "yes"}, {"Cache-Control", "no"}};
  const Headers after = {{"content-type", "text/html"},
                         {"Date", "Tue"},
                         {"Vary", "a"},
                         {"Vary", "b"},
                         {"X-New", ""},
                         {"Set-Cookie", "sid=xyz2"},
                         {"cache-control", "no"}};
  EXPECT_EQ(drawn(rows_of(response_of(200, before, "same"), response_of(200, after, "same"))),
            "headers: 6|headers: 6\n"
            " cache-control: no|cache-control: no\n"
            " content-type: text/html|content-type: text/html\n"
            " .date: Mon|date: Tue\n"
            " set-cookie: sid|set-cookie: sid\n"
            " !vary: a|vary: a, b\n"
            " !x-gone: yes|\n"
            " !|x-new: (empty)\n");
  EXPECT_TRUE(rows_of(response_of(200, {{"Date", "Mon"}}, "same"),
                      response_of(200, {{"Date", "Tue"}}, "same"))
                  .rows.empty())
      << "nothing that counts differs";
}

TEST(SideBySide, TrailersStandBehindTheBody) {
  Response before = json_response("[1]"), after = json_response("[2]");
  before.trailers = {{"X-Sum", "1"}};
  after.trailers = {{"X-Sum", "2"}};
  EXPECT_EQ(drawn(rows_of(before, after)),
            "[1 element]|[1 element]\n"
            " ![0]: 1|[0]: 2\n"
            "trailers: 1|trailers: 1\n"
            " !x-sum: 1|x-sum: 2\n");
}

TEST(SideBySide, TextsStandThereByLine) {
  const auto text = [](std::string body) {
    return response_of(200, {{"Content-Type", "text/plain"}}, std::move(body));
  };
  EXPECT_EQ(drawn(rows_of(text("a\nb\nc\nd\nold\ne\nf\n"), text("a\nb\nc\nd\nnew\nmore\ne\nf\n"))),
            "lines of text: 7|lines of text: 8\n"
            " 1: a|1: a\n"
            " 2: b|2: b\n"
            " 3: c|3: c\n"
            " +1\n"
            " !5: old|5: new\n"
            " !|6: more\n"
            " 6: e|7: e\n"
            " 7: f|8: f\n");
  EXPECT_EQ(drawn(rows_of(text("a\n1\nb\n"), text("a\n2\nc\n"), {.ignores = {"text[1]"}})),
            "lines of text: 3|lines of text: 3\n"
            " 1: a|1: a\n"
            " .2: 1|2: 2\n"
            " !3: b|3: c\n");
  EXPECT_TRUE(rows_of(text("a\nb\n"), text("a\r\nb\r\n")).rows.empty());
}

TEST(SideBySide, AnswersOfAnotherStatusAreShownThoughNotCompared) {
  EXPECT_EQ(drawn(rows_of(response_of(200, {}, R"({"price":1})"),
                          response_of(500, {{"Retry-After", "9"}}, R"({"error":"no stock"})"))),
            "headers: 0|headers: 1\n"
            " !|retry-after: 9\n"
            "{1 member}|{1 member}\n"
            " !|error: \"no stock\"\n"
            " !price: 1|\n");
}

TEST(SideBySide, OfBodiesOfDifferentKindsItIsSaidHowTheyBegin) {
  const Headers html = {{"Content-Type", "text/html"}};
  const Response page = response_of(502, html, "<html>\n<h1>Bad gateway</h1>\n</html>\n");
  EXPECT_EQ(
      drawn(rows_of(json_response(R"({"phone":"13812345678","n":1})"), page)).find("13812345678"),
      std::string::npos);
  EXPECT_EQ(drawn(rows_of(json_response("[1,2]"), page)),
            "headers: 1|headers: 1\n"
            " !content-type: application/json|content-type: text/html\n"
            "!body: [1,2]|body: <html> <h1>Bad gateway</h1> </html> \n");
  EXPECT_EQ(drawn(rows_of(response_of(200, {}, std::string("\0\1", 2)), response_of(200, {}, ""))),
            "!body: 2 bytes|body: (empty)\n");
  EXPECT_TRUE(rows_of(response_of(200, {}, std::string("\0\1", 2)),
                      response_of(200, {}, std::string("\0\2", 2)))
                  .rows.empty());
}

TEST(SideBySide, IsScrubbedAsAllIs) {
  const std::string before =
      R"({"phone":"13812345678","password":"planted-s3cret","n":1,"13812345678":{"token":["planted-s3cret"]}})";
  const std::string after =
      R"({"phone":"13987654321","password":"planted-s3cret","n":2,"13812345678":{"token":["planted-s3cret2"]}})";
  const std::string shown = drawn(rows_of(before, after));
  EXPECT_NE(shown.find("!n: 1|n: 2"), shown.npos) << shown;
  for (const char* secret : {"13812345678", "13987654321", "planted-s3cret"})
    EXPECT_EQ(shown.find(secret), shown.npos) << shown;
  const std::string plain =
      drawn(rows_of(json_response(before), json_response(after), {}, Scrubber::off()));
  EXPECT_NE(plain.find("!phone: \"13812345678\"|phone: \"13987654321\""), plain.npos) << plain;
}

TEST(SideBySide, IsBounded) {
  std::string before = "[", after = "[";
  for (int i = 0; i < 100'000; ++i) {
    before += "{\"a\":[" + std::to_string(i) + "]},";
    after += "{\"a\":[" + std::to_string(-1 - i) + "]},";
  }
  const SideBySide many = rows_of(before + "0]", after + "0]");
  EXPECT_TRUE(many.cut);
  EXPECT_LE(many.rows.size(), SideBySide::kMaxRows + Tree::kMaxDepth);
  drawn(many);
  const std::string nest(150, '['), ends(150, ']');
  EXPECT_FALSE(rows_of(nest + "1" + ends, nest + "2" + ends).rows.empty());
  const std::string text(200'000, 'x');
  for (const TreeRow& row : rows_of("[\"" + text + "\"]", "[\"" + text + "y\"]").rows)
    EXPECT_LE(row.production.size() + row.canary.size(), 2 * SideBySide::kMaxText + 100);
}

// An answer of shop.v1.Shop/Get.
Response item(std::uint64_t price, const std::string& mail) {
  std::string message;
  append_field(message, {1, WireType::Length, 0, "tea"});
  append_field(message, {2, WireType::Varint, price, {}});
  append_field(message, {3, WireType::Length, 0, mail});
  Response response = response_of(200, {{"content-type", "application/grpc"}}, "");
  response.version = "2";
  response.trailers = {{"grpc-status", "0"}};
  grpc::append_message(response.body, false, message);
  response.body_bytes = response.body.size();
  return response;
}

TEST(SideBySide, MessagesOfGrpcStandThereByTheirFields) {
  CompareOptions options;
  options.schemas = std::make_shared<const CurrentSchemas>(
      Schemas{schema_of("syntax = \"proto3\"; package shop.v1; message Id { int64 id = 1; }"
                        "message Item { string name = 1; int64 price = 2; string mail = 3; }"
                        "service Shop { rpc Get(Id) returns (Item); }")});
  Scrubber scrubber = Scrubber::builtin();
  scrubber.use_schemas(options.schemas);
  const Comparator comparator(options, scrubber);
  Trial trial = trial_of(item(3, "a@example.com"), item(4, "b@example.com"));
  trial.exchange->request.method = "POST";
  trial.exchange->request.target = "/shop.v1.Shop/Get";
  trial.exchange->request.headers = {{"content-type", "application/grpc"}};
  const std::string rows =
      drawn(side_by_side(trial, comparator.compare(trial), comparator, scrubber));
  EXPECT_NE(rows.find("name: \"tea\"|name: \"tea\"\n"), rows.npos) << rows;
  EXPECT_NE(rows.find("!price: "), rows.npos) << rows;
  EXPECT_NE(rows.find("mail: "), rows.npos) << rows;
  EXPECT_EQ(rows.find("@example.com"), rows.npos) << rows;
}

TEST(SideBySide, IsEscapedOnThePage) {
  const SideBySide bodies = rows_of(R"({"<b>\"'&":"<script>alert(1)</script>","n":{"</div>":1}})",
                                    R"({"<b>\"'&":"</code></details>","n":{"</div>":2}})");
  const std::string html = html_side_by_side(bodies);
  for (const char* never : {"<b>", "<script", "</code></details>\"", "</div>:", "\"'&"})
    EXPECT_EQ(html.find(never), html.npos) << html;
  EXPECT_NE(html.find("&lt;script&gt;alert(1)&lt;/script&gt;"), html.npos) << html;
  EXPECT_NE(html.find("<details open><summary class=\"pair same\" style=\"--i:1\">"), html.npos);
  const auto count = [&](const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = html.find(what, at)) != html.npos; at += what.size()) ++found;
    return found;
  };
  EXPECT_EQ(count("<details"), count("</details>"));
  EXPECT_EQ(count("<div"), count("</div>"));
}

TEST(SideBySide, StandsOnThePageOnce) {
  const SideBySide bodies = rows_of("[1]", "[2]");
  BodiesOf all{{"id", &bodies}};
  EXPECT_NE(html_side_by_side(all, "id").find("class=\"tree\""), std::string::npos);
  EXPECT_EQ(html_side_by_side(all, "id").find("class=\"tree\""), std::string::npos);
  EXPECT_EQ(html_side_by_side(all, "other"), "");
  EXPECT_EQ(html_side_by_side(SideBySide{}), "");
}

}  // namespace
}  // namespace gray
