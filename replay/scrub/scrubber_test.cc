#include "replay/scrub/scrubber.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "replay/content/base64.h"
#include "replay/content/decode.h"
#include "replay/content/encode.h"
#include "replay/scrub/scrubber_for_test.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

// Everything is dropped, masked or hashed here, so that what comes out can be read off.
constexpr const char* kRules = R"(
    - {field: header.authorization, action: drop}
    - {field: header.x-kept, action: keep}
    - {field: cookie.session, action: mask, keep_first: 2}
    - {field: cookie.gone, action: drop}
    - {field: cookie.lang, action: keep}
    - {field: query.token, action: mask}
    - {field: query.gone, action: drop}
    - {field: query.phone, action: keep}
    - {field: form.password, action: drop}
    - {field: form.note, action: mask}
    - {field: json.$.user.phone, action: mask, keep_first: 3, keep_last: 4}
    - {field: 'json.$.a[0].b', action: mask}
    - {field: 'json.$.list[*].x', action: drop}
    - {field: json.$..secret_thing, action: drop}
    - {field: json.$.all, action: mask}
    - {field: json.$.all.but, action: keep}
    - {field: 'json.$.arr[*]', action: drop}
    - {field: json.$.user_id, action: keep}
    - {pattern: 'ORD-[0-9]+', action: mask, keep_first: 4}
    - {pattern: 'onlybody', in: [body], action: drop}
    - {pattern: '1[3-9][0-9]{9}', action: mask, keep_first: 3, keep_last: 4}
)";

struct Case {
  const char* in;
  const char* out;
};

TEST(Scrubber, Targets) {
  const Scrubber scrubber = scrubber_with(kRules);
  const Case kCases[] = {
      {"/", "/"},
      {"*", "*"},
      {"/a/b?x=1&y=2&&z", "/a/b?x=1&y=2&&z"},
      {"/a?token=abc", "/a?token=***"},
      {"/a?%74oken=abc", "/a?%74oken=***"},
      {"/a?gone=1&x=2", "/a?x=2"},
      {"/a?x=2&gone=1", "/a?x=2"},
      {"/a?gone=1", "/a?"},
      {"/u/13812345678/o", "/u/138****5678/o"},
      {"/u/%313812345678/o", "/u/%3138****5678/o"},
      {"/u/%25313812345678/o", "/u/%253138****5678/o"},
      {"/u?x=%2b+%313812345678&y=%20", "/u?x=%2B+138****5678&y=%20"},
      {"/u?x=100%13812345678", "/u?x=100%138****5678"},
      {"/u?x=%u00313812345678", "/u?x=138****5678"},
      {"/u?phone=13812345678", "/u?phone=13812345678"},
      {"/u?13812345678", "/u?138****5678"},
      {"/u?x=ORD-123%20", "/u?x=ORD-***+"},
      {"/u?x=onlybody", "/u?x=onlybody"},
      {"/u?j=%7B%22user%22%3A%7B%22phone%22%3A%22123456789%22%7D%7D",
       "/u?j=%7B%22user%22%3A%7B%22phone%22%3A%22123**6789%22%7D%7D"},
      {"http://h:1/a?token=x#f", "http://h:1/a?token=*#f"},
      {"/%zz%4", "/%zz%4"},
  };
  for (const Case& c : kCases) {
    Request request;
    request.target = c.in;
    EXPECT_EQ(scrubber.scrub(request), nullptr) << c.in;
    EXPECT_EQ(request.target, c.out) << c.in;
  }
}

TEST(Scrubber, CodedBodiesAreCodedAgain) {
  const Scrubber scrubber = scrubber_with(kRules);
  for (const char* list : {"gzip", "deflate", "br", "zstd", "gzip, br"}) {
    const auto codings = *parse_codings(list);
    for (const Case& c :
         {Case{R"({"user":{"phone":"13812345678"}})", R"({"user":{"phone":"138****5678"}})"},
          Case{R"({"a":1})", R"({"a":1})"}}) {
      Request request = post("application/json", *encode(codings, c.in));
      request.headers.push_back({"Content-Encoding", list});
      ASSERT_EQ(scrubber.scrub(request), nullptr) << list;
      EXPECT_EQ(decode(codings, request.body).bytes, c.out) << list;
      EXPECT_EQ(*find_header(request.headers, "content-length"),
                std::to_string(request.body.size()));
    }
  }
  // What a client does not read is no place to hide in.
  Request hidden = post("application/json", *encode_gzip("[1]") + "13812345678");
  hidden.headers.push_back({"Content-Encoding", "gzip"});
  ASSERT_EQ(scrubber.scrub(hidden), nullptr);
  EXPECT_EQ(hidden.body.find("13812345678"), std::string::npos);
}

