// Sessions end to end: a recording scrubbed and put to a scripted canary that hands out values of
// its own and takes no others.
#include "replay/session/sessions.h"

#include <gtest/gtest.h>

#include <atomic>

#include "replay/scrub/scrubber.h"
#include "replay/send/scripted_canary.h"
#include "replay/send/sender_for_test.h"

namespace gray {
namespace {

constexpr std::uint64_t kEpochNs = 1'700'000'000 * kNsPerSecond;

Exchange step(std::uint64_t connection, std::uint32_t number, std::string method,
              std::string target) {
  Exchange exchange = make(connection, number, std::move(target));
  exchange.request.method = std::move(method);
  exchange.request.first_byte_ns = exchange.request.last_byte_ns = kEpochNs + number * kNsPerMs;
  exchange.response.emplace();
  exchange.response->status = 200;
  return exchange;
}

/// What production saw: a login that hands out a cookie and a token, an order that hands out an id,
/// and requests that give all of them back, on other connections than they came from.
std::vector<Exchange> shopping() {
  Exchange login = step(1, 0, "GET", "/login");
  login.response->headers = {{"Set-Cookie", "sid=production-session-1; Path=/"},
                             {"Content-Type", "text/html"}};
  login.response->body = R"(<input type="hidden" name="csrf" value="production-csrf-9">)";
  Exchange order = step(2, 1, "POST", "/orders");
  order.request.headers.push_back({"Cookie", "sid=production-session-1"});
  order.request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
  order.request.body = "csrf=production-csrf-9&count=2";
  order.response->headers = {{"Location", "/orders/4711"}, {"Content-Type", "application/json"}};
  order.response->body = R"({"id": 4711})";
  Exchange look = step(3, 2, "GET", "/orders/4711?from=/orders");
  look.request.headers.push_back({"Cookie", "sid=production-session-1"});
  Exchange cancel = step(1, 3, "POST", "/cancel");
  cancel.request.headers.push_back({"Cookie", "sid=production-session-1"});
  cancel.request.headers.push_back({"Content-Type", "application/json"});
  cancel.request.body = R"({"order_id": 4711})";
  return {login, order, look, cancel};
}

/// As the stages of a replay do it: find, scrub, mark, note what was handed out.
std::vector<Exchange> prepared(Sessions& sessions, const Scrubber& scrubber,
                               std::vector<Exchange> exchanges) {
  for (Exchange& exchange : exchanges) {
    const auto pairs = sessions.find(exchange.request);
    EXPECT_EQ(scrubber.scrub(exchange.request), nullptr);
    sessions.mark(exchange, pairs, 0);
    sessions.handed_out(*exchange.response, {exchange.id});
  }
  return exchanges;
}

SendOptions with(Sessions& sessions, const std::string& url) {
  SendOptions options = to(url);
  options.sessions = &sessions;
  return options;
}

/// Answers slowly, so that nothing is learned before it is asked for.
void shop(ScriptedCanary::Peer& peer) {
  SeenRequest request;
  while (peer.read(request)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (request.line.starts_with("GET /login"))
      peer.send(
          "HTTP/1.1 200 OK\r\nSet-Cookie: sid=own-cookie; Path=/\r\nContent-Type: text/html\r\n"
          "Content-Length: 45\r\n\r\n<input type=\"hidden\" name=\"csrf\" value=\"ow/n\">");
    else if (request.line.starts_with("POST /orders"))
      peer.send(
          "HTTP/1.1 201 Created\r\nLocation: /orders/90001\r\nContent-Type: application/json\r\n"
          "Content-Length: 13\r\n\r\n{\"id\": 90001}");
    else
      peer.answer("");
  }
}

std::string head_of(const std::vector<SeenRequest>& seen, const std::string& line) {
  for (const SeenRequest& request : seen)
    if (request.line.starts_with(line)) return request.head + request.body;
  return "(not seen)";
}

TEST(Sessions, TheCanaryGetsItsOwnValuesBack) {
  ScriptedCanary canary(shop);
  Sessions sessions({});
  const Ran ran =
      run(with(sessions, canary.url()), prepared(sessions, Scrubber::builtin(), shopping()));
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 4}}));
  const auto seen = canary.seen();
  const std::string order = head_of(seen, "POST /orders");
  EXPECT_NE(order.find("Cookie: sid=own-cookie\r\n"), std::string::npos) << order;
  EXPECT_NE(order.find("csrf=ow%2Fn&count=2"), std::string::npos) << order;
  EXPECT_NE(head_of(seen, "GET /orders/90001?").find("sid=own-cookie"), std::string::npos);
  EXPECT_NE(head_of(seen, "POST /cancel").find("{\"order_id\": 90001}"), std::string::npos);
  const SessionSummary summary = sessions.summary();
  EXPECT_EQ(summary.requests, 3u);
  EXPECT_EQ(summary.places.at("cookie.sid").substituted, 3u);
  EXPECT_EQ(summary.places.at("html.csrf").substituted, 1u);
  std::uint64_t ids = 0;
  for (const char* place : {"json.$.id", "location.path[*]"})
    if (summary.places.contains(place)) ids += summary.places.at(place).substituted;
  EXPECT_EQ(ids, 2u);
}

