// What is seen as handed out and as given back, on hand-made messages.
#include <gtest/gtest.h>

#include <map>

#include "replay/content/encode.h"
#include "replay/session/given_back.h"
#include "replay/session/handed_out.h"
#include "replay/session/json_scalars.h"
#include "replay/session/url_text.h"

namespace gray {
namespace {

using Values = std::map<std::string, std::string>;

Values scalars(std::string_view text) {
  Values values;
  EXPECT_TRUE(each_json_scalar(text, [&](const JsonScalar& scalar) {
    values[std::string(scalar.path)] = text.substr(scalar.begin, scalar.end - scalar.begin);
  })) << text;
  return values;
}

TEST(JsonScalars, ValuesHaveTheirPaths) {
  EXPECT_EQ(scalars(R"( {"a": "x\"y", "b": [1, {"c": -2.5e3}, [], {}], "d": {"e": null, "f": "g"},
                         "h": true} )"),
            (Values{{"$.a", "x\\\"y"}, {"$.b[0]", "1"}, {"$.b[1].c", "-2.5e3"}, {"$.d.f", "g"}}));
  EXPECT_EQ(scalars("[\"a\",\"b\"]"), (Values{{"$[0]", "a"}, {"$[1]", "b"}}));
  EXPECT_EQ(scalars("7"), (Values{{"$", "7"}}));
}

TEST(JsonScalars, NonsenseIsToldAndNeverReadBeyondItsEnd) {
  const auto ignore = [](const JsonScalar&) {};
  for (const char* text : {"", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":1", "[1", "[1,", "\"a",
                           "\"a\\", "{a:1}", "[1 2]", "tru", "{} {}", "]", "{\"a\":1]"})
    EXPECT_FALSE(each_json_scalar(text, ignore)) << text;
  EXPECT_FALSE(each_json_scalar(std::string(100'000, '['), ignore));
}

TEST(HandedOut, CookiesHeadersLocationJsonAndHtml) {
  Response response;
  response.headers = {{"Set-Cookie", "sid=abc123; Path=/; HttpOnly"},
                      {"set-cookie", "gone=; Max-Age=0"},
                      {"X-CSRF-Token", "tok-1"},
                      {"Location", "http://shop/orders/A%2d17/items?code=xyz9&q=1"},
                      {"Content-Type", "application/json; charset=utf-8"}};
  response.body = R"({"id": 1234, "name": "Somebody", "items": [{"orderId": "o-77"}],
                      "blob": "0123456789abcdef", "text": "it is 17 long words"})";
  Values seen;
  const auto note = [&](const std::string& where, std::string_view value) { seen[where] = value; };
  each_handed_out(response, note);
  EXPECT_EQ(seen, (Values{{"cookie.sid", "abc123"},
                          {"header.x-csrf-token", "tok-1"},
                          {"location.path[1]", "A-17"},
                          {"location.query.code", "xyz9"},
                          {"json.$.id", "1234"},
                          {"json.$.items[0].orderId", "o-77"},
                          {"json.$.blob", "0123456789abcdef"}}));
  seen.clear();
  response.headers = {{"Content-Type", "text/html"}};
  response.body = R"(<META content="m-token" name="csrf-token"><p><input type=hidden
      value='f-token' name='authenticity_token'/><input name=q value=other><input)";
  each_handed_out(response, note);
  EXPECT_EQ(seen, (Values{{"html.csrf-token", "m-token"}, {"html.authenticity_token", "f-token"}}));
}

TEST(HandedOut, OfCodedBodiesAndEncodedCookies) {
  Response response;
  response.headers = {{"Set-Cookie", "XSRF-TOKEN=eyJpdiI6%3D%3D; Path=/"},
                      {"Content-Type", "application/json"},
                      {"Content-Encoding", "gzip"}};
  response.body = *encode_gzip(R"({"id": "o-1234"})");
  Values seen;
  const auto note = [&](const std::string& where, std::string_view value) { seen[where] = value; };
  each_handed_out(response, note);
  EXPECT_EQ(seen, (Values{{"cookie.XSRF-TOKEN", "eyJpdiI6%3D%3D"},
                          {"cookie.XSRF-TOKEN decoded", "eyJpdiI6=="},
                          {"json.$.id", "o-1234"}}));
  EXPECT_EQ(place_instead("cookie.XSRF-TOKEN decoded"), "cookie.XSRF-TOKEN");
  EXPECT_EQ(place_instead("cookie.sid"), "");
  for (std::size_t cut = 0; cut < response.body.size(); ++cut) {
    Response part = response;
    part.body.resize(cut);
    each_handed_out(part, note);
  }
  seen.clear();
  response.headers[2].value = "aes128gcm";
  each_handed_out(response, note);
  EXPECT_EQ(seen.size(), 2u) << "a coding that nobody knows";
}

Request request() {
  Request request;
  request.target = "/orders/A%2D17?code=x+yz&code=second";
  request.headers = {{"Cookie", "sid=abc123; other=1; lang=en-GB"},
                     {"Authorization", "Bearer tok-9"},
                     {"User-Agent", "curl/8"},
                     {"Content-Type", "application/json"}};
  request.body = R"({"order": {"id": 1234, "note": "a\"b c"}})";
  return request;
}

TEST(GivenBack, EveryPlaceIsSeen) {
  const Request asked = request();
  Values seen;
  each_given_back(asked, [&](const GivenBack& value) { seen[value.place] = value.value; });
  EXPECT_EQ(seen, (Values{{"path[0]", "orders"},
                          {"path[1]", "A-17"},
                          {"query.code", "x yz"},
                          {"query.code#2", "second"},
                          {"cookie.sid", "abc123"},
                          {"cookie.lang", "en-GB"},
                          {"header.authorization", "tok-9"},
                          {"json.$.order.id", "1234"},
                          {"json.$.order.note", "a\"b c"}}));
}

TEST(GivenBack, OnlyWhatIsReplacedChanges) {
  Request asked = request();
  each_given_back(asked, [&](const GivenBack& value) -> std::optional<std::string> {
    if (value.place == "path[1]" || value.place == "query.code#2" || value.place == "cookie.sid" ||
        value.place == "header.authorization" || value.place == "json.$.order.id")
      return "<" + value.place + ">";
    return std::nullopt;
  });
  EXPECT_EQ(asked.target, "/orders/<path[1]>?code=x+yz&code=<query.code#2>");
  EXPECT_EQ(asked.headers[0].value, "sid=<cookie.sid>; other=1; lang=en-GB");
  EXPECT_EQ(asked.headers[1].value, "Bearer <header.authorization>");
  EXPECT_EQ(asked.body, R"({"order": {"id": <json.$.order.id>, "note": "a\"b c"}})");
}

TEST(GivenBack, FormsToo) {
  Request asked;
  asked.target = "/";
  asked.headers = {{"content-type", "application/x-www-form-urlencoded"}};
  asked.body = "csrf=a%2Bbc&x=1";
  each_given_back(asked, [](const GivenBack& value) -> std::optional<std::string> {
    EXPECT_EQ(value.place, "form.csrf");
    EXPECT_EQ(value.value, "a+bc");
    return percent_encoded("n/w");
  });
  EXPECT_EQ(asked.body, "csrf=n%2Fw&x=1");
}

}  // namespace
}  // namespace gray