TEST(Scrubber, HeadersAndCookies) {
  const Scrubber scrubber = scrubber_with(kRules);
  Request request;
  request.target = "/";
  request.headers = {{"Host", "shop.example"},
                     {"AUTHORIZATION", "Bearer x"},
                     {"X-Kept", "13812345678"},
                     {"Cookie", "lang=zh; session=\"abcdef\";gone=1"},
                     {"cookie", "gone=2"},
                     {"Referer", "https://h/p?token=abc&x=13812345678"},
                     {"X-Note", "call 13812345678 or %313812345678, ORD-77"},
                     {"ETag", "\"3f13812345678ab\""},
                     {"Content-Type", "multipart/form-data; boundary=13812345678"}};
  request.trailers = {{"X-Sum", "13812345678"}};
  ASSERT_EQ(scrubber.scrub(request), nullptr);
  std::string text;
  for (const Header& header : request.headers) text += header.name + ": " + header.value + "\n";
  EXPECT_EQ(text,
            "Host: shop.example\n"
            "X-Kept: 13812345678\n"
            "Cookie: lang=zh; session=\"ab****\"\n"
            "Referer: https://h/p?token=***&x=138****5678\n"
            "X-Note: call 138****5678 or %3138****5678, ORD-**\n"
            "ETag: \"3f138****5678ab\"\n"
            "Content-Type: multipart/form-data; boundary=13812345678\n");
  EXPECT_EQ(request.trailers[0].value, "138****5678");
}

TEST(Scrubber, JsonBodies) {
  const Scrubber scrubber = scrubber_with(kRules);
  const Case kCases[] = {
      {R"({"user":{"phone":"13812345678"}})", R"({"user":{"phone":"138****5678"}})"},
      {R"({"user":{"phone":13812345678}})", R"({"user":{"phone":13899995678}})"},
      {R"( { "a" : [ {"b" : "xyz" , "c":1.50} ] } )",
       R"( { "a" : [ {"b" : "***" , "c":1.50} ] } )"},
      {R"({"a":[0,{"b":"xyz"}]})", R"({"a":[0,{"b":"xyz"}]})"},
      {R"({"list":[{"x":1,"y":2},{"y":2,"x":1},{"x":1},{"y":1,"x":{"z":[1]},"w":2}]})",
       R"({"list":[{"y":2},{"y":2},{},{"y":1,"w":2}]})"},
      {R"({"secret_thing":1, "secret_thing":2})", R"({})"},
      {R"({"k":0,"secret_thing":1,"secret_thing":2})", R"({"k":0})"},
      {R"({"secret_thing":1,"k":0,"secret_thing":2})", R"({"k":0})"},
      {R"([{"x":{"secret_thing":[1,2]}}])", R"([{"x":{}}])"},
      {R"({"all":{"a":"bc","n":[12,null,true],"but":{"x":"bc"}}})",
       R"({"all":{"a":"**","n":[99,null,true],"but":{"x":"bc"}}})"},
      {R"({"arr":[1,"x",{}]})", R"({"arr":[null,null,null]})"},
      {R"({"user_id":13812345678})", R"({"user_id":13812345678})"},
      {R"({"m":"\u0031\u00338\u0031\u0032345678 \"q\"\n"})", R"({"m":"138****5678 \"q\"\u000a"})"},
      {R"({"\u0075ser":{"phon\u0065":"123456789"}})",
       R"({"\u0075ser":{"phon\u0065":"123**6789"}})"},
      {R"({"13812345678":1})", R"({"138****5678":1})"},
      {R"({"m":"ORD-12 onlybody."})", R"({"m":"ORD-** ."})"},
      {R"({"doc":"{\"user\":{\"phone\":\"123456789\"}}"})",
       R"({"doc":"{\"user\":{\"phone\":\"123**6789\"}}"})"},
      {R"({"keep":"\u00e9\/\ud83d\ude00","n":1.0e5,"big":123456789012345678901234567890})",
       R"({"keep":"\u00e9\/\ud83d\ude00","n":1.0e5,"big":123456789012345678901234567890})"},
      {"{\"a\":1}\n{\"user\":{\"phone\":\"123456789\"}}\n",
       "{\"a\":1}\n{\"user\":{\"phone\":\"123**6789\"}}\n"},
  };
  for (const Case& c : kCases) {
    Request request = post("application/json; charset=utf-8", c.in);
    EXPECT_EQ(scrubber.scrub(request), nullptr) << c.in;
    EXPECT_EQ(request.body, c.out) << c.in;
    EXPECT_EQ(*find_header(request.headers, "content-length"), std::to_string(request.body.size()));
    EXPECT_EQ(request.body_bytes, request.body.size());
  }
}