TEST(Sessions, NeitherSidesValuesAreInATrial) {
  ScriptedCanary canary(shop);
  Sessions sessions({});
  const Ran ran =
      run(with(sessions, canary.url()), prepared(sessions, Scrubber::builtin(), shopping()));
  for (const Trial& trial : ran.trials) {
    std::string shown = trial.exchange->request.target + trial.exchange->request.body;
    for (const Header& header : trial.exchange->request.headers) shown += header.value;
    for (const char* secret : {"own-cookie", "ow%2Fn", "90001", "production-session-1", "gxl"})
      EXPECT_EQ(shown.find(secret), std::string::npos) << secret << " in " << shown;
  }
}

TEST(Sessions, WhatTheCanaryDoesNotHandOutIsSentAsRecordedAndCounted) {
  ScriptedCanary canary([](ScriptedCanary::Peer& peer) {
    SeenRequest request;
    while (peer.read(request)) peer.answer("");
  });
  Sessions sessions({});
  const Ran ran =
      run(with(sessions, canary.url()), prepared(sessions, Scrubber::off(), shopping()));
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 4}}));
  EXPECT_NE(head_of(canary.seen(), "POST /orders").find("sid=production-session-1"),
            std::string::npos);
  EXPECT_EQ(sessions.summary().places.at("cookie.sid").as_recorded, 3u);
  EXPECT_EQ(sessions.summary().places.at("cookie.sid").substituted, 0u);
}

TEST(Sessions, TheWaitIsBounded) {
  ScriptedCanary canary([](ScriptedCanary::Peer& peer) {
    SeenRequest request;
    while (peer.read(request)) {
      if (request.line.starts_with("GET /login"))
        std::this_thread::sleep_for(std::chrono::milliseconds(600));
      peer.answer("");
    }
  });
  Sessions sessions({});
  SendOptions options = with(sessions, canary.url());
  options.hold_ns = 50 * kNsPerMs;
  const std::uint64_t begin = monotonic_ns();
  std::atomic<std::uint64_t> second{0};
  Sender sender(options, [&](Trial&& trial) {
    if (trial.exchange->request.target.starts_with("/orders") && second == 0)
      second = monotonic_ns();
  });
  auto exchanges = prepared(sessions, Scrubber::off(), shopping());
  for (std::size_t i = 0; i < 2; ++i) sender.submit(std::move(exchanges[i]));
  sender.close();
  sender.run();
  EXPECT_GE(second - begin, 50 * kNsPerMs);
  EXPECT_LT(second - begin, 500 * kNsPerMs);
  EXPECT_EQ(sessions.summary().places.at("cookie.sid").as_recorded, 1u);
  expect_lawful(sender, 0);
}

