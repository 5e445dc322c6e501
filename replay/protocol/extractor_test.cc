// From frames to exchanges: what pairs with what, what a gap costs, what is opaque and why.
#include "replay/protocol/extractor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "replay/protocol/capture_builder.h"

namespace gray {
namespace {

std::string ok(std::string_view body, int status = 200) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
std::string get(std::string_view target, std::string_view more = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: shop\r\n" + std::string(more) + "\r\n";
}
const std::string kTls("\x16\x03\x01\x00\x05hello", 10);

struct Case {
  const char* name;
  Conversation conversation;
  const char* exchanges;
  const char* opaque = "";
};

std::vector<Case> cases() {
  const auto talk = [] { return Conversation().open(); };
  const std::string upgrade = get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
  const std::string long_ok = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n";
  return {
      {"one exchange", talk().client(get("/a")).server(ok("x")), "GET /a 200"},
      {"keep-alive",
       talk().client(get("/a")).server(ok("x")).client(get("/b")).server(ok("y", 404)),
       "GET /a 200, GET /b 404"},
      {"pipelined", talk().client(get("/a") + get("/b")).server(ok("x") + ok("y", 404)),
       "GET /a 200, GET /b 404"},
      {"split anywhere",
       talk()
           .client("GE")
           .client("T /a HT")
           .client("TP/1.1\r\nHo")
           .client("st: s\r\n\r")
           .client("\n")
           .server("HTTP/1.")
           .server("1 200 OK\r\nContent-Length: 2")
           .server("\r\n\r\na")
           .server("b"),
       "GET /a 200"},
      {"HEAD does not wait for a body",
       talk()
           .client("HEAD /a HTTP/1.1\r\n\r\n")
           .server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
           .client(get("/b"))
           .server(ok("y")),
       "HEAD /a 200, GET /b 200"},
      {"304 with a length",
       talk()
           .client(get("/a") + get("/b"))
           .server("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + ok("y")),
       "GET /a 304, GET /b 200"},
      {"100 Continue is not the answer",
       talk()
           .client("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
           .server("HTTP/1.1 100 Continue\r\n\r\n")
           .client("hi")
           .server(ok("", 201)),
       "POST /a 201"},
      {"answered before it was all asked",
       talk()
           .client("POST /a HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc")
           .server(ok("", 413))
           .client("def")
           .client(get("/b"))
           .server(ok("")),
       "POST /a 413, GET /b 200"},
      {"chunked both ways",
       talk()
           .client(
               "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n")
           .server(
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=\"y\"\r\nz\r\n0\r\n\r\n"),
       "PUT /a 200"},
      {"unknown method", talk().client("QUERY /a HTTP/1.1\r\n\r\n").server(ok("x")),
       "QUERY /a 200"},
      {"body to the end",
       talk().client(get("/a")).server("HTTP/1.0 200 OK\r\n\r\nab").server("cd").fin(1),
       "GET /a 200"},
      {"body to the end, never seen", talk().client(get("/a")).server("HTTP/1.0 200 OK\r\n\r\nab"),
       "GET /a 200!"},
      {"body to a reset", talk().client(get("/a")).server("HTTP/1.0 200 OK\r\n\r\nab").reset(1),
       "GET /a 200!"},
      {"requests alone", Conversation().client(get("/a")).client(get("/b")), "GET /a -, GET /b -"},
      {"responses alone", Conversation().server(ok("x")).server(ok("y", 404)), "- 200, - 404"},
      {"answered unasked", talk().server(ok("", 408)).fin(1), "- 408"},
      {"no answer", talk().client(get("/a")).fin(1), "GET /a -"},
      {"server talks, client was lost",
       talk().lose_client(get("/a")).server(ok("x")).client(get("/b")).server(ok("y", 404)),
       "- 200, GET /b 404"},
      {"lost response",
       talk().client(get("/a")).lose_server(ok("x")).client(get("/b")).server(ok("y", 404)).ack(0),
       "GET /a -, GET /b 404"},
      {"lost inside of a body of known length",
       talk()
           .client(get("/a"))
           .server(long_ok + "0123")
           .lose_server("45678901")
           .server("23456789")
           .client(get("/b"))
           .server(ok("y", 404)),
       "GET /a 200!, GET /b 404"},
      {"lost to the exact end of a body",
       talk()
           .client(get("/a"))
           .server(long_ok + "0123")
           .lose_server("4567890123456789")
           .ack(0)
           .client(get("/b"))
           .server(ok("y", 404))
           .ack(0),
       "GET /a 200!, GET /b 404"},
      {"lost beyond the end of a body",
       talk()
           .client(get("/a"))
           .server(long_ok + "0123")
           .lose_server("4567890123456789HTTP/1.1 20")
           .server("0 OK\r\nContent-Length: 0\r\n\r\n")
           .client(get("/b"))
           .server(ok("y", 404)),
       "GET /a 200!, GET /b 404"},
      {"lost inside of a chunk",
       talk()
           .client(get("/a"))
           .server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nab")
           .lose_server("cde")
           .server("fgh\r\n0\r\n\r\n")
           .client(get("/b"))
           .server(ok("y", 404)),
       "GET /a 200!, GET /b 404"},
      {"lost inside of headers",
       talk()
           .client("GET /a HTTP/1.1\r\nHo")
           .lose_client("st: s\r\n")
           .client("\r\n")
           .server(ok("x"))
           .client(get("/b"))
           .server(ok("y", 404)),
       "GET /a! 200, GET /b 404"},
      {"mid-stream", Conversation().server("...of some body").client(get("/b")).server(ok("y")),
       "GET /b 200"},
      {"websocket",
       talk()
           .client(upgrade)
           .server("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x01x")
           .client("GET is no request here"),
       "GET /ws 101"},
      {"changed to what nobody knows",
       talk()
           .client("GET /x HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
           .server("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n...")
           .client("..."),
       "GET /x 101", "upgrade"},
      {"upgrade declined", talk().client(upgrade + get("/b")).server(ok("x")).server(ok("y", 404)),
       "GET /ws 200, GET /b 404"},
      {"upgrade, answer never seen", Conversation().client(upgrade).client(get("/b")),
       "GET /ws -, GET /b -"},
      {"tunnel",
       talk()
           .client("CONNECT h:443 HTTP/1.1\r\n\r\n")
           .server("HTTP/1.1 200 X\r\n\r\n")
           .client(kTls)
           .server(kTls),
       "CONNECT h:443 200", "tls"},
      {"tunnel of something else",
       talk()
           .client("CONNECT h:25 HTTP/1.1\r\n\r\n")
           .server("HTTP/1.1 200 X\r\n\r\n220 mail\r\n")
           .client("EHLO\r\n"),
       "CONNECT h:25 200", "connect"},
      {"requests in a tunnel, the first one before the tunnel was granted",
       talk()
           .client("CONNECT h:80 HTTP/1.1\r\n\r\n" + get("/in"))
           .server("HTTP/1.1 200 X\r\n\r\n" + ok("x"))
           .client(get("/in2"))
           .server(ok("y", 404)),
       "CONNECT h:80 200, GET /in 200, GET /in2 404"},
      {"tunnel in a tunnel",
       talk()
           .client("CONNECT a:1 HTTP/1.1\r\n\r\n")
           .server("HTTP/1.1 200 X\r\n\r\n")
           .client("CONNECT b:2 HTTP/1.1\r\n\r\n")
           .server("HTTP/1.1 200 X\r\n\r\n")
           .client(get("/deep"))
           .server(ok("")),
       "CONNECT a:1 200, CONNECT b:2 200, GET /deep 200"},
      {"HTTP/0.9", talk().client("GET /old\r\n").server("<p>old").server("</p>").fin(1),
       "GET /old 0"},
      {"lost inside of a chunk's size",
       talk()
           .client(get("/a"))
           .server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1")
           .lose_server("0\r\n0123456789012345\r\n0\r\n")
           .server("\r\n")
           .client(get("/b"))
           .server(ok("y", 404)),
       "GET /a 200!, GET /b 404"},
      {"tunnel refused",
       talk()
           .client("CONNECT h:443 HTTP/1.1\r\n\r\n")
           .server(ok("no", 407))
           .client(get("/b"))
           .server(ok("y", 404)),
       "CONNECT h:443 407, GET /b 404"},
      {"tls", talk().client(kTls).server(kTls), "", "tls"},
      {"http2", talk().client("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ""},
      {"ssh", talk().server("SSH-2.0-x\r\n").client("SSH-2.0-y\r\n"), "", "unknown"},
      {"sip", talk().client("OPTIONS sip:x SIP/2.0\r\n\r\n").server("SIP/2.0 200 OK\r\n\r\n"), "",
       "unknown"},
      {"no beginning", Conversation().client("some body").server("other"), "", "no_syn"},
  };
}

TEST(Extractor, FindsTheExchanges) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    Extraction extraction;
    EXPECT_EQ(extraction.feed(c.conversation).finish(), c.exchanges);
    std::string opaque;
    for (const auto& [reason, count] : extraction.extractor.summary().opaque) opaque += reason;
    EXPECT_EQ(opaque, c.opaque);
  }
}

// What is read and is in no exchange is counted by name, and the ledger holds with it.
TEST(Extractor, CountsWhatIsInNoExchange) {
  const auto talk = [] { return Conversation().open(); };
  struct {
    const char* name;
    Conversation conversation;
    std::uint64_t interim, bad, skipped, messages;
  } const cases[] = {
      {"nothing", talk().client(get("/a")).server(ok("x")), 0, 0, 0, 2},
      {"two interim responses",
       talk()
           .client(get("/a"))
           .server("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
           .server(ok("x")),
       2, 0, 0, 4},
      {"a server that answers in another protocol",
       talk().client(get("/a")).server(std::string("\0\0\x06\x04", 4)).server("more"), 0, 0, 8, 1},
      {"behind a gap in the headers",
       talk()
           .client("GET /a HTTP/1.1\r\nHo")
           .lose_client("st: s\r\n")
           .client("X: y\r\n\r\n")
           .server(ok("x"))
           .client(get("/b"))
           .server(ok("y")),
       0, 0, 8, 4},
      {"what stands behind a broken chunk in its segment",
       talk()
           .client("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nz\r\nrest")
           .server(ok("x")),
       0, 0, 4, 2},
      {"a status line without a status",
       talk().client(get("/a")).server("HTTP/1.1 x\r\nabc").client(get("/b")).server(ok("y")), 0, 1,
       3, 4},
      {"a start line that the capture cuts off", talk().client(get("/a")).client("GET /b"), 0, 1, 0,
       2},
      {"the middle of a body, before a request",
       Conversation().server("...of some body").client(get("/b")).server(ok("y")), 0, 0, 15, 2},
      {"an opaque connection", talk().client(kTls).server(kTls), 0, 0, 0, 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Extraction extraction;
    extraction.feed(c.conversation).finish();
    const ExtractorSummary summary = extraction.extractor.summary();
    EXPECT_EQ(summary.interim, c.interim);
    EXPECT_EQ(summary.bad, c.bad);
    EXPECT_EQ(summary.skipped_bytes, c.skipped);
    Ledger ledger;
    extraction.extractor.account(ledger);
    EXPECT_EQ(ledger.drop("message", "interim"), c.interim);
    EXPECT_EQ(ledger.drop("message", "bad"), c.bad);
    const auto& stages = ledger.stages();
    const auto message = std::find_if(stages.begin(), stages.end(),
                                      [](const Stage& stage) { return stage.name == "message"; });
    ASSERT_NE(message, stages.end());
    EXPECT_EQ(message->in, c.messages);
    EXPECT_EQ(message->held, 0U);
  }
}

TEST(Extractor, FillsInAnExchange) {
  Conversation talk;
  talk.open().client("POST /a?b=1 HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\na");
  talk.client("bc").server(
      "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n2\r\nhi");
  talk.server("\r\n0\r\nSum: 9\r\n\r\n");
  Extraction extraction({.hash_bodies = true, .community_ids = true});
  extraction.feed(talk).finish();
  ASSERT_EQ(extraction.exchanges.list.size(), 1U);
  const Exchange& e = extraction.exchanges.list[0];
  EXPECT_EQ(e.protocol, "http/1.1");
  EXPECT_EQ(e.client.to_string(), "10.0.0.1:50000");
  EXPECT_EQ(e.server.to_string(), "10.0.0.2:8080");
  EXPECT_NE(e.flow_tag, 0U);
  EXPECT_TRUE(e.community_id.starts_with("1:"));
  EXPECT_EQ(e.request.authority, "shop.example");
  EXPECT_EQ(e.request.body, "abc");
  EXPECT_EQ(e.request.body_sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::uint64_t start = talk.frames().front().time_ns;
  EXPECT_EQ(e.request.first_byte_ns, start + 3'000'000);
  EXPECT_EQ(e.request.last_byte_ns, start + 4'000'000);
  ASSERT_TRUE(e.response.has_value());
  EXPECT_EQ(e.response->reason, "Fine");
  EXPECT_EQ(e.response->body, "hi");
  EXPECT_TRUE(e.response->chunked);
  EXPECT_EQ(*find_header(e.response->headers, "x-a"), "1");
  EXPECT_EQ(*find_header(e.response->trailers, "SUM"), "9");
  EXPECT_EQ(e.response->last_byte_ns, start + 6'000'000);
  EXPECT_EQ(e.latency_ns(), 1'000'000U);
  EXPECT_EQ(extraction.exchanges.ended, (std::vector<std::uint64_t>{0}));
}

TEST(Extractor, AuthorityIsHostOrFromTheTarget) {
  const std::pair<const char*, const char*> lines[] = {
      {"GET http://u.example:81/x HTTP/1.1\r\n\r\n", "u.example:81"},
      {"GET http://u.example/x HTTP/1.1\r\nhOsT: h.example \r\n\r\n", "h.example"},
      {"CONNECT c.example:443 HTTP/1.1\r\n\r\n", "c.example:443"},
      {"GET /x HTTP/1.0\r\n\r\n", ""},
      {"OPTIONS * HTTP/1.1\r\n\r\n", ""},
  };
  for (const auto& [line, authority] : lines) {
    Extraction extraction;
    extraction.feed(Conversation().open().client(line)).finish();
    ASSERT_EQ(extraction.exchanges.list.size(), 1U) << line;
    EXPECT_EQ(extraction.exchanges.list[0].request.authority, authority);
  }
}

TEST(Extractor, GivesExchangesOutAsTheyEnd) {
  Conversation talk;
  talk.open().client(get("/a")).server(ok("x"));
  Extraction extraction;
  extraction.feed(talk);
  EXPECT_EQ(extraction.exchanges.text(), "GET /a 200");
}

TEST(Extractor, FragmentsAreCountedAndRead) {
  const std::string request = get("/fragmented", "X: 12345678901234567890\r\n");
  PacketBuilder whole;
  whole.eth().ipv4("10.0.0.1", "10.0.0.2").tcp(50000, 80, 0x18).seq(1000, 1).payload(request);
  const auto frame = whole.bytes();
  const std::span<const std::uint8_t> l4 = std::span(frame).subspan(34);
  Extraction extraction;
  for (std::uint16_t at = 0; at < l4.size(); at = static_cast<std::uint16_t>(at + 24)) {
    const auto part = l4.subspan(at, std::min<std::size_t>(24, l4.size() - at));
    PacketBuilder piece;
    piece.eth().ipv4("10.0.0.1", "10.0.0.2").protocol(6);
    piece.fragment(at, at + part.size() < l4.size()).payload(part);
    extraction.feed({piece.bytes(), 1});
  }
  EXPECT_EQ(extraction.finish(), "GET /fragmented -");
}

TEST(Extractor, ConnectionsInOneCaptureKeepApart) {
  Conversation a(1), b(2);
  a.open().client(get("/a1")).server(ok("")).client(get("/a2")).server(ok(""));
  b.open().client(get("/b1")).server(ok("")).client(get("/b2")).server(ok(""));
  Extraction extraction;
  for (std::size_t i = 0; i < a.frames().size(); ++i) {
    extraction.feed(a.frames()[i]);
    extraction.feed(b.frames()[i]);
  }
  EXPECT_EQ(extraction.finish(), "GET /a1 200, GET /b1 200, GET /a2 200, GET /b2 200");
  EXPECT_EQ(extraction.exchanges.list[3].stream, 1U);
  EXPECT_EQ(extraction.exchanges.list[3].position, 1U);
  EXPECT_EQ(extraction.extractor.summary().streams, 2U);
}

}  // namespace
}  // namespace gray
