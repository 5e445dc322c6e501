#include "replay/protocol/exchange_id.h"

#include <gtest/gtest.h>

#include <set>

#include "replay/protocol/capture_builder.h"

namespace gray {
namespace {

constexpr std::string_view kGet = "GET /same HTTP/1.1\r\nHost: shop\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\nx";

TEST(ExchangeId, IsUniqueAndStable) {
  std::set<std::string> ids;
  for (std::uint16_t port = 1; port <= 20; ++port) {
    Conversation talk(port);
    talk.open();
    for (int i = 0; i < 10; ++i) talk.client(kGet).server(kOk);
    for (int again = 0; again < 2; ++again) {
      Extraction extraction;
      extraction.feed(talk).finish();
      for (const Exchange& e : extraction.exchanges.list) ids.insert(e.id.hex());
    }
  }
  EXPECT_EQ(ids.size(), 200U);
  EXPECT_EQ(ids.begin()->size(), 32U);
}

TEST(ExchangeId, InATunnelItIsOfItsOwnAndSoIsThePosition) {
  Conversation talk;
  talk.open().client("CONNECT h:80 HTTP/1.1\r\n\r\n").server("HTTP/1.1 200 X\r\n\r\n");
  talk.client(kGet).server(kOk).client(kGet).server(kOk);
  Extraction extraction;
  extraction.feed(talk).finish();
  std::set<std::string> ids;
  std::uint32_t position = 0;
  for (const Exchange& e : extraction.exchanges.list) {
    ids.insert(e.id.hex());
    EXPECT_EQ(e.position, position++);
  }
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(extraction.exchanges.ended, (std::vector<std::uint64_t>{0}));
}

}  // namespace
}  // namespace gray