TEST(Sessions, CopiesHaveSessionsOfTheirOwn) {
  std::atomic<int> logins{0};
  ScriptedCanary canary([&](ScriptedCanary::Peer& peer) {
    SeenRequest request;
    while (peer.read(request)) {
      const std::string cookie = "own-" + std::to_string(++logins);
      peer.send("HTTP/1.1 200 OK\r\nSet-Cookie: sid=" + cookie + "\r\nContent-Length: 0\r\n\r\n");
    }
  });
  Sessions sessions({.copies = 2});
  std::vector<Exchange> recorded = shopping();
  recorded.resize(2);
  std::vector<Exchange> copies;
  for (Exchange& exchange : recorded) {
    const auto pairs = sessions.find(exchange.request);
    std::vector<ExchangeId> ids;
    for (std::size_t copy = 0; copy < 2; ++copy) {
      Exchange one = exchange;
      one.id.bytes[15] = static_cast<std::uint8_t>(copy);
      one.stream = exchange.stream * 2 + copy;
      ids.push_back(one.id);
      sessions.mark(one, pairs, copy);
      copies.push_back(std::move(one));
    }
    sessions.handed_out(*exchange.response, ids);
  }
  const Ran ran = run(with(sessions, canary.url()), std::move(copies));
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 4}}));
  std::set<std::string> given;
  for (const SeenRequest& request : canary.seen()) {
    const std::size_t at = request.head.find("sid=own-");
    if (request.line.starts_with("POST") && at != std::string::npos)
      given.insert(request.head.substr(at, 9));
  }
  EXPECT_EQ(given.size(), 2u) << "both copies gave back the same cookie";
}

/// What production answered an exchange with, and then the canary.
Response json_answer(const std::string& body) {
  Response response;
  response.headers = {{"Content-Type", "application/json"}};
  response.body = body;
  return response;
}

/// The target that a request for `target` goes out with.
std::string filled(Sessions& sessions, Exchange exchange) {
  sessions.mark(exchange, sessions.find(exchange.request), 0);
  EXPECT_TRUE(sessions.ready(exchange));
  sessions.fill(exchange);
  return exchange.request.target;
}

// A shop that is not empty lists the new order beside others, and the canary's shop has others.
TEST(Sessions, AnIdIsTheOneOfTheAnswerThatMadeItNotOfLaterLists) {
  Sessions sessions({});
  Exchange made = make(1, 0), list = make(1, 1);
  sessions.handed_out(json_answer(R"({"id": "order-1"})"), {made.id});
  sessions.handed_out(json_answer(R"([{"id": "order-0"}, {"id": "order-1"}])"), {list.id});
  const Response own = json_answer(R"({"id": "own-1"})");
  Exchange look = make(1, 2, "/orders/order-1");
  sessions.mark(look, sessions.find(look.request), 0);
  EXPECT_FALSE(sessions.ready(look));
  sessions.answered(made, &own);
  EXPECT_TRUE(sessions.ready(look)) << "it need not wait for the list";
  const Response others = json_answer(R"([{"id": "own-1"}, {"id": "own-9"}])");
  sessions.answered(list, &others);
  sessions.fill(look);
  EXPECT_EQ(look.request.target, "/orders/own-1");
}

TEST(Sessions, AnIdThatItsMakerDoesNotSayIsTakenFromWhereItIsSaidLater) {
  Sessions sessions({});
  Exchange made = make(1, 0), list = make(1, 1);
  sessions.handed_out(json_answer(R"({"id": "order-1"})"), {made.id});
  sessions.handed_out(json_answer(R"([{"id": "order-1"}])"), {list.id});
  sessions.answered(made, nullptr);
  const Response own = json_answer(R"([{"id": "own-1"}])");
  sessions.answered(list, &own);
  EXPECT_EQ(filled(sessions, make(1, 2, "/orders/order-1")), "/orders/own-1");
  EXPECT_EQ(sessions.summary().places.at("json.$[*].id").substituted, 1u);
}