TEST(Scrubber, FormBodies) {
  const Scrubber scrubber = scrubber_with(kRules);
  const Case kCases[] = {
      {"a=1&b=2", "a=1&b=2"},
      {"password=x&a=1", "a=1"},
      {"a=1&note=ab%20c", "a=1&note=****"},
      {"a=%31%33812345678&b=+x", "a=138****5678&b=+x"},
      {"a=13812345678\r\n", "a=138****5678\r\n"},
      {R"({"user":{"phone":"123456789"}})", R"({"user":{"phone":"123**6789"}})"},
  };
  for (const Case& c : kCases) {
    Request request = post("application/x-www-form-urlencoded", c.in);
    EXPECT_EQ(scrubber.scrub(request), nullptr) << c.in;
    EXPECT_EQ(request.body, c.out) << c.in;
  }
}

TEST(Scrubber, MultipartBodies) {
  const Scrubber scrubber = scrubber_with(kRules);
  const auto part = [](const std::string& name, const std::string& body, const std::string& more) {
    return "Content-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n" + body;
  };
  const std::string json = "\r\nContent-Type: application/json";
  const std::string in = "--b\r\n" + part("password", "x", "") + "\r\n--b\r\n" +
                         part("note", "abc", "") + "\r\n--b\r\n" +
                         part("f", "tel 13812345678\r\n", "; filename=\"13812345678.txt\"") +
                         "\r\n--b\r\n" + part("j", R"({"user":{"phone":"123456789"}})", json) +
                         "\r\n--b--\r\nepilogue 13812345678";
  const std::string out = "--b\r\n" + part("note", "***", "") + "\r\n--b\r\n" +
                          part("f", "tel 138****5678\r\n", "; filename=\"138****5678.txt\"") +
                          "\r\n--b\r\n" + part("j", R"({"user":{"phone":"123**6789"}})", json) +
                          "\r\n--b--\r\n";
  Request request = post("multipart/form-data; boundary=b", in);
  EXPECT_EQ(scrubber.scrub(request), nullptr);
  EXPECT_EQ(request.body, out);
  EXPECT_EQ(*find_header(request.headers, "content-length"), std::to_string(out.size()));
}

