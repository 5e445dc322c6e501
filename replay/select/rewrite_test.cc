#include "replay/select/rewrite.h"

#include <gtest/gtest.h>

#include "userspace/base/errors.h"

namespace gray {
namespace {

std::string text(const Request& request) {
  std::string result = request.method + " " + request.target + " @" + request.authority + "\n";
  for (const Header& header : request.headers) result += header.name + ": " + header.value + "\n";
  return result;
}

Request request(const std::string& method, const std::string& target, Headers headers) {
  Request result;
  result.method = method;
  result.target = target;
  result.headers = std::move(headers);
  if (const std::string* host = find_header(result.headers, "host")) result.authority = *host;
  return result;
}

struct Case {
  const char* sentence;
  RequestRewriteOptions options;
  Request in;
  const char* out;
};

const Case kCases[] = {
    {"the colour is added",
     {},
     request("GET", "/a", {{"Host", "p"}, {"Accept", "*/*"}}),
     "GET /a @p\nHost: p\nAccept: */*\nx-gray-replay: 1\n"},
    {"the colour takes the place of a forged one",
     {.color = "X-Lane: canary"},
     request("GET", "/a", {{"Host", "p"}, {"x-lane", "a"}, {"X-LANE", "b"}}),
     "GET /a @p\nHost: p\nX-Lane: canary\n"},
    {"headers of the old connection go",
     {},
     request("GET", "/a",
             {{"Host", "p"},
              {"Connection", "close, X-Hop ,host,content-length"},
              {"X-Hop", "1"},
              {"Keep-Alive", "5"},
              {"Proxy-Connection", "close"},
              {"Proxy-Authorization", "Basic eA=="},
              {"TE", "trailers"},
              {"Trailer", "X"},
              {"Upgrade", "h2c"},
              {"Content-Length", "0"},
              {"X-End", "1"}}),
     "GET /a @p\nHost: p\nContent-Length: 0\nX-End: 1\nx-gray-replay: 1\n"},
    {"absolute-form becomes origin-form, and its host wins",
     {},
     request("GET", "http://user@real.example:8080/a?b=http://c", {{"Host", "p"}}),
     "GET /a?b=http://c @real.example:8080\nHost: real.example:8080\nx-gray-replay: 1\n"},
    {"absolute-form without a path",
     {},
     request("GET", "http://p?x=1", {{"Host", "p"}}),
     "GET /?x=1 @p\nHost: p\nx-gray-replay: 1\n"},
    {"OPTIONS for a server",
     {},
     request("OPTIONS", "http://p", {{"Host", "p"}}),
     "OPTIONS * @p\nHost: p\nx-gray-replay: 1\n"},
    {"Host names the target",
     {.host_from_target = true},
     request("GET", "/a", {{"host", "p"}, {"HOST", "q"}}),
     "GET /a @canary:81\nHost: canary:81\nx-gray-replay: 1\n"},
    {"HTTP/1.0 without a Host gets one",
     {},
     request("GET", "/a", {}),
     "GET /a @canary:81\nHost: canary:81\nx-gray-replay: 1\n"},
    {"headers are set, replaced, removed",
     {.set_headers = {"X-New: a: b ", "accept: text/html", "Cookie:"}},
     request("GET", "/a", {{"Host", "p"}, {"Accept", "x"}, {"Cookie", "y"}, {"ACCEPT", "z"}}),
     "GET /a @p\nHost: p\naccept: text/html\nX-New: a: b\nx-gray-replay: 1\n"},
    {"a Host of the user's own",
     {.set_headers = {"Host: mine"}},
     request("GET", "/a", {{"Host", "p"}}),
     "GET /a @mine\nHost: mine\nx-gray-replay: 1\n"},
    {"URLs are rewritten in the order of the rules, with groups",
     {.rewrite_urls = {"^/v1/([^/]+)/:/v2/$1/", "^/v2:/api/v2", "x=(\\d):x=\\1\\:\\1"}},
     request("GET", "/v1/user/7?x=1&x=2", {{"Host", "p"}}),
     "GET /api/v2/user/7?x=1:1&x=2:2 @p\nHost: p\nx-gray-replay: 1\n"},
    {"a rewritten URL still begins with a slash",
     {.rewrite_urls = {"^/a:"}},
     request("GET", "/a", {{"Host", "p"}}),
     "GET / @p\nHost: p\nx-gray-replay: 1\n"},
};

TEST(RequestRewriter, MakesRequestsFitForAnotherConnection) {
  for (const Case& c : kCases) {
    Request in = c.in;
    RequestRewriter(c.options).rewrite(in, "canary:81");
    EXPECT_EQ(text(in), c.out) << c.sentence;
  }
}

TEST(RequestRewriter, RewritingTwiceIsRewritingOnce) {
  for (const Case& c : kCases) {
    if (!c.options.rewrite_urls.empty()) continue;
    Request once = c.in;
    const RequestRewriter rewriter(c.options);
    rewriter.rewrite(once, "canary:81");
    Request twice = once;
    rewriter.rewrite(twice, "canary:81");
    EXPECT_EQ(text(once), text(twice)) << c.sentence;
  }
}

TEST(RequestRewriter, NamesTheOptionThatItCannotRead) {
  EXPECT_THROW(RequestRewriter({.color = "no colon"}), UsageError);
  EXPECT_THROW(RequestRewriter({.color = "a b: c"}), UsageError);
  EXPECT_THROW(RequestRewriter({.set_headers = {"X: a\r\nY: b"}}), UsageError);
  EXPECT_THROW(RequestRewriter({.rewrite_urls = {"no colon"}}), UsageError);
  EXPECT_THROW(RequestRewriter({.rewrite_urls = {"(:/a"}}), UsageError);
  EXPECT_THROW(RequestRewriter({.rewrite_urls = {"a:$1"}}), UsageError);
  EXPECT_THROW(RequestRewriter({.rewrite_urls = {"a:/b c"}}), UsageError);
  EXPECT_EQ(RequestRewriter({.color = "X-Lane: a"}).color_name(), "X-Lane");
}

}  // namespace
}  // namespace gray
