// An exchange as a line, of JSON: its members, and bytes that are no UTF-8; and for people.
#include "tools/grayxdp/exchange_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tools/grayxdp/request_text.h"

namespace gray {
namespace {

TEST(ExchangeJson, TextKeepsEveryByte) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"plain", "plain"},
      {"\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80", "\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80"},
      {"\xff", "\xc3\xbf"},
      {"a\xc3", "a\xc3\x83"},
      {"\xed\xa0\x80", "\xc3\xad\xc2\xa0\xc2\x80"},
      {"\xc0\xaf", "\xc3\x80\xc2\xaf"},
  };
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(json_text(bytes), text);
    EXPECT_NO_THROW(nlohmann::json(json_text(bytes)).dump());
  }
}

TEST(ExchangeJson, HasTheDocumentedMembers) {
  Exchange exchange;
  exchange.protocol = "http/1.1";
  exchange.client = {IpAddress::parse("10.0.0.1"), 50000};
  exchange.server = {IpAddress::parse("10.0.0.2"), 80};
  exchange.request.method = "GET";
  exchange.request.target = "/a";
  exchange.request.authority = "shop";
  exchange.request.headers = {{"Host", "shop"}};
  exchange.request.complete = true;
  exchange.request.first_byte_ns = 1'000'000'001;
  EXPECT_EQ(
      to_json(exchange, true).dump(),
      R"({"id":"00000000000000000000000000000000","protocol":"http/1.1","client":"10.0.0.1:50000",)"
      R"("server":"10.0.0.2:80","community_id":"","stream":0,)"
      R"("time":"1970-01-01T00:00:01.000000001Z","request":{"method":"GET","target":"/a",)"
      R"("authority":"shop","headers":[["Host","shop"]],"body_bytes":0,"body_sha256":null,)"
      R"("complete":true},"response":null,"latency_ns":0})");
}

TEST(ExchangeJson, RequestIsNullWhenItWasNotSeen) {
  Exchange exchange;
  exchange.response.emplace();
  exchange.response->status = 408;
  exchange.response->first_byte_ns = 2'000'000'000;
  const auto json = to_json(exchange, false);
  EXPECT_TRUE(json["request"].is_null());
  EXPECT_EQ(json["response"]["status"], 408);
  EXPECT_FALSE(json["response"].contains("headers"));
  EXPECT_EQ(json["time"], "1970-01-01T00:00:02.000000000Z");
}

// Of a connection that the capture joined in the middle.
TEST(RequestText, SaysWhatWasNotSeen) {
  Exchange exchange;
  exchange.request.method = "POST";
  exchange.request.authority = "shop";
  exchange.request.target = kUnknownHeaderText;
  exchange.request.headers = {{"x-call", "7"}, {"te", std::string(kUnknownHeaderText)}};
  const std::string text = request_text(exchange, {.headers = true});
  EXPECT_NE(text.find("POST shop(not seen)"), text.npos) << text;
  EXPECT_NE(text.find("> te: (not seen)\n"), text.npos) << text;
  exchange.request.authority = kUnknownHeaderText;
  EXPECT_NE(request_text(exchange, {}).find("POST (not seen)\n"), text.npos);
  exchange.request.target = "/orders";
  EXPECT_NE(request_text(exchange, {}).find("POST (not seen)/orders"), text.npos);
}

}  // namespace
}  // namespace gray
