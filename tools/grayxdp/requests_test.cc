// The verb `requests` as a person meets it: what its text looks like, what its options choose and
// write, and what it says at the end. Needs no root.
#include <gtest/gtest.h>

#include <string>

#include "tools/grayxdp/requests_for_test.h"

namespace gray {
namespace {

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: shop\r\n\r\n";
}
std::string answer(const std::string& status, const std::string& body,
                   const std::string& more = "") {
  return "HTTP/1.1 " + status + " X\r\n" + more + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST(Requests, SaysWhatWasReadAndIsInNoExchange) {
  Conversation talk;
  talk.open().client(get("/a"));
  talk.server("HTTP/1.1 103 Early Hints\r\n\r\n").server(answer("200", "x"));
  const RunResult odd = requests(
      talk.client(get("/b")).server("HTTP/1.1 what\r\nabcde").client("GET /cut").frames(), {});
  EXPECT_EQ(odd.status, 0);
  EXPECT_NE(
      odd.err.find("\nrequests: 1 interim responses, 2 bad messages, 5B skipped, which are of "
                   "no message that could be read\n"),
      std::string::npos)
      << odd.err;
  const RunResult even =
      requests(Conversation().open().client(get("/a")).server(answer("200", "x")).frames(), {});
  EXPECT_EQ(even.err,
            "requests: 5 packets, 1 streams, 1 exchanges, 0 streams opaque, 0 gaps (0B)\n");
}

}  // namespace
}  // namespace gray
