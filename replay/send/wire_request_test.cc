#include "replay/send/wire_request.h"

#include <gtest/gtest.h>

#include <string>

namespace gray {
namespace {

Request request(std::string method, Headers headers = {}, std::string body = "") {
  Request request;
  request.method = std::move(method);
  request.target = "/a?b=1";
  request.version = "1.1";
  request.headers = std::move(headers);
  request.body = std::move(body);
  return request;
}

std::string bytes(const Request& request) {
  const WireRequest wire = wire_request(request, "canary:8080");
  EXPECT_EQ(wire.error, "");
  return wire.head + request.body + wire.tail;
}

TEST(WireRequest, HeadersGoOutAsGiven) {
  EXPECT_EQ(bytes(request("GET", {{"hOsT", "shop"}, {"X-A", " b "}, {"X-A", ""}, {"Cookie", "c"}})),
            "GET /a?b=1 HTTP/1.1\r\nhOsT: shop\r\nX-A:  b \r\nX-A: \r\nCookie: c\r\n\r\n");
}

TEST(WireRequest, AMissingHostIsAddedTo11Only) {
  EXPECT_EQ(bytes(request("GET")), "GET /a?b=1 HTTP/1.1\r\nHost: canary:8080\r\n\r\n");
  Request old = request("GET");
  old.version = "1.0";
  EXPECT_EQ(bytes(old), "GET /a?b=1 HTTP/1.0\r\n\r\n");
}

TEST(WireRequest, TheFramingSaysWhatIsSent) {
  const Header host{"Host", "h"};
  const std::string line = "POST /a?b=1 HTTP/1.1\r\nHost: h\r\n";
  const struct {
    const char* sentence;
    Headers headers;
    const char* body;
    const char* rest;
  } cases[] = {
      {"nothing to say", {host}, "", "\r\n"},
      {"an empty body stays said",
       {host, {"content-length", "0"}},
       "",
       "content-length: 0\r\n\r\n"},
      {"a scrubbed body is as long as it is now",
       {host, {"Content-Length", "999"}, {"X", "y"}},
       "abc",
       "Content-Length: 3\r\nX: y\r\n\r\nabc"},
      {"a length that was not given", {host}, "abc", "Content-Length: 3\r\n\r\nabc"},
      {"said once",
       {host, {"Content-Length", "9"}, {"Content-Length", "8"}, {"Transfer-Encoding", "chunked"}},
       "abc",
       "Content-Length: 3\r\n\r\nabc"},
      {"no Transfer-Encoding without chunks",
       {host, {"Transfer-Encoding", "chunked"}},
       "abc",
       "Content-Length: 3\r\n\r\nabc"},
      {"nobody is asked to wait",
       {host, {"Expect", "100-continue"}},
       "abc",
       "Content-Length: 3\r\n\r\nabc"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(bytes(request("POST", c.headers, c.body)), line + c.rest) << c.sentence;
  }
}

TEST(WireRequest, ChunkedWithTrailers) {
  Request chunked = request("POST",
                            {{"Host", "h"},
                             {"Content-Length", "5"},
                             {"transfer-encoding", "gzip, Chunked"},
                             {"Transfer-Encoding", "chunked"}},
                            std::string(26, 'x'));
  chunked.chunked = true;
  chunked.trailers = {{"X-Sum", "1"}};
  EXPECT_EQ(bytes(chunked),
            "POST /a?b=1 HTTP/1.1\r\nHost: h\r\ntransfer-encoding: gzip, Chunked\r\n\r\n"
            "1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n0\r\nX-Sum: 1\r\n\r\n");
  chunked.body.clear();
  chunked.trailers.clear();
  chunked.headers = {{"Host", "h"}};
  EXPECT_EQ(bytes(chunked),
            "POST /a?b=1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  chunked.version = "1.0";
  chunked.body = "abc";
  EXPECT_EQ(bytes(chunked), "POST /a?b=1 HTTP/1.0\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
}

TEST(WireRequest, WhetherTheConnectionMayStay) {
  const struct {
    const char* version;
    Headers headers;
    bool closes;
  } cases[] = {
      {"1.1", {}, false},
      {"1.1", {{"Connection", "keep-alive"}}, false},
      {"1.1", {{"connection", "x, Close"}}, true},
      {"1.0", {}, true},
      {"1.0", {{"Connection", "Keep-Alive"}}, false},
  };
  for (const auto& c : cases) {
    Request r = request("GET", c.headers);
    r.version = c.version;
    EXPECT_EQ(wire_request(r, "h").closes, c.closes);
  }
}

TEST(WireRequest, NothingCanInject) {
  const std::string nul("a\0b", 3);
  const auto refused = [](const char* why, auto change) {
    Request r = request("GET", {{"Host", "h"}});
    change(r);
    const WireRequest wire = wire_request(r, "h");
    EXPECT_NE(wire.error, "") << why;
    EXPECT_TRUE(wire.head.empty() && wire.tail.empty()) << why;
  };
  for (const std::string& bad :
       {std::string("a\r\nX: 1"), std::string("a\n"), std::string("a\r"), nul}) {
    refused("method", [&](Request& r) { r.method = bad; });
    refused("target", [&](Request& r) { r.target = bad; });
    refused("version", [&](Request& r) { r.version = bad; });
    refused("name", [&](Request& r) { r.headers.push_back({bad, "v"}); });
    refused("value", [&](Request& r) { r.headers.push_back({"N", bad}); });
    refused("dropped header", [&](Request& r) { r.headers.push_back({"Expect", bad}); });
    refused("framing header", [&](Request& r) { r.headers.push_back({"Content-Length", bad}); });
    refused("trailer name", [&](Request& r) { r.trailers = {{bad, "v"}}; });
    refused("trailer value", [&](Request& r) { r.trailers = {{"N", bad}}; });
  }
  refused("empty method", [](Request& r) { r.method = ""; });
  refused("empty target", [](Request& r) { r.target = ""; });
  refused("space in the target", [](Request& r) { r.target = "/a HTTP/1.1"; });
  refused("empty name", [](Request& r) { r.headers.push_back({"", "v"}); });
  refused("colon in a name", [](Request& r) { r.headers.push_back({"a:b", "v"}); });
  refused("space in a name", [](Request& r) { r.headers.push_back({"Content-Length ", "1"}); });
  refused("another version", [](Request& r) { r.version = "3"; });
  refused("half a body", [](Request& r) { r.truncated = true; });
}

}  // namespace
}  // namespace gray
