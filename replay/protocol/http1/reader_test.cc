// ResponseReader: where a response ends, fed whole and byte by byte.
#include "replay/protocol/http1/reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gray {
namespace {

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Case {
  const char* name;
  const char* method;
  std::string wire;
  std::string rest;  // what follows the response
  ReadStatus status;
  int code;
  std::string body;
  bool keep_alive;
};

const Case kCases[] = {
    {"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 404",
     ReadStatus::Complete, 200, "hi", true},
    {"bare newlines", "GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "X", ReadStatus::Complete,
     200, "hi", true},
    {"no body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 404",
     ReadStatus::Complete, 200, "", true},
    {"no reason", "GET", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "", ReadStatus::Complete,
     200, "x", true},
    {"close", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", "",
     ReadStatus::Complete, 200, "x", false},
    {"1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "", ReadStatus::Complete, 200,
     "x", false},
    {"chunked", "GET",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nT: "
     "v\r\n\r\n",
     "HTTP", ReadStatus::Complete, 200, "hello", true},
    {"chunked and a length", "GET",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: "
     "3\r\n\r\n1\r\nx\r\n0\r\n\r\n",
     "HTTP", ReadStatus::Complete, 200, "x", true},
    {"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "HTTP/1.1 200 OK",
     ReadStatus::Complete, 200, "", true},
    {"HEAD of chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP",
     ReadStatus::Complete, 200, "", true},
    {"HEAD without length", "HEAD", "HTTP/1.1 200 OK\r\n\r\n", "HTTP", ReadStatus::Complete, 200,
     "", true},
    {"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", "HTTP",
     ReadStatus::Complete, 304, "", true},
    {"204", "POST", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP", ReadStatus::Complete, 204, "", true},
    {"100 first", "POST",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
     "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\ny",
     "", ReadStatus::Complete, 201, "y", true},
    {"101", "GET", "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
     "\x81\x01x", ReadStatus::Upgrade, 101, "", true},
    {"CONNECT taken", "CONNECT", "HTTP/1.1 200 Established\r\nContent-Length: 5\r\n\r\n",
     "\x16\x03", ReadStatus::Upgrade, 200, "", true},
    {"CONNECT refused", "CONNECT", "HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx", "",
     ReadStatus::Complete, 407, "x", true},
    {"Upgrade offered only", "GET",
     "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\nx", "HTTP",
     ReadStatus::Complete, 200, "x", true},
};

void expect(const Case& c, ResponseReader& reader, ReadStatus status) {
  EXPECT_EQ(status, c.status) << reader.error();
  EXPECT_EQ(reader.keep_alive(), c.keep_alive);
  const Response response = reader.take();
  EXPECT_EQ(response.status, c.code);
  EXPECT_EQ(response.body, c.body);
  EXPECT_EQ(response.body_bytes, c.body.size());
  EXPECT_TRUE(response.complete);
}

TEST(ResponseReader, EndsWhereTheResponseEnds) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    ResponseReader reader(c.method, 100);
    const std::string all = c.wire + c.rest;
    const ReadStatus status = reader.feed(bytes(all), 7);
    EXPECT_EQ(reader.consumed(), c.wire.size());
    expect(c, reader, status);
  }
}

TEST(ResponseReader, SplitAnywhereIsTheSame) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    ResponseReader reader(c.method, 100);
    ReadStatus status = ReadStatus::NeedMore;
    std::size_t used = 0;
    while (status == ReadStatus::NeedMore && used < c.wire.size()) {
      status = reader.feed(bytes(c.wire).subspan(used, 1), used);
      used += reader.consumed();
      ASSERT_EQ(reader.consumed(), 1U);
    }
    EXPECT_EQ(used, c.wire.size());
    expect(c, reader, status);
  }
}

TEST(ResponseReader, BodyToTheEndOfTheConnection) {
  ResponseReader reader("GET", 4);
  const std::string wire = "HTTP/1.1 200 OK\r\n\r\nhello";
  EXPECT_EQ(reader.feed(bytes(wire), 1), ReadStatus::NeedMore);
  EXPECT_FALSE(reader.keep_alive());
  EXPECT_EQ(reader.eof(2), ReadStatus::Complete);
  const Response response = reader.take();
  EXPECT_EQ(response.body, "hell");
  EXPECT_EQ(response.body_bytes, 5U);
  EXPECT_TRUE(response.truncated);
  EXPECT_TRUE(response.complete);
}

TEST(ResponseReader, CutShort) {
  ResponseReader reader("GET", 100);
  EXPECT_EQ(reader.feed(bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), 1),
            ReadStatus::NeedMore);
  EXPECT_EQ(reader.eof(2), ReadStatus::Bad);
  const Response response = reader.take();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello");
  EXPECT_FALSE(response.complete);
}

TEST(ResponseReader, Garbage) {
  for (const std::string& wire :
       std::vector<std::string>{"SSH-2.0-OpenSSH\r\n", "HTTP/1.1 20x OK\r\n\r\n",
                                "HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nno \x01 text\r\n\r\n",
                                "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    ResponseReader reader("GET", 100);
    EXPECT_EQ(reader.feed(bytes(wire), 1), ReadStatus::Bad) << wire;
    EXPECT_FALSE(reader.take().complete);
  }
  ResponseReader empty("GET", 100);
  EXPECT_EQ(empty.eof(1), ReadStatus::Bad);
}

TEST(ResponseReader, EndlessHeadersAreRefused) {
  ResponseReader reader("GET", 100);
  ReadStatus status = reader.feed(bytes("HTTP/1.1 200 OK\r\n"), 1);
  const std::string line = "a: " + std::string(1000, 'b') + "\r\n";
  for (int i = 0; i < 1000 && status == ReadStatus::NeedMore; ++i)
    status = reader.feed(bytes(line), 1);
  EXPECT_EQ(status, ReadStatus::Bad);
}

TEST(ResponseReader, HeadersAndTrailersAsOnTheWire) {
  ResponseReader reader("GET", 100);
  const std::string wire =
      "HTTP/1.1 200 OK\r\nX-Empty:\r\nX-Space:  a b \t\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\nSum: 1\r\n\r\n";
  EXPECT_EQ(reader.feed(bytes(wire), 1), ReadStatus::Complete);
  const Response response = reader.take();
  ASSERT_EQ(response.headers.size(), 3U);
  EXPECT_EQ(response.headers[0].name, "X-Empty");
  EXPECT_EQ(response.headers[0].value, "");
  EXPECT_EQ(response.headers[1].value, "a b");
  ASSERT_EQ(response.trailers.size(), 1U);
  EXPECT_EQ(response.trailers[0].name, "Sum");
  EXPECT_EQ(response.trailers[0].value, "1");
  EXPECT_TRUE(response.chunked);
  EXPECT_EQ(response.reason, "OK");
  EXPECT_EQ(response.version, "1.1");
}

}  // namespace
}  // namespace gray
