// From frames made by hand to exchanges: what pairs with what, and what a gap costs.
#include "replay/protocol/http2/connection.h"

#include <gtest/gtest.h>

#include <random>

#include "replay/protocol/capture_builder.h"
#include "replay/protocol/http2/frames_for_test.h"

namespace gray::http2 {
namespace {

using std::string_literals::operator""s;

Conversation talk() {
  return Conversation().open().client(kClientStart).server(kServerStart);
}
std::string padded(unsigned type, unsigned flags, std::uint32_t stream, std::string_view content) {
  return frame(static_cast<FrameType>(type), flags | kPadded, stream,
               '\3' + std::string(content) + "\0\0\0"s.substr(0, 3));
}

struct Case {
  const char* name;
  Conversation conversation;
  const char* exchanges;
  const char* opaque = "";
};

std::vector<Case> plain_cases() {
  const std::string connect = frame(FrameType::Headers, kEndHeaders, 1,
                                    block({{":method", "CONNECT"}, {":authority", "h:443"}}));
  const std::string promise =
      frame(FrameType::PushPromise, kEndHeaders, 1, big_endian(2, 4) + ask_block("GET", "/pushed"));
  const std::string goaway = frame(FrameType::Goaway, 0, 0, big_endian(1, 4) + big_endian(0, 4));
  const std::string whole = ask_block("GET", "/a");
  return {
      {"one", talk().client(ask(1, "/a")).server(answer(1, "200") + data(1, "x")), "GET /a 200"},
      {"no body", talk().client(ask(1, "/a")).server(answer(1, "204", kEndStream)), "GET /a 204"},
      {"answered in another order",
       talk()
           .client(ask(1, "/a") + ask(3, "/b"))
           .server(answer(3, "404", kEndStream))
           .server(answer(1, "200") + data(1, "")),
       "GET /b 404, GET /a 200"},
      {"interim",
       talk().client(ask(1, "/a")).server(answer(1, "103")).server(answer(1, "200", kEndStream)),
       "GET /a 200"},
      {"answered before it was asked wholly",
       talk().client(ask(1, "/a", 0)).server(answer(1, "413", kEndStream)).client(data(1, "x")),
       "GET /a 413"},
      {"continuation",
       talk()
           .client(frame(FrameType::Headers, kEndStream, 1, whole.substr(0, 5)) +
                   frame(FrameType::Continuation, 0, 1, whole.substr(5, 9)) +
                   frame(FrameType::Continuation, kEndHeaders, 1, whole.substr(14)))
           .server(answer(1, "200", kEndStream)),
       "GET /a 200"},
      {"priority and padding",
       talk()
           .client(padded(1, kEndHeaders | kPriority, 1, "\0\0\0\0\x10"s + whole) +
                   frame(FrameType::Priority, 0, 1, "\0\0\0\0\x10"s) +
                   padded(0, kEndStream, 1, "x"))
           .server(answer(1, "200", kEndStream)),
       "GET /a 200"},
      {"unknown frames are skipped",
       talk()
           .client(frame(FrameType{0x20}, 0xff, 9, "abc") + ask(1, "/a"))
           .server(frame(FrameType{0xc}, 0, 0, "abc") + answer(1, "200", kEndStream)),
       "GET /a 200"},
      {"reset by the client, late answer",
       talk().client(ask(1, "/a") + reset(1, 8)).server(answer(1, "200") + data(1, "x")),
       "GET /a -"},
      {"reset by the server",
       talk().client(ask(1, "/a")).server(answer(1, "200") + data(1, "x", 0) + reset(1, 2)),
       "GET /a 200!"},
      {"goaway leaves some unanswered",
       talk().client(ask(1, "/a") + ask(3, "/b")).server(goaway + answer(1, "200", kEndStream)),
       "GET /b -, GET /a 200"},
      {"push",
       talk()
           .client(ask(1, "/a"))
           .server(promise + answer(1, "200", kEndStream) + answer(2, "200") + data(2, "p")),
       "GET /a 200, GET /pushed 200"},
      {"tunnel",
       talk().client(connect).server(answer(1, "200")).client(data(1, "ab")).server(data(1, "c")),
       "CONNECT h:443 200", "connect"},
      {"tunnel refused",
       talk().client(connect).server(answer(1, "403", kEndStream)).client(data(1, "")),
       "CONNECT h:443 403"},
      {"never answered", talk().client(ask(1, "/a")).fin(0).fin(1), "GET /a -"},
      {"cut", talk().client(ask(1, "/a")).server(answer(1, "200") + data(1, "x", 0)),
       "GET /a 200!"},
  };
}

std::vector<Case> damaged_cases() {
  const std::string body(300, 'x');
  const auto upgrade = [](std::string_view more) {
    return "GET /up HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade, HTTP2-Settings\r\n"
           "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" +
           std::string(more);
  };
  const std::string switching =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  return {
      {"requests alone", Conversation().open().client(kClientStart + ask(1, "/a") + ask(3, "/b")),
       "GET /a -, GET /b -"},
      {"responses alone", Conversation().server(kServerStart + answer(1, "200") + data(1, "x")),
       "- 200"},
      {"lost inside of a body",
       talk()
           .client(ask(1, "/a"))
           .server(answer(1, "200") + data(1, body).substr(0, 100))
           .lose_server(body.substr(0, 50))
           .server(data(1, body).substr(150))
           .client(ask(3, "/b"))
           .server(answer(3, "404", kEndStream)),
       "GET /a 200!, GET /b 404"},
      {"lost frames, found again",
       talk()
           .client(ask(1, "/a") + ask(3, "/b"))
           .server(answer(1, "200") + data(1, body, 0))
           .lose_server(data(1, body, 0) + answer(3, "200"))
           .server(data(3, "y") + data(1, "z"))
           .client(ask(5, "/c"))
           .server(answer(5, "404", kEndStream)),
       "GET /b 0!, GET /a 200!, GET /c 404"},
      {"lost into the middle of a frame",
       talk()
           .client(ask(1, "/a"))
           .server(answer(1, "200") + data(1, body, 0))
           .lose_server(data(1, body, 0).substr(0, 200))
           .server(data(1, body, 0).substr(200) + data(1, "z"))
           .client(ask(3, "/b"))
           .server(answer(3, "404", kEndStream)),
       "GET /a 200!, GET /b 404"},
      {"lost request head",
       talk()
           .lose_client(ask(1, "/a"))
           .server(answer(1, "200", kEndStream))
           .client(ask(3, "/b"))
           .server(answer(3, "404", kEndStream)),
       "GET /b 404, - 200"},
      {"joined in the middle",
       Conversation()
           .client(ask(7, "/a") + ask(9, "/b"))
           .server(answer(5, "200", kEndStream) + answer(7, "200", kEndStream) +
                   answer(9, "404", 1)),
       "- 200, GET /a 200, GET /b 404"},
      {"joined inside of a frame",
       Conversation()
           .server(data(1, body, 0).substr(100) + data(1, body))
           .client(ask(3, "/b") + frame(FrameType::WindowUpdate, 0, 0, big_endian(70'000, 4)))
           .server(answer(3, "404", kEndStream)),
       "GET /b 404"},
      {"upgrade",
       Conversation()
           .open()
           .client(upgrade(""))
           .server(switching + kServerStart)
           .client(kClientStart + ask(3, "/b"))
           .server(answer(1, "200") + data(1, "x"))
           .server(answer(3, "404", kEndStream)),
       "GET /up 200, GET /b 404"},
      {"upgrade, all at once",
       Conversation()
           .open()
           .client(upgrade(kClientStart + ask(3, "/b")))
           .server(switching + kServerStart + answer(1, "200") + data(1, "x") +
                   answer(3, "404", kEndStream)),
       "GET /up 200, GET /b 404"},
  };
}

void expect(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Extraction extraction;
    EXPECT_EQ(extraction.feed(c.conversation).finish(), c.exchanges);
    std::string opaque;
    for (const auto& [reason, count] : extraction.extractor.summary().opaque) opaque += reason;
    EXPECT_EQ(opaque, c.opaque);
    for (const Exchange& e : extraction.exchanges.list) EXPECT_EQ(e.protocol, "http/2");
  }
}

TEST(Http2Connection, PairsByStream) {
  expect(plain_cases());
}
TEST(Http2Connection, SurvivesWhatWasNotCaptured) {
  expect(damaged_cases());
}

TEST(Http2Connection, FillsInAnExchange) {
  const std::string asked = block({{":method", "POST"},
                                   {":scheme", "http"},
                                   {":path", "/p?q=1"},
                                   {"host", "h.example"},
                                   {"x-a", "1"},
                                   {"cookie", "a"},
                                   {"cookie", "b"}});
  Conversation conversation = talk();
  conversation.client(frame(FrameType::Headers, kEndHeaders, 1, asked) + data(1, "a", 0));
  conversation.client(data(1, "bc"));
  conversation.server(answer(1, "200") + data(1, "hel", 0) + data(1, "", 0) + data(1, "lo", 0));
  conversation.server(
      frame(FrameType::Headers, kEndStream | kEndHeaders, 1, block({{"sum", "9"}})));
  Extraction extraction({.hash_bodies = true, .community_ids = true});
  extraction.feed(conversation).finish();
  ASSERT_EQ(extraction.exchanges.list.size(), 1U);
  const Exchange& e = extraction.exchanges.list[0];
  const std::uint64_t start = conversation.frames().front().time_ns;
  EXPECT_EQ(e.client.to_string(), "10.0.0.1:50000");
  EXPECT_EQ(e.h2_stream, 1U);
  EXPECT_TRUE(e.community_id.starts_with("1:"));
  EXPECT_EQ(e.request.version, "2");
  EXPECT_EQ(e.request.target, "/p?q=1");
  EXPECT_EQ(e.request.authority, "h.example");
  ASSERT_EQ(e.request.headers.size(), 4U);
  EXPECT_EQ(e.request.headers[3].value, "b");
  EXPECT_EQ(e.request.body, "abc");
  EXPECT_EQ(e.request.body_sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(e.request.first_byte_ns, start + 5'000'000);
  EXPECT_EQ(e.request.last_byte_ns, start + 6'000'000);
  ASSERT_TRUE(e.response);
  EXPECT_EQ(e.response->body, "hello");
  ASSERT_EQ(e.response->pieces.size(), 2U);
  EXPECT_EQ(e.response->pieces[0].end, 3U);
  EXPECT_EQ(e.response->pieces[1].end, 5U);
  EXPECT_EQ(e.response->pieces[1].time_ns, start + 7'000'000);
  EXPECT_EQ(*find_header(e.response->trailers, "sum"), "9");
  EXPECT_TRUE(e.response->complete);
  EXPECT_EQ(e.latency_ns(), 1'000'000U);
  EXPECT_EQ(extraction.exchanges.ended, (std::vector<std::uint64_t>{0}));
}

TEST(Http2Connection, AnEndThatComesLaterThanTheBodyIsAPieceOfItsOwn) {
  Conversation conversation = talk();
  conversation.client(
      frame(FrameType::Headers, kEndHeaders, 1, block({{":method", "POST"}, {":path", "/"}})));
  conversation.client(data(1, "ab", 0));
  conversation.client(data(1, "", 0));
  conversation.client(data(1, ""));
  conversation.server(answer(1, "200") + data(1, "z"));
  Extraction extraction;
  EXPECT_EQ(extraction.feed(conversation).finish(), "POST / 200");
  const Request& request = extraction.exchanges.list.at(0).request;
  ASSERT_EQ(request.pieces.size(), 2U);
  EXPECT_EQ(request.pieces[0].end, 2U);
  EXPECT_EQ(request.pieces[1].end, 2U);
  EXPECT_EQ(request.pieces[1].time_ns, request.last_byte_ns);
  EXPECT_GT(request.pieces[1].time_ns, request.pieces[0].time_ns);
  EXPECT_EQ(extraction.exchanges.list[0].response->pieces.size(), 1U);
}

// A stream of messages that goes on and on: all of the body is in a piece, whatever their number.
TEST(Http2Connection, ThePiecesAreOfTheWholeBody) {
  constexpr unsigned kMessages = 65'600;
  Conversation conversation = talk();
  conversation.client(
      frame(FrameType::Headers, kEndHeaders, 1, block({{":method", "POST"}, {":path", "/"}})));
  for (unsigned i = 0; i < kMessages; ++i) conversation.client(data(1, "m", 0));
  conversation.client(data(1, ""));
  conversation.server(answer(1, "200") + data(1, "z"));
  Extraction extraction;
  EXPECT_EQ(extraction.feed(conversation).finish(), "POST / 200");
  const Request& request = extraction.exchanges.list.at(0).request;
  EXPECT_EQ(request.body.size(), kMessages);
  ASSERT_EQ(request.pieces.size(), 65'536U);
  EXPECT_EQ(request.pieces[65'534].end, 65'535U);
  EXPECT_EQ(request.pieces.back().end, kMessages);
  EXPECT_EQ(request.pieces.back().time_ns, request.last_byte_ns);
}

TEST(Http2Connection, SaysHowItEnded) {
  Extraction extraction;
  extraction.feed(talk()
                      .client(ask(1, "/a") + reset(1, 8) + ask(3, "/b") + ask(5, "/c", 0))
                      .server(answer(3, "200") + reset(3, 2) + answer(5, "200", kEndStream))
                      .server(reset(5, 0)));
  extraction.finish();
  const auto& list = extraction.exchanges.list;
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].request.reset, 8U);
  EXPECT_EQ(list[1].response->reset, 2U);
  EXPECT_TRUE(list[2].response->complete);
  EXPECT_FALSE(list[2].response->reset);
  EXPECT_EQ(list[2].request.reset, 0U);
}

TEST(Http2Connection, KeepsToItsBudget) {
  Conversation conversation = talk();
  conversation.client(ask(1, "/a") + ask(3, "/b"));
  conversation.server(answer(1, "200"));
  for (int i = 0; i < 50; ++i) conversation.server(data(1, std::string(1000, 'x'), 0));
  conversation.server(data(1, "y") + answer(3, "200") + data(3, "z"));
  Extraction extraction({.max_body = 10'000});
  EXPECT_EQ(extraction.feed(conversation).finish(), "GET /a 200, GET /b 200");
  const Response& response = *extraction.exchanges.list[0].response;
  EXPECT_EQ(response.body.size(), 10'000U);
  EXPECT_EQ(response.body_bytes, 50'001U);
  EXPECT_TRUE(response.truncated);
  EXPECT_EQ(response.pieces.size(), 10U);
  EXPECT_EQ(extraction.exchanges.list[1].response->body, "z");
}

TEST(Http2Connection, JoinedHeadersThatCannotBeKnownAreMarked) {
  // :authority and user-agent stand in the table, from before the capture.
  const std::string asked = "\x83\x86\x04\x02/p\xbe\xbf"s;
  Extraction extraction;
  extraction.feed(Conversation()
                      .client(frame(FrameType::Headers, 5, 7, asked) +
                              frame(FrameType::WindowUpdate, 0, 0, big_endian(1, 4)))
                      .server(answer(7, "200", kEndStream)));
  EXPECT_EQ(extraction.finish(), "POST /p 200");
  const Request& request = extraction.exchanges.list.at(0).request;
  EXPECT_EQ(request.unknown_headers, 2U);
  EXPECT_EQ(request.authority, kUnknownHeaderText);
  EXPECT_TRUE(request.complete);
}

TEST(Http2Connection, AnEmptyMethodIsNone) {
  const std::string asked = block({{":method", ""}, {":scheme", "http"}, {":path", "/a"}});
  Extraction extraction;
  extraction.feed(talk().client(frame(FrameType::Headers, kEndHeaders | kEndStream, 1, asked)));
  extraction.finish();
  ASSERT_EQ(extraction.exchanges.list.size(), 1U);
  EXPECT_EQ(extraction.exchanges.list[0].request.anomalies, std::vector<std::string>{"no_method"});
}

}  // namespace
}  // namespace gray::http2
