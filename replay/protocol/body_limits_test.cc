// What is kept of bodies: as much as the options say, of one and of all together, and how many
// bytes there were.
#include <gtest/gtest.h>

#include "replay/protocol/capture_builder.h"
#include "replay/protocol/extractor.h"

namespace gray {
namespace {

const std::string kGet = "GET /a HTTP/1.1\r\nHost: shop\r\n\r\n";

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(BodyLimits, NoMoreIsKeptOfABodyThanMayBe) {
  Conversation talk;
  talk.open().client(kGet).server(ok(std::string(5000, 'x')));
  Extraction extraction({.max_body = 1000});
  EXPECT_EQ(extraction.feed(talk).finish(), "GET /a 200");
  const Response& response = *extraction.exchanges.list.at(0).response;
  EXPECT_EQ(response.body.size(), 1000U);
  EXPECT_EQ(response.body_bytes, 5000U);
  EXPECT_TRUE(response.truncated);
  EXPECT_TRUE(response.complete);
}

TEST(BodyLimits, AllMessagesTogetherKeepToTheirBudget) {
  const std::string body(10'000, 'x');
  Extraction extraction({.max_kept = 25'000});
  for (std::uint16_t port = 1; port <= 4; ++port)
    extraction.feed(Conversation(port).open().client(kGet).server(
        "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + body));
  extraction.finish();
  std::size_t kept = 0;
  for (const Exchange& e : extraction.exchanges.list)
    if (e.response) {
      EXPECT_EQ(e.response->body_bytes, 10'000U);
      EXPECT_EQ(e.response->truncated, e.response->body.empty());
      kept += e.response->body.size();
    }
  EXPECT_EQ(extraction.exchanges.list.size(), 4U);
  EXPECT_EQ(kept, 20'000U);
  EXPECT_EQ(extraction.feed(Conversation(9).open().client(kGet).server(ok(body))).finish(),
            "GET /a 200!, GET /a 200!, GET /a 200!, GET /a 200!, GET /a 200");
  EXPECT_EQ(extraction.exchanges.list.back().response->body.size(), 10'000U);
}

TEST(BodyLimits, MissingBytesAreCounted) {
  Conversation talk;
  talk.open().client(kGet).server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  talk.lose_server("defg").server("hij").ack(0);
  Extraction extraction;
  EXPECT_EQ(extraction.feed(talk).finish(), "GET /a 200!");
  const Response& response = *extraction.exchanges.list.at(0).response;
  EXPECT_EQ(response.body, "abc");
  EXPECT_EQ(response.body_bytes, 10U);
  EXPECT_TRUE(response.truncated);
  EXPECT_EQ(extraction.extractor.summary().gap_bytes, 4U);
}

}  // namespace
}  // namespace gray
