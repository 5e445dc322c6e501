// What a connection says after it was changed to WebSocket.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "replay/protocol/capture_builder.h"

namespace gray {
namespace {

TEST(WebSocket, IsCounted) {
  using namespace std::string_literals;
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: WebSocket\r\n";
  Conversation talk;
  talk.open().client("GET /ws HTTP/1.1\r\nHost: shop\r\n" + upgrade + "\r\n" +
                     "\x81\x82"s);  // the first frame came early, in pieces
  talk.server("HTTP/1.1 101 X\r\nSec-WebSocket-Extensions: permessage-deflate\r\n" + upgrade +
              "\r\n\xc1\x02hi"s);
  talk.client("\0\0\0\0ab\x02\x81\1\2\3\4x\x89\x80\1\2\3\4\x80\x81\0\0\0\0y"s);
  talk.server("\x8a\x00\x82\x7e\x01\x00"s + std::string(100, 'b'));
  talk.lose_server(std::string(100, 'b')).server(std::string(56, 'b') + "\x88\x02\x03\xe8"s);
  talk.client("\x88\x82\1\2\3\4"s + "\x02\xeb"s);
  Extraction extraction;
  EXPECT_EQ(extraction.feed(talk).finish(), "GET /ws 101");
  const auto& ws = extraction.exchanges.list.at(0).websocket;
  ASSERT_TRUE(ws.has_value());
  EXPECT_EQ(ws->extensions, "permessage-deflate");
  EXPECT_EQ(ws->client.total().frames, 5U);
  EXPECT_EQ(ws->client.messages, 2U);
  EXPECT_EQ(ws->client.by_opcode[1].bytes, 2U);
  EXPECT_EQ(ws->client.by_opcode[9].frames, 1U);
  EXPECT_EQ(ws->client.close_code, 1001);
  EXPECT_EQ(ws->client.anomalies, std::vector<std::string>{});
  EXPECT_EQ(ws->server.messages, 2U);
  EXPECT_EQ(ws->server.compressed, 1U);
  EXPECT_EQ(ws->server.by_opcode[2].bytes, 256U);
  EXPECT_EQ(ws->server.missing, 100U);
  EXPECT_EQ(ws->server.unread, 0U);
  EXPECT_EQ(ws->server.close_code, 1000);
  EXPECT_EQ(extraction.exchanges.ended.size(), 1U);
}

TEST(WebSocket, AFrameThatIsLostEndsTheCounting) {
  using namespace std::string_literals;
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  Conversation talk;
  talk.open()
      .client("GET /ws HTTP/1.1\r\nHost: shop\r\n" + upgrade + "\r\n")
      .server("HTTP/1.1 101 X\r\n" + upgrade + "\r\n");
  talk.client("\x81\x01x\x3f\x85\0\0\0\0ab"s).lose_client("0123456789").client("rest");
  talk.server("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff..."s);
  Extraction extraction;
  extraction.feed(talk).finish();
  const auto& ws = extraction.exchanges.list.at(0).websocket;
  ASSERT_TRUE(ws.has_value());
  EXPECT_EQ(ws->client.total().frames, 2U);
  EXPECT_EQ(ws->client.unread, 4U);
  EXPECT_EQ(ws->client.missing, 10U);
  EXPECT_EQ(ws->client.anomalies, (std::vector<std::string>{"unmasked", "reserved-opcode",
                                                            "reserved-bits", "bad-control-frame"}));
  EXPECT_EQ(ws->server.unread, 3U);
  EXPECT_EQ(ws->server.anomalies, std::vector<std::string>{"length-out-of-range"});
}

}  // namespace
}  // namespace gray
