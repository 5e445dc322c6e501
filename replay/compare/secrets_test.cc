// What the Comparator says holds no secret, and takes no scrubbing for a difference.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "replay/compare/compare.h"
#include "replay/compare/trial_for_test.h"

namespace gray {
namespace {

constexpr const char* kPhone = "13812345678";
constexpr const char* kCard = "4111111111111111";
constexpr const char* kToken = "Bearer planted-s3cret-bearer-value";
constexpr const char* kCookie = "planted-s3cret-cookie-value";

std::string all_text(const Comparison& comparison) {
  std::string text;
  for (const Difference& difference : comparison.differences)
    text += difference.field + '\n' + difference.production + '\n' + difference.canary + '\n';
  return text;
}

void expect_no_secret(const std::string& text) {
  for (const char* secret : {kPhone, kCard, "planted-s3cret", "Frankenstein"})
    EXPECT_EQ(text.find(secret), text.npos) << secret << " in\n" << text;
}

// Every place of a response in which a secret can stand, and a canary that answers otherwise.
std::pair<Response, Response> full_of_secrets() {
  const std::string phone = kPhone;
  Response production = json_response(
      "{\"phone\":\"" + phone + "\",\"as_number\":" + phone + ",\"" + phone +
      "\":1,\"note\":\"call " + phone + "\",\"card\":\"" + kCard +
      "\",\"password\":\"planted-s3cret\",\"tokens\":{\"access_token\":\"" +
      "planted-s3cret-1\"},\"secret\":{\"deep\":[\"planted-s3cret-2\"]},\"gone\":{\"phone\":\"" +
      phone + "\"}}");
  production.headers.push_back({"Authorization", kToken});
  production.headers.push_back({"Set-Cookie", std::string("sid=") + kCookie});
  production.headers.push_back({"X-Phone", phone});
  production.headers.push_back({"Location", "/u?phone=" + phone + "&token=planted-s3cret"});
  production.headers.push_back({phone, "1"});
  Response canary = json_response(
      R"({"phone":1,"as_number":"x","note":"call me","card":null,"password":[],"tokens":{"access_token":5},)"
      R"("secret":{"deep":["other"]}})");
  return {production, canary};
}

TEST(Secrets, AreInNoDifference) {
  const auto [production, canary] = full_of_secrets();
  CompareOptions all;
  all.default_ignores = false;
  for (const CompareOptions& options : {CompareOptions{}, all}) {
    const Scrubber scrubber = Scrubber::builtin();
    const Comparator comparator(options, scrubber);
    const Comparison forth = comparator.compare(trial_of(production, canary));
    const Comparison back = comparator.compare(trial_of(canary, production));
    EXPECT_GT(forth.differences.size(), 8u) << all_text(forth);
    EXPECT_GT(back.differences.size(), 8u) << all_text(back);
    expect_no_secret(all_text(forth));
    expect_no_secret(all_text(back));
  }
}

TEST(Secrets, AreSeenWithTheScrubberOff) {
  const auto [production, canary] = full_of_secrets();
  const Scrubber off = Scrubber::off();
  const std::string text = all_text(Comparator({}, off).compare(trial_of(production, canary)));
  for (const char* secret : {kPhone, kCard, kToken, "planted-s3cret-1", "planted-s3cret-2"})
    EXPECT_NE(text.find(secret), text.npos) << secret;
}

TEST(Secrets, InBodiesThatAreNoJsonAreCountedNotShown) {
  const Scrubber scrubber = Scrubber::builtin();
  const auto text = [&](const std::string& production) {
    return all_text(Comparator({}, scrubber)
                        .compare(trial_of(response_of(200, {}, production),
                                          response_of(200, {}, "<p>hello</p>"))));
  };
  EXPECT_EQ(text(std::string("<p>") + kPhone),
            "body\n14 bytes, differs at 3\n12 bytes, differs at 3\n");
  expect_no_secret(text(std::string("{\"password\":\"") + kCookie));
}

// The scrubber's own work on a request's body, which an echoing canary answers with.
std::string as_sent(const Scrubber& scrubber, const std::string& body) {
  Request request;
  request.method = "POST";
  request.target = "/";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = body;
  EXPECT_EQ(scrubber.scrub(request), nullptr);
  EXPECT_NE(request.body, body);
  return request.body;
}

class Rules {
 public:
  explicit Rules(const std::string& yaml) {
    const int fd = ::mkstemp(path_);
    EXPECT_GE(fd, 0);
    ::close(fd);
    std::ofstream(path_) << yaml;
  }
  ~Rules() { ::unlink(path_); }
  Scrubber scrubber() const { return Scrubber::from_file(path_); }