// Production sets the same cookie again, the canary another one, or none: its last word counts.
TEST(Sessions, OfACookieTheCanarysLastWordCounts) {
  const auto cookie = [](const std::string& value) {
    Response response;
    response.headers = {{"Set-Cookie", "sid=" + value}};
    return response;
  };
  for (const bool again : {true, false}) {
    Sessions sessions({});
    Exchange login = make(1, 0), page = make(1, 1);
    sessions.handed_out(cookie("production"), {login.id});
    sessions.handed_out(cookie("production"), {page.id});
    const Response first = cookie("own-first"), second = cookie("own-second"), none;
    sessions.answered(login, &first);
    sessions.answered(page, again ? &second : &none);
    Exchange next = make(1, 2);
    next.request.headers.push_back({"Cookie", "sid=production"});
    sessions.mark(next, sessions.find(next.request), 0);
    EXPECT_TRUE(sessions.ready(next));
    sessions.fill(next);
    EXPECT_EQ(*find_header(next.request.headers, "cookie"),
              again ? "sid=own-second" : "sid=own-first");
  }
}

// As Laravel and Angular have it: the token is a cookie, which scripts give back in a header.
TEST(Sessions, ATokenInACookieIsGivenBackInAHeaderDecoded) {
  const auto cookie = [](const std::string& value) {
    Response response;
    response.headers = {{"Set-Cookie", "XSRF-TOKEN=" + value}};
    return response;
  };
  for (const std::string own : {"own%3D", "own-token"}) {
    Sessions sessions({});
    Exchange login = make(1, 0);
    sessions.handed_out(cookie("production%3D"), {login.id});
    const Response canary = cookie(own);
    sessions.answered(login, &canary);
    Exchange next = make(1, 1);
    next.request.headers.push_back({"Cookie", "XSRF-TOKEN=production%3D"});
    next.request.headers.push_back({"X-XSRF-TOKEN", "production="});
    sessions.mark(next, sessions.find(next.request), 0);
    sessions.fill(next);
    EXPECT_EQ(*find_header(next.request.headers, "cookie"), "XSRF-TOKEN=" + own);
    EXPECT_EQ(*find_header(next.request.headers, "x-xsrf-token"),
              own == "own%3D" ? "own=" : "own-token");
  }
}

TEST(Sessions, MemoryIsBounded) {
  Sessions sessions({.max_values = 100});
  Response production;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    production.headers = {{"Set-Cookie", "sid=value-" + std::to_string(i)}};
    Exchange exchange = make(1, i);
    sessions.handed_out(production, {exchange.id});
    exchange.response = production;
    sessions.answered(exchange, &production);
  }
  EXPECT_EQ(sessions.summary().forgotten, 900u);
  Request request = make(1, 0).request;
  request.headers.push_back({"Cookie", "sid=value-5"});
  EXPECT_TRUE(sessions.find(request).empty());
  request.headers.back().value = "sid=value-999";
  EXPECT_EQ(sessions.find(request).size(), 1u);
}

TEST(Sessions, NoValueCanInject) {
  Sessions sessions({});
  Exchange origin = make(1, 0);
  Response production;
  production.headers = {{"X-CSRF-Token", "token-1"}};
  sessions.handed_out(production, {origin.id});
  Response canary;
  canary.headers = {{"X-CSRF-Token", "own\r\nX: 1"}};
  sessions.answered(origin, &canary);
  Exchange next = make(1, 1);
  next.request.headers.push_back({"X-CSRF-Token", "token-1"});
  sessions.mark(next, sessions.find(next.request), 0);
  sessions.fill(next);
  EXPECT_EQ(*find_header(next.request.headers, "x-csrf-token"), "token-1");
}

}  // namespace
}  // namespace gray
