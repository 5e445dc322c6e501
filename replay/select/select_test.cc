#include "replay/select/select.h"

#include <gtest/gtest.h>

#include <cmath>

#include "userspace/base/errors.h"

namespace gray {
namespace {

Exchange get(const std::string& target) {
  Exchange exchange;
  exchange.request.method = "GET";
  exchange.request.target = target;
  exchange.request.complete = true;
  exchange.request.headers = {{"Host", "shop.example"}};
  return exchange;
}

const char* name(const char* refused) {
  return refused ? refused : "goes on";
}

struct Case {
  const char* sentence;
  SelectOptions options;
  void (*change)(Exchange&);
  const char* expected;
};

const Case kCases[] = {
    {"a plain GET goes on", {}, [](Exchange&) {}, "goes on"},
    {"HEAD is safe", {}, [](Exchange& e) { e.request.method = "HEAD"; }, "goes on"},
    {"POST is not safe", {}, [](Exchange& e) { e.request.method = "POST"; }, "method"},
    {"methods differ by case", {}, [](Exchange& e) { e.request.method = "get"; }, "method"},
    {"POST when allowed",
     {.methods = {"GET", "POST"}},
     [](Exchange& e) { e.request.method = "POST"; },
     "goes on"},
    {"HEAD when others are named",
     {.methods = {"GET"}},
     [](Exchange& e) { e.request.method = "HEAD"; },
     "method"},
    {"our own colour, in any case",
     {},
     [](Exchange& e) {
       e.request.headers.push_back({"X-Gray-Replay", "1"});
     },
     "own"},
    {"another colour is not ours",
     {.color_name = "x-lane"},
     [](Exchange& e) {
       e.request.headers.push_back({"X-Gray-Replay", "1"});
     },
     "goes on"},
    {"a gap in the request", {}, [](Exchange& e) { e.request.complete = false; }, "incomplete"},
    {"a body that was not kept", {}, [](Exchange& e) { e.request.truncated = true; }, "truncated"},
    {"headers that were said before the capture began",
     {},
     [](Exchange& e) { e.request.unknown_headers = 1; },
     "unknown_headers"},
    {"a response alone", {}, [](Exchange& e) { e.request = Request{}; }, "no_request"},
    {"CONNECT", {}, [](Exchange& e) { e.request.method = "CONNECT"; }, "upgrade"},
    {"an upgrade that production made",
     {},
     [](Exchange& e) { e.response.emplace().status = 101; },
     "upgrade"},
    {"an upgrade that production declined",
     {},
     [](Exchange& e) {
       e.request.headers.push_back({"Upgrade", "h2c"});
       e.response.emplace().status = 200;
     },
     "goes on"},
    {"an upgrade without an answer",
     {},
     [](Exchange& e) {
       e.request.headers.push_back({"Upgrade", "websocket"});
     },
     "upgrade"},
    {"one of two allowed URLs", {.allow_urls = {"^/x", "^/a"}}, [](Exchange&) {}, "goes on"},
    {"no allowed URL", {.allow_urls = {"^/x"}}, [](Exchange&) {}, "url"},
    {"allowed and disallowed",
     {.allow_urls = {"^/a"}, .disallow_urls = {"b=1$"}},
     [](Exchange&) {},
     "url"},
    {"the header rule fits one of two values",
     {.allow_headers = {"Accept: ^text/"}},
     [](Exchange& e) {
       e.request.headers.push_back({"accept", "image/png"});
       e.request.headers.push_back({"ACCEPT", "text/html"});
     },
     "goes on"},
    {"the header is missing", {.allow_headers = {"Accept:."}}, [](Exchange&) {}, "header"},
    {"each header rule must fit",
     {.allow_headers = {"Host:shop", "Host:^x"}},
     [](Exchange&) {},
     "header"},
    {"not in the sample",
     {.share = 0.5},
     [](Exchange& e) { e.flow_tag = 0x8000000000000001; },
     "sampled"},
    {"in the sample",
     {.share = 0.5},
     [](Exchange& e) { e.flow_tag = 0x7000000000000000; },
     "goes on"},
};

TEST(Selector, RefusesByTheFirstReasonThatFits) {
  for (const Case& c : kCases) {
    Exchange exchange = get("/a?b=1");
    c.change(exchange);
    EXPECT_STREQ(name(Selector(c.options).refuse(exchange)), c.expected) << c.sentence;
  }
}

TEST(Selector, NamesTheRuleThatItCannotRead) {
  const auto message = [](const SelectOptions& options) -> std::string {
    try {
      Selector{options};
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message({.allow_urls = {"/ok", "("}}), "--allow-url '(': missing ): (");
  EXPECT_EQ(message({.disallow_urls = {"[z-a]"}}),
            "--disallow-url '[z-a]': invalid character class range: z-a");
  EXPECT_NE(message({.allow_headers = {"no colon"}}).find("'no colon'"), std::string::npos);
  EXPECT_NE(message({.allow_headers = {"A:("}}).find("--allow-header A '('"), std::string::npos);
  EXPECT_NE(message({.methods = {"ALL"}}).find("one by one"), std::string::npos);
  EXPECT_NE(message({.methods = {"GET POST"}}).find("'GET POST'"), std::string::npos);
  EXPECT_NE(message({.sample_by = "ip"}).find("'ip'"), std::string::npos);
  EXPECT_NE(message({.sample_by = "header:"}).find("'header:'"), std::string::npos);
  EXPECT_NE(message({.share = 0}), "no error");
  EXPECT_NE(message({.share = 1.1}), "no error");
}

// How many of `count` users are sampled, each one asked for twice on different flows.
int sampled_users(const Selector& selector, const char* header, const char* format, int count) {
  int sampled = 0;
  for (int user = 0; user < count; ++user) {
    Exchange first = get("/a");
    char value[64];
    std::snprintf(value, sizeof value, format, user);
    first.request.headers.push_back({header, value});
    Exchange second = first;
    first.flow_tag = 1;
    second.flow_tag = ~0ULL;
    EXPECT_EQ(selector.refuse(first), selector.refuse(second));
    sampled += selector.refuse(first) == nullptr ? 1 : 0;
  }
  return sampled;
}

TEST(Selector, SamplesUsersAsAWholeAndInProportion) {
  constexpr int kUsers = 100'000;
  for (const double share : {0.001, 0.05, 0.5}) {
    const double expected = share * kUsers, tolerance = 5 * std::sqrt(expected);
    EXPECT_NEAR(sampled_users(Selector({.share = share, .sample_by = "header:X-User", .seed = 7}),
                              "x-user", "user-%d", kUsers),
                expected, tolerance);
    EXPECT_NEAR(sampled_users(Selector({.share = share, .sample_by = "cookie:sid"}), "Cookie",
                              "theme=dark; sid=%d; x=1", kUsers),
                expected, tolerance);
  }
}

TEST(Selector, TheSameSeedTakesTheSameSampleAndAnotherSeedAnother) {
  const auto taken = [](std::uint64_t seed) {
    const Selector selector({.share = 0.5, .sample_by = "header:X-User", .seed = seed});
    std::string bits;
    for (int user = 0; user < 64; ++user) {
      Exchange exchange = get("/a");
      exchange.request.headers.push_back({"X-User", std::to_string(user)});
      bits += selector.refuse(exchange) ? '0' : '1';
    }
    return bits;
  };
  EXPECT_EQ(taken(1), taken(1));
  EXPECT_NE(taken(1), taken(2));
  // The decision is a part of the interface: hosts of different versions take the same sample.
  EXPECT_EQ(taken(1).substr(0, 16), "1000000110111001");
}

TEST(Selector, ALargerShareHoldsTheSmallerOne) {
  const Selector small({.share = 0.1, .sample_by = "header:X-User"});
  const Selector large({.share = 0.3, .sample_by = "header:X-User"});
  for (int user = 0; user < 1000; ++user) {
    Exchange exchange = get("/a");
    exchange.request.headers.push_back({"X-User", std::to_string(user)});
    EXPECT_TRUE(small.refuse(exchange) || !large.refuse(exchange)) << user;
  }
}

TEST(Selector, WithoutTheKeyTheFlowIsSampled) {
  const Selector selector({.share = 0.5, .sample_by = "cookie:sid"});
  Exchange exchange = get("/a");
  exchange.request.headers.push_back({"Cookie", "nosid=1; sid"});
  exchange.flow_tag = 1;
  EXPECT_EQ(selector.refuse(exchange), nullptr);
  exchange.flow_tag = ~0ULL;
  EXPECT_STREQ(selector.refuse(exchange), "sampled");
}

}  // namespace
}  // namespace gray