TEST(Scrubber, WhatCannotBeReadDoesNotLeave) {
  const std::string deep = std::string(500, '[') + std::string(500, ']');
  const struct {
    const char* type;
    std::string body;
    const char* name;
  } kCases[] = {
      {"application/json", "{", "bad_json"},
      {"application/json", "{\"a\":1,}", "bad_json"},
      {"application/json", "{\"a\" 1}", "bad_json"},
      {"application/json", "[1,]", "bad_json"},
      {"application/json", "[01]", "bad_json"},
      {"application/json", "[1.]", "bad_json"},
      {"application/json", "[\"a]", "bad_json"},
      {"application/json", "[\"\\x\"]", "bad_json"},
      {"application/json", "[\"\\u12\"]", "bad_json"},
      {"application/json", "[\"a\nb\"]", "bad_json"},
      {"application/json", "[nul]", "bad_json"},
      {"application/json", "{'a':1}", "bad_json"},
      {"application/json", "[\"\xff\"]", "bad_json"},
      {"application/json", " ", "bad_json"},
      {"application/problem+json", "[1]]", "bad_json"},
      {"application/json", deep, "bad_json"},
      {"application/json; charset=utf-16", "[1]", "bad_encoding"},
      {"text/plain; charset=gb18030", "x", "bad_encoding"},
      {"application/x-www-form-urlencoded", std::string("a=\0", 3), "bad_form"},
      {"multipart/form-data", "--b\r\n\r\nx\r\n--b--", "bad_multipart"},
      {"multipart/form-data; boundary=b", "x", "bad_multipart"},
      {"multipart/form-data; boundary=b", "--b\r\n\r\nx\r\n--b", "bad_multipart"},
      {"multipart/form-data; boundary=b", "--b\r\nnocolon\r\n\r\nx\r\n--b--", "bad_multipart"},
      {"multipart/form-data; boundary=b",
       "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--", "bad_encoding"},
      {"multipart/form-data; boundary=b",
       "--b\r\nContent-Type: image/png\r\n\r\n\x89PNG\x01\r\n--b--", "opaque_body"},
      {"image/png", "\x89PNG\r\n\x1a\n", "opaque_body"},
      {"application/octet-stream", std::string("\0\1", 2), "opaque_body"},
      {"application/grpc-web-text", "AAAA", "opaque_body"},
      {"text/plain", "\xd0\xd5", "opaque_body"},
  };
  const Scrubber scrubber = Scrubber::builtin();
  for (const auto& c : kCases) {
    Request request = post(c.type, c.body);
    const char* name = scrubber.scrub(request);
    EXPECT_STREQ(name ? name : "goes on", c.name) << c.type << ' ' << c.body.substr(0, 80);
  }
  Request zipped = post("application/json", "[1]");
  zipped.headers.push_back({"Content-Encoding", "gzip"});
  EXPECT_STREQ(scrubber.scrub(zipped), "bad_encoding");
  zipped.headers.back().value = "compress";
  EXPECT_STREQ(scrubber.scrub(zipped), "unknown_encoding");
  Request split = post("text/plain", "x");
  split.headers.push_back({"X-A", "a\r\nX-B: c"});
  EXPECT_STREQ(scrubber.scrub(split), "bad_header");
  Request control = post("text/plain", "x");
  control.target = "/a\tb";
  EXPECT_STREQ(scrubber.scrub(control), "bad_target");
  Request empty = post("image/png", "");
  EXPECT_EQ(scrubber.scrub(empty), nullptr);
  Request chunked = post("text/plain", "13812345678 x");
  chunked.chunked = true;
  chunked.headers[2] = {"Transfer-Encoding", "chunked"};
  EXPECT_EQ(scrubber.scrub(chunked), nullptr);
  EXPECT_EQ(find_header(chunked.headers, "content-length"), nullptr);
}

