// MessageReader: odd messages are read as RFC 9112 says, and what is odd about them is named.
#include "replay/protocol/http1/message_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <llhttp.h>

#include <string>
#include <vector>

namespace gray {
namespace {

using namespace std::string_literals;

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

const std::string kChunks = "\r\n\r\n1\r\na\r\n0\r\n\r\n";

struct Case {
  const char* name;
  std::string wire;
  std::string body;
  std::string headers;  // "a: 1|b: 2"
  std::string anomalies;
};

const Case kRequests[] = {
    {"nothing odd", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "abc",
     "Host: h|Content-Length: 3", ""},
    {"length and coding",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked" + kChunks, "a",
     "Host: h|Content-Length: 3|Transfer-Encoding: chunked",
     "content-length-and-transfer-encoding"},
    {"coding and length",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3" + kChunks, "a",
     "Host: h|Transfer-Encoding: chunked|Content-Length: 3",
     "content-length-and-transfer-encoding"},
    {"one length twice",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\nabc", "abc",
     "Host: h|Content-Length: 3|content-length: 3", "content-length-repeated"},
    {"one length twice in a list", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc",
     "abc", "Host: h|Content-Length: 3, 3", "content-length-repeated"},
    {"two lengths, but a coding",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n"
     "Transfer-Encoding: chunked" +
         kChunks,
     "a", "Host: h|Content-Length: 3|Content-Length: 4|Transfer-Encoding: chunked",
     "content-lengths-differ|content-length-and-transfer-encoding"},
    {"space before the colon", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 3\r\n\r\nabc", "abc",
     "Host: h|Content-Length: 3", "space-before-colon"},
    {"chunked, but not last",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity" + kChunks, "a",
     "Host: h|Transfer-Encoding: chunked, identity", "chunked-not-last"},
    {"chunked in two headers, not last",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip" +
         kChunks,
     "a", "Host: h|Transfer-Encoding: chunked|Transfer-Encoding: gzip", "chunked-not-last"},
    {"chunked twice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked,chunked" + kChunks,
     "a", "Host: h|Transfer-Encoding: chunked,chunked", "chunked-twice"},
    {"no coding that anyone knows",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc",
     "abc", "Host: h|Transfer-Encoding: xchunked|Content-Length: 3",
     "unknown-transfer-coding|content-length-and-transfer-encoding|chunked-not-last"},
    {"chunked in a folded line",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked" + kChunks, "a",
     "Host: h|Transfer-Encoding: chunked", "folded-header"},
    {"colon in a folded line",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding\r\n : chunked\r\nContent-Length: "
     "3\r\n\r\nabc",
     "abc", "Host: h : chunked|Content-Length: 3", "header-without-colon|folded-header"},
    {"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: Chunked" + kChunks, "a",
     "Transfer-Encoding: Chunked", "transfer-encoding-in-http-1.0"},
    {"folded", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n  b\r\n\tc \r\nY: 1\r\n\r\n", "",
     "Host: h|X: a b c|Y: 1", "folded-header"},
    {"space in front of all headers", "GET / HTTP/1.1\r\n Host: h\r\nHost: i\r\n\r\n", "",
     "Host: i", "space-before-headers"},
    {"bare LF", "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1\na\n0\n\n", "a",
     "Host: h|Transfer-Encoding: chunked", "bare-lf"},
    {"bare CR", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", "", "Host: h|X: a b", "bare-cr"},
    {"control characters", "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\x01\r\n\r\n"s, "",
     "Host: h|X: a\0b\x01"s, "control-character"},
    {"no colon", "GET / HTTP/1.1\r\nno colon\r\nHost: h\r\n\r\n", "", "Host: h",
     "header-without-colon"},
    {"a name with a space", "GET / HTTP/1.1\r\nHost: h\r\nbad name: 1\r\n: 2\r\n\r\n", "",
     "Host: h|bad name: 1|: 2", "bad-header-name"},
    {"chunk extensions",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
     "1 ; a=\"b;c\\\"d\" ;e\r\na\r\n00;x\r\nSum: 1\r\nMore:  2\r\n\r\n",
     "a", "Host: h|Transfer-Encoding: chunked", ""},
    {"a long size",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0000000000000000000000001\r\na\r\n0\r\n\r\n",
     "a", "Host: h|Transfer-Encoding: chunked", ""},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", "", "", "host-missing"},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "", "Host: a|Host: b",
     "host-repeated"},
    {"another host in the target", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "", "Host: b",
     "host-differs-from-target"},
    {"the same host in the target", "GET http://A:81/x HTTP/1.1\r\nHost: a:81\r\n\r\n", "",
     "Host: a:81", ""},
    {"space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "", "Host: h",
     "space-in-target"},
    {"a version to come", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", "", "Host: h", "unknown-version"},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "", "Host: h", ""},
};

template <class M>
void expect(const Case& c, const M& message) {
  std::vector<std::string> headers;
  for (const Header& header : message.headers) headers.push_back(header.name + ": " + header.value);
  EXPECT_EQ(fmt::format("{}", fmt::join(headers, "|")), c.headers);
  EXPECT_EQ(fmt::format("{}", fmt::join(message.anomalies, "|")), c.anomalies);
  EXPECT_EQ(message.body, c.body);
  EXPECT_TRUE(message.complete);
}

TEST(MessageReader, ReadsOddRequestsAndNamesWhatIsOdd) {
  for (const Case& c : kRequests) {
    SCOPED_TRACE(c.name);
    MessageReader reader(MessageKind::Request, {});
    const std::string wire = c.wire + "GET /next";
    EXPECT_EQ(reader.feed(bytes(wire), 1), ReadStatus::Complete) << reader.error();
    EXPECT_EQ(reader.consumed(), c.wire.size());
    expect(c, reader.take_request());
    std::size_t at = 0;
    ReadStatus status = ReadStatus::NeedMore;
    while (status == ReadStatus::NeedMore && at < c.wire.size())
      status = reader.feed(bytes(c.wire).subspan(at++, 1), 1);
    EXPECT_EQ(at, c.wire.size());
    expect(c, reader.take_request());
  }
}

TEST(MessageReader, ReadsOddResponses) {
  const Case cases[] = {
      {"length and coding",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9" + kChunks, "a",
       "Transfer-Encoding: chunked|Content-Length: 9", "content-length-and-transfer-encoding"},
      {"bare LF", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\n\n", "a",
       "Transfer-Encoding: chunked", "bare-lf"},
      {"no reason, two spaces", "HTTP/1.1  200\r\nContent-Length: 1\r\n\r\na", "a",
       "Content-Length: 1", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    MessageReader reader(MessageKind::Response, {});
    EXPECT_EQ(reader.feed(bytes(c.wire), 1), ReadStatus::Complete) << reader.error();
    expect(c, reader.take_response());
  }
}

TEST(MessageReader, AResponseWhoseLastCodingIsNotChunkedGoesOnToTheEnd) {
  MessageReader reader(MessageKind::Response, {});
  const std::string wire = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n1\r\nx";
  EXPECT_EQ(reader.feed(bytes(wire), 1), ReadStatus::NeedMore);
  EXPECT_FALSE(reader.keep_alive());
  EXPECT_EQ(reader.eof(), ReadStatus::Complete);
  EXPECT_EQ(reader.take_response().body, "1\r\nx");
}

// What was read of it is there, with the reason why there is no more.
TEST(MessageReader, WhatHasNoEndIsBadAndSaysWhy) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  const std::pair<std::string, std::string> cases[] = {
      {head + "Content-Length: -1\r\n\r\n", "content-length-invalid"},
      {head + "Content-Length: +1\r\n\r\n", "content-length-invalid"},
      {head + "Content-Length:\r\n\r\n", "content-length-invalid"},
      {head + "Content-Length: 18446744073709551616\r\n\r\n", "content-length-invalid"},
      {head + "Content-Length: 0x1\r\n\r\n", "content-length-invalid"},
      {head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "content-lengths-differ"},
      {head + "Content-Length: 4, 3\r\n\r\nabc", "content-lengths-differ"},
      {chunked + "-1\r\n", "chunk-invalid"},
      {chunked + "0x1\r\n", "chunk-invalid"},
      {chunked + "\r\n", "chunk-invalid"},
      {chunked + "10000000000000000\r\n", "chunk-invalid"},
      {chunked + "1 1\r\n", "chunk-invalid"},
      {chunked + "1\r\nab\r\n", "chunk-invalid"},
      {chunked + "2\r\na\r\n\r\n", "chunk-invalid"},
      {chunked + std::string(20'000, '0'), "chunk-invalid"},
      {head + "\x01: 1\r\n\r\n", "garbage-in-headers"},
      {head + "X: " + std::string(300'000, 'x'), "head-too-long"},
  };
  for (const auto& [wire, reason] : cases) {
    MessageReader reader(MessageKind::Request, {});
    EXPECT_EQ(reader.feed(bytes(wire), 1), ReadStatus::Bad) << wire.substr(0, 80);
    const Request request = reader.take_request();
    EXPECT_FALSE(request.complete);
    EXPECT_EQ(request.method, "POST");
    ASSERT_FALSE(request.anomalies.empty()) << wire.substr(0, 80);
    EXPECT_EQ(request.anomalies.back(), reason) << wire.substr(0, 80);
  }
  MessageReader reader(MessageKind::Response, {});
  const std::string two = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc";
  EXPECT_EQ(reader.feed(bytes(two), 1), ReadStatus::Bad);
  EXPECT_EQ(reader.take_response().anomalies, std::vector<std::string>{"content-lengths-differ"});
}

TEST(MessageReader, WhatIsNoResponseIsToldAlikeInOnePieceAndInMany) {
  for (const std::string wire : {"HyTP/1.1 200\nX: y\n\n", "HTT\n", "SSH-2.0\r\n"}) {
    MessageReader whole(MessageKind::Response, {}), pieces(MessageKind::Response, {});
    EXPECT_EQ(whole.feed(bytes(wire), 1), ReadStatus::Bad);
    ReadStatus status = ReadStatus::NeedMore;
    for (std::size_t at = 0; at < wire.size() && status == ReadStatus::NeedMore; ++at)
      status = pieces.feed(bytes(wire).subspan(at, 1), 1);
    EXPECT_EQ(status, ReadStatus::Bad);
    EXPECT_EQ(whole.take_response().anomalies, pieces.take_response().anomalies) << wire;
  }
}

TEST(MessageReader, GapsAreNamed) {
  MessageReader reader(MessageKind::Request, {});
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n";
  reader.feed(bytes(head), 1);
  EXPECT_EQ(reader.skip(3), ReadStatus::NeedMore);
  EXPECT_EQ(reader.feed(bytes("abc"), 1), ReadStatus::NeedMore);
  EXPECT_EQ(reader.skip(3), ReadStatus::Complete);
  const Request body = reader.take_request();
  EXPECT_EQ(body.anomalies, std::vector<std::string>{"gap-in-body"});
  EXPECT_EQ(body.body_bytes, 9U);
  EXPECT_EQ(body.body, "");
  reader.feed(bytes(head.substr(0, 20)), 1);
  EXPECT_EQ(reader.skip(3), ReadStatus::Bad);
  EXPECT_EQ(reader.take_request().anomalies, std::vector<std::string>{"gap-in-headers"});
}

// What llhttp, strict, takes for a message is the same message here.
TEST(MessageReader, AgreesWithLlhttpOnWhatIsRight) {
  struct Told {
    std::string body;
    unsigned headers = 0;
    bool complete = false;
  };
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_body = [](llhttp_t* p, const char* at, std::size_t n) {
    static_cast<Told*>(p->data)->body.append(at, n);
    return 0;
  };
  settings.on_header_value_complete = [](llhttp_t* p) {
    ++static_cast<Told*>(p->data)->headers;
    return 0;
  };
  settings.on_message_complete = [](llhttp_t* p) {
    static_cast<Told*>(p->data)->complete = true;
    return static_cast<int>(HPE_PAUSED);
  };
  unsigned agreed = 0;
  for (const Case& c : kRequests) {
    SCOPED_TRACE(c.name);
    Told told;
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &told;
    llhttp_execute(&parser, c.wire.data(), c.wire.size());
    if (!told.complete) continue;
    ++agreed;
    MessageReader reader(MessageKind::Request, {});
    EXPECT_EQ(reader.feed(bytes(c.wire), 1), ReadStatus::Complete);
    const Request request = reader.take_request();
    EXPECT_EQ(request.body, told.body);
    EXPECT_EQ(request.headers.size() + request.trailers.size(), told.headers);
  }
  EXPECT_GE(agreed, 10U);
}

}  // namespace
}  // namespace gray