 private:
  char path_[32] = "/tmp/rules-XXXXXX";
};

TEST(Echo, OfAScrubbedValueIsNoDifference) {
  const std::string body =
      std::string(R"({"phone":")") + kPhone + R"(","n":)" + kPhone +
      R"(,"password":"hunter22","user":{"name":"Frankenstein","ok":true},"a":1})";
  const Rules rules(
      "scrub:\n  rules:\n    - {field: json.$.user, action: tokenize}\n"
      "    - {field: json.$.a, action: keep}\n");
  for (const Scrubber& scrubber : {Scrubber::builtin(), rules.scrubber()}) {
    const Comparator comparator({}, scrubber);
    std::string echo = as_sent(scrubber, body);
    EXPECT_EQ(all_text(comparator.compare(trial_of(json_response(body), json_response(echo)))), "");
    EXPECT_EQ(all_text(comparator.compare(trial_of(json_response(body), json_response(body)))), "");
    echo.replace(echo.find("\"a\":1"), 5, "\"a\":2");
    EXPECT_EQ(all_text(comparator.compare(trial_of(json_response(body), json_response(echo)))),
              "json.$.a\n1\n2\n");
  }
}

TEST(Echo, PartlyFromTheRequestAndPartlyRaw) {
  const Scrubber scrubber = Scrubber::builtin();
  const std::string body = std::string(R"({"phone":")") + kPhone + R"("})";
  const std::string sent = as_sent(scrubber, body);
  const std::string production = "[" + body + "," + body + "]";
  const std::string canary = "[" + sent + "," + body + "]";
  EXPECT_EQ(all_text(Comparator({}, scrubber)
                         .compare(trial_of(json_response(production), json_response(canary)))),
            "");
}

TEST(Echo, InHeadersAndTextToo) {
  const Scrubber scrubber = Scrubber::builtin();
  const std::string phone = kPhone;
  const std::string token = scrubber.scrub_text(phone);
  ASSERT_NE(token, phone);
  const Response production = response_of(200, {{"X-Phone", phone}}, "call " + phone);
  const Response canary = response_of(200, {{"X-Phone", token}}, "call " + token);
  const Comparator comparator({}, scrubber);
  EXPECT_EQ(all_text(comparator.compare(trial_of(production, canary))), "");
  EXPECT_NE(all_text(comparator.compare(trial_of(canary, production))), "");
}

// Another secret is another token: the difference is told, the secrets are not.
TEST(Secrets, ThatDifferAreStillADifference) {
  const Scrubber scrubber = Scrubber::builtin();
  const Comparison comparison =
      Comparator({}, scrubber)
          .compare(trial_of(json_response(std::string(R"({"phone":")") + kPhone + R"("})"),
                            json_response(R"({"phone":"13987654321"})")));
  ASSERT_EQ(comparison.differences.size(), 1u);
  EXPECT_EQ(comparison.differences[0].field, "json.$.phone");
  expect_no_secret(all_text(comparison));
  EXPECT_EQ(all_text(comparison).find("13987654321"), std::string::npos);
}

TEST(Secrets, OfValuesOneBehindTheOtherAreWhereRulesSay) {
  const Rules rules(
      "scrub:\n  builtin: false\n  rules:\n    - {field: json.$.user, action: drop}\n"
      "    - {field: 'json.$.names[*]', action: mask, keep_first: 1, keep_last: 0}\n");
  const Scrubber scrubber = rules.scrubber();
  const auto lines = [](const std::string& body) {
    return response_of(200, {{"Content-Type", "application/x-ndjson"}}, "{}\n" + body);
  };
  const Comparison comparison =
      Comparator({}, scrubber)
          .compare(trial_of(lines(R"({"user":"Frankenstein","names":["Frankenstein"]})"
                                  "\n"
                                  R"({"names":["Frankenstein"],"x":1})"),
                            lines(R"({"user":"b","names":["Gerda"],"x":2})")));
  expect_no_secret(all_text(comparison));
  EXPECT_NE(all_text(comparison).find("json.$[1].names[0]"), std::string::npos);
  EXPECT_NE(all_text(comparison).find("json.$[2]"), std::string::npos);
}

TEST(Secrets, OfAnObjectThatARuleDropsAreNotShown) {
  const Rules rules(
      "scrub:\n  builtin: false\n  rules:\n    - {field: json.$.user, action: drop}\n"
      "    - {field: json.$..name, action: mask, keep_first: 1, keep_last: 0}\n");
  const Scrubber scrubber = rules.scrubber();
  const Comparison comparison =
      Comparator({}, scrubber)
          .compare(trial_of(
              json_response(
                  R"({"user":{"id":"Frankenstein"},"other":{"name":"Frankenstein"},"x":1})"),
              json_response(R"({"user":{"id":"b"},"other":{"name":"Gerda"},"x":2})")));
  expect_no_secret(all_text(comparison));
  EXPECT_EQ(comparison.differences.size(), 2u) << all_text(comparison);
  ASSERT_EQ(comparison.ignored.size(), 1u) << "what is not told apart is in the report";
  EXPECT_EQ(comparison.ignored[0].field, "json.$.user.id");
  EXPECT_EQ(comparison.ignored[0].why, "alike once scrubbed");
}

}  // namespace
}  // namespace gray