TEST(Scrubber, TheBuiltinSetLeavesWhatIsNoSecret) {
  const Scrubber scrubber = Scrubber::builtin();
  const std::string body =
      R"({"order":"202401021314151234","id":4111111111111112,"ts":1700000000123,)"
      R"("at":"2024-01-02T03:04:05Z","v":"1.2.3","uuid":"550e8400-e29b-41d4-a716-446655440000",)"
      R"("n":[12345678901,0.13812345678,22345678901],"page_token":"abc","price":12.50,"ok":true})";
  Request request = post("application/json", body);
  request.target = "/api/v1/items/22345678901?page=2&size=20&sort=-price&q=a+b%20c&code=200";
  request.headers.push_back({"User-Agent", "Mozilla/5.0 Chrome/119.0.0.0"});
  request.headers.push_back(
      {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"});
  request.headers.push_back({"Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8"});
  request.headers.push_back({"If-Modified-Since", "Tue, 02 Jan 2024 03:04:05 GMT"});
  const Request before = request;
  EXPECT_EQ(scrubber.scrub(request), nullptr);
  EXPECT_EQ(request.target, before.target);
  EXPECT_EQ(request.body, before.body);
  for (std::size_t i = 0; i < before.headers.size(); ++i)
    EXPECT_EQ(request.headers[i].value, before.headers[i].value);
}

TEST(Scrubber, OneSecretHasOneTokenInEveryPlace) {
  const Scrubber scrubber = scrubber_with("");
  const std::string token = scrubber.scrub_value("json.$.phone", "13812345678");
  EXPECT_EQ(scrubber.scrub_text("x 13812345678"), "x " + token);
  EXPECT_EQ(scrubber.scrub_value("target", "/a?p=13812345678"), "/a?p=" + token);
  EXPECT_EQ(scrubber.scrub_value("body", "{\"m\":\"138\\u00312345678\"}"),
            "{\"m\":\"" + token + "\"}");
  EXPECT_EQ(scrubber.scrub_value("header.authorization", "Bearer 13812345678"), "Bearer " + token);
  EXPECT_EQ(scrubber.scrub_value("header.cookie", "a=13812345678"), "a=" + token);
  EXPECT_EQ(scrubber.scrub_value("header.authorization",
                                 "Basic " + base64_encode("13812345678:13812345678")),
            "Basic " + base64_encode(token + ":" + token));
  const std::string password = scrubber.scrub_value("query.password", "Hunter2/x");
  EXPECT_EQ(scrubber.scrub_value("json.$.password", "\"Hunter2/x\""), "\"" + password + "\"");
  EXPECT_EQ(scrubber.scrub_value("header.x-forwarded-uri", "/a?password=Hunter2%2Fx"),
            "/a?password=" + password.substr(0, 7) + "%2F" + password.substr(8));
  EXPECT_EQ(scrubber_with("").scrub_text("13812345678"), token);  // the key makes it so
  EXPECT_NE(scrubber_with("", "true", 'x').scrub_text("13812345678"), token);
  EXPECT_NE(Scrubber::builtin().scrub_text("a@example.com"),
            Scrubber::builtin().scrub_text("a@example.com"));  // a key each
}

TEST(Scrubber, ValuesForPeople) {
  const Scrubber scrubber = scrubber_with(kRules);
  EXPECT_EQ(scrubber.scrub_value("status", "200"), "200");
  EXPECT_EQ(scrubber.scrub_value("header.location", "/a?token=ab"), "/a?token=**");
  EXPECT_EQ(scrubber.scrub_value("header.set-cookie", "session=abcd; Path=/; HttpOnly"),
            "session=ab**; Path=/; HttpOnly");
  EXPECT_EQ(scrubber.scrub_value("header.authorization", "x"), "");
  EXPECT_EQ(scrubber.scrub_value("json.$.user.phone", "\"123456789\""), "\"123**6789\"");
  EXPECT_EQ(scrubber.scrub_value("json.$.user.phone", "123456789"), "123996789");
  EXPECT_EQ(scrubber.scrub_value("json.$.user", R"({"phone":"123456789"})"),
            R"({"phone":"123**6789"})");
  EXPECT_EQ(scrubber.scrub_value("json.$.user", R"({"phone":"123456789","x":"cut)"),
            R"({"phone":"123**6789","x":"cut)");
  EXPECT_EQ(scrubber.scrub_value("body", R"({"all":{"x":"abc"},"y":[1,"cut \u00)"),
            R"({"all":{"x":"***"},"y":[1,"cut \u00)");
  EXPECT_EQ(scrubber.scrub_value("body", std::string("\0\1", 2)), "(2 bytes that are no text)");
  EXPECT_EQ(Scrubber::off().scrub_value("json.$.user.phone", "x"), "x");
}

TEST(Scrubber, Off) {
  EXPECT_FALSE(Scrubber::from_option("off").on());
  EXPECT_TRUE(Scrubber::from_option("builtin").on());
  EXPECT_THROW(Scrubber::from_option("nosuch.yaml"), UsageError);
  Request request = post("image/png", "\x01");
  request.target = "/13812345678";
  EXPECT_EQ(Scrubber::off().scrub(request), nullptr);
  EXPECT_EQ(request.target, "/13812345678");
  const Scrubber no_builtin = scrubber_with("", "false");
  Request plain = post("text/plain", "13812345678");
  EXPECT_EQ(no_builtin.scrub(plain), nullptr);
  EXPECT_EQ(plain.body, "13812345678");
}

}  // namespace
}  // namespace gray
