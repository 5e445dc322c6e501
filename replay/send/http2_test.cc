// The sender against an HTTP/2 canary on loopback: nghttp2's server is the oracle of what arrives.
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "replay/send/http2_canary.h"
#include "replay/send/scripted_canary.h"
#include "replay/send/sender_for_test.h"

namespace gray {
namespace {

using Peer = Http2Canary::Peer;
constexpr std::uint64_t kEpochNs = 1'700'000'000 * kNsPerSecond;

/// A request of stream `h2_stream`, from and to so many ms after the recording's begin.
Exchange recorded(std::uint64_t connection, std::uint32_t h2_stream, std::uint64_t begin_ms,
                  std::uint64_t end_ms, std::string target = "/") {
  Exchange exchange = make(connection, h2_stream / 2, std::move(target));
  exchange.protocol = "http/2";
  exchange.h2_stream = h2_stream;
  exchange.request.version.assign(1, '2');
  exchange.request.headers = {{"x-case", "kept"}};
  exchange.request.authority = "shop.example";
  exchange.request.first_byte_ns = exchange.request.last_byte_ns = kEpochNs + begin_ms * kNsPerMs;
  exchange.response.emplace();
  exchange.response->first_byte_ns = exchange.response->last_byte_ns = kEpochNs + end_ms * kNsPerMs;
  return exchange;
}

std::string value(const Headers& headers, std::string_view name) {
  const std::string* found = find_header(headers, name);
  return found == nullptr ? "(absent)" : *found;
}

void echo(Peer& peer, const SeenStream& stream) {
  peer.answer(stream.id, {.headers = {{"x-path", value(stream.headers, ":path")}},
                          .body = stream.body,
                          .trailers = {{"x-sum", "1"}},
                          .interim = true});
}

TEST(Http2, RequestAndResponseKeepEverything) {
  Http2Canary canary(echo);
  Exchange exchange = recorded(1, 1, 0, 1, "/a?b=1");
  exchange.request.method = "POST";
  exchange.request.body = "hello";
  exchange.request.headers.push_back({"Content-Length", "99"});
  exchange.request.headers.push_back({"Host", "shop.example"});
  exchange.request.trailers = {{"X-Trailer", "t"}};
  const Ran ran = run(to(canary.url()), {exchange});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}})) << ran.trials[0].error;
  const Response& response = *ran.trials[0].canary;
  EXPECT_EQ(response.version, "2");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello");
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(value(response.headers, "x-path"), "/a?b=1");
  EXPECT_EQ(value(response.trailers, "x-sum"), "1");
  ASSERT_FALSE(response.pieces.empty());
  EXPECT_EQ(response.pieces.back().end, 5u);
  const SeenStream seen = canary.seen().at(0);
  EXPECT_EQ(value(seen.headers, ":method"), "POST");
  EXPECT_EQ(value(seen.headers, ":scheme"), "http");
  EXPECT_EQ(value(seen.headers, ":authority"), "shop.example");
  EXPECT_EQ(value(seen.headers, "x-case"), "kept");
  EXPECT_EQ(value(seen.headers, "content-length"), "5");
  EXPECT_EQ(value(seen.headers, "host"), "(absent)");
  EXPECT_EQ(value(seen.trailers, "x-trailer"), "t");
  EXPECT_GT(ran.trials[0].latency_ns, 0u);
}

TEST(Http2, WhatOverlappedInTheRecordingOverlapsAgain) {
  // Answers only when both are there: one after the other would be a timeout.
  std::vector<std::int32_t> waiting;
  Http2Canary canary([&](Peer& peer, const SeenStream& stream) {
    waiting.push_back(stream.id);
    if (waiting.size() < 2) return;
    for (const std::int32_t id : waiting) peer.answer(id, {});
    waiting.clear();
  });
  SendOptions options = to(canary.url());
  options.concurrency = 1;
  const Ran ran = run(std::move(options), {recorded(1, 1, 0, 30), recorded(1, 3, 10, 20)});
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 2}}));
  EXPECT_EQ(canary.accepted(), 1u);
  EXPECT_EQ(canary.most_streams(), 2u);
}

TEST(Http2, WhatWaitedForAnAnswerWaitsAgain) {
  Http2Canary canary(echo);
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < 20; ++i)
    exchanges.push_back(recorded(1, 2 * i + 1, 10 * i, 10 * i + 5, "/" + std::to_string(i)));
  const Ran ran = run(to(canary.url()), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 20}}));
  EXPECT_EQ(canary.most_streams(), 1u);
  const auto seen = canary.seen();
  for (std::size_t i = 0; i < 20; ++i)
    EXPECT_EQ(value(seen[i].headers, ":path"), "/" + std::to_string(i));
}

TEST(Http2, NeverMoreStreamsThanTheCanaryAllows) {
  Http2Canary canary(echo, 3);
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < 200; ++i) {
    exchanges.push_back(recorded(1, 2 * i + 1, 0, 1000));
    exchanges.back().request.body.assign(20'000, 'b');
  }
  const Ran ran = run(to(canary.url()), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 200}}));
  EXPECT_LE(canary.most_streams(), 3u);
  EXPECT_EQ(canary.accepted(), 1u);
}

TEST(Http2, OneStreamAtATimeWhenTheCanaryAllowsNoMore) {
  Http2Canary canary(echo, 1);
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < 100; ++i)
    exchanges.push_back(recorded(1, 2 * i + 1, 0, 1000, "/" + std::to_string(i)));
  const Ran ran = run(to(canary.url()), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 100}}));
  EXPECT_EQ(canary.most_streams(), 1u);
  EXPECT_EQ(canary.accepted(), 1u);
  EXPECT_EQ(canary.seen().size(), 100u);
}

TEST(Http2, BigBodiesBothWays) {
  Http2Canary canary(echo);
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < 3; ++i) {
    exchanges.push_back(recorded(1, 2 * i + 1, 0, 1000));
    exchanges.back().request.body.assign((8u << 20) + i, static_cast<char>('a' + i));
  }
  const std::vector<Exchange> sent = exchanges;
  SendOptions options = to(canary.url());
  options.timeout_ns = 30 * kNsPerSecond;
  const Ran ran = run(std::move(options), std::move(exchanges));
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 3}}));
  for (const Trial& trial : ran.trials) EXPECT_EQ(trial.canary->body, trial.exchange->request.body);
}

TEST(Http2, OfALongBodyOnlyTheBeginningIsKept) {
  Http2Canary canary([](Peer& peer, const SeenStream& stream) {
    peer.answer(stream.id, {.body = std::string(1u << 20, 'b')});
  });
  SendOptions options = to(canary.url());
  options.max_body = 1000;
  const Ran ran = run(std::move(options), {recorded(1, 1, 0, 1)});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}}));
  EXPECT_EQ(ran.trials[0].canary->body.size(), 1000u);
  EXPECT_EQ(ran.trials[0].canary->body_bytes, 1u << 20);
  EXPECT_TRUE(ran.trials[0].canary->truncated);
}

TEST(Http2, AResetStreamIsAnOutcomeAndTheOthersGoOn) {
  Http2Canary canary([](Peer& peer, const SeenStream& stream) {
    if (stream.id == 1) return peer.reset(stream.id, NGHTTP2_INTERNAL_ERROR);
    if (stream.id == 3) return peer.reset(stream.id, NGHTTP2_REFUSED_STREAM);
    peer.answer(stream.id, {});
  });
  const Ran ran =
      run(to(canary.url()), {recorded(1, 1, 0, 9), recorded(1, 3, 1, 9), recorded(1, 5, 2, 9)});
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}, {"refused", 1}, {"reset", 1}}));
  EXPECT_EQ(canary.accepted(), 1u);
  for (const Trial& trial : ran.trials)
    if (trial.outcome == SendOutcome::Reset) {
      EXPECT_NE(trial.error.find("INTERNAL_ERROR"), std::string::npos) << trial.error;
    }
}

TEST(Http2, AfterGoawayTheUnprocessedAreRefusedAndTheRestGoesOverANewConnection) {
  Http2Canary canary([](Peer& peer, const SeenStream& stream) {
    if (peer.number > 0) return peer.answer(stream.id, {});
    if (stream.id != 5) return;
    peer.goaway(1);
    peer.answer(1, {});
  });
  const Ran ran = run(to(canary.url()), {recorded(1, 1, 0, 9), recorded(1, 3, 1, 9),
                                         recorded(1, 5, 2, 9), recorded(1, 7, 10, 11)});
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 2}, {"refused", 2}}));
  EXPECT_EQ(canary.accepted(), 2u);
  EXPECT_EQ(canary.seen().size(), 4u) << "something was sent twice";
}

// As servers do that limit the requests of a connection.
TEST(Http2, GoawaysInTheMiddleOfALongRunLoseNothing) {
  constexpr std::uint32_t kRequests = 1000;
  constexpr std::int32_t kPerConnection = 50;
  Http2Canary canary([](Peer& peer, const SeenStream& stream) {
    if (stream.id == 2 * kPerConnection - 1) peer.goaway(stream.id);
    peer.answer(stream.id, {.body = "b"});
  });
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < kRequests; ++i)
    exchanges.push_back(recorded(1, 2 * i + 1, 10 * i, 10 * i + 5));
  const Ran ran = run(to(canary.url()), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", kRequests}}));
  EXPECT_EQ(canary.accepted(), kRequests / kPerConnection);
  EXPECT_EQ(canary.seen().size(), kRequests);
}

// Two of three big requests are stopped before they are written: the third gets its window.
TEST(Http2, AResetInTheMiddleOfARequestsBodyLeavesTheWindowToTheOthers) {
  Http2Canary canary(echo);
  canary.reset_after(1, 100'000);
  canary.reset_after(3, 300'000);
  std::vector<Exchange> exchanges;
  for (std::uint32_t i = 0; i < 3; ++i) {
    exchanges.push_back(recorded(1, 2 * i + 1, 0, 1000));
    exchanges.back().request.body.assign(2u << 20, static_cast<char>('a' + i));
  }
  SendOptions options = to(canary.url());
  options.timeout_ns = 30 * kNsPerSecond;
  const Ran ran = run(std::move(options), std::move(exchanges));
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}, {"reset", 2}}));
  EXPECT_EQ(canary.accepted(), 1u);
  const auto seen = canary.seen();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].body, std::string(2u << 20, 'c'));
}

TEST(Http2, ATimeoutCancelsItsStreamOnly) {
  Http2Canary canary([](Peer& peer, const SeenStream& stream) {
    if (stream.id != 1) peer.answer(stream.id, {});
  });
  SendOptions options = to(canary.url());
  options.timeout_ns = 100 * kNsPerMs;
  const Ran ran = run(std::move(options), {recorded(1, 1, 0, 1), recorded(1, 3, 2, 3)});
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}, {"timeout", 1}}));
  EXPECT_EQ(canary.accepted(), 1u);
}

TEST(Http2, MessagesOfAStreamGoOutWhenTheyWereRecorded) {
  Http2Canary canary(echo);
  Exchange exchange = recorded(1, 1, 0, 300);
  Request& request = exchange.request;
  request.body = "aaabbbccc";
  const std::uint64_t begin = request.first_byte_ns;
  request.pieces = {
      {3, begin + 20 * kNsPerMs}, {6, begin + 120 * kNsPerMs}, {9, begin + 220 * kNsPerMs}};
  request.last_byte_ns = begin + 220 * kNsPerMs;
  SendOptions options = to(canary.url());
  options.schedule = {.pace = Pace::Original, .speed = 2};
  options.timeout_ns = 100 * kNsPerMs;  // the recorded time comes on top
  const Ran ran = run(options, {exchange});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}})) << ran.trials[0].error;
  const SeenStream paced = canary.seen().at(0);
  EXPECT_EQ(paced.body, "aaabbbccc");
  ASSERT_EQ(paced.chunk_times.size(), 3u);
  for (std::size_t i = 1; i < 3; ++i) {
    const double gap = static_cast<double>(paced.chunk_times[i] - paced.chunk_times[i - 1]);
    EXPECT_NEAR(gap, 50e6, 25e6);
  }
  options.schedule = {.pace = Pace::TopSpeed};
  const Ran fast = run(options, {exchange});
  ASSERT_EQ(fast.outcomes(), (Outcomes{{"answered", 1}}));
  EXPECT_LT(fast.stats.seconds, 0.1);
}

TEST(Http2, AStreamIsEndedWhenTheClientEndedIt) {
  Http2Canary canary(echo);
  Exchange exchange = recorded(1, 1, 0, 300);
  Request& request = exchange.request;
  const std::uint64_t begin = request.first_byte_ns;
  request.body = "aaabbb";
  request.pieces = {{3, begin}, {6, begin}, {6, begin + 150 * kNsPerMs}};
  request.last_byte_ns = begin + 150 * kNsPerMs;
  Exchange silent = recorded(2, 1, 0, 300);
  silent.request.pieces = {{0, begin + 150 * kNsPerMs}};
  SendOptions options = to(canary.url());
  options.schedule = {.pace = Pace::Original};
  const Ran ran = run(options, {exchange, silent});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 2}})) << ran.trials[0].error;
  for (const Trial& trial : ran.trials) EXPECT_EQ(trial.canary->body, trial.exchange->request.body);
  for (const SeenStream& seen : canary.seen()) {
    ASSERT_EQ(seen.chunk_times.size(), seen.body.empty() ? 1u : 3u);
    if (seen.body.empty()) continue;
    EXPECT_GT(seen.chunk_times[2] - seen.chunk_times[1], 100 * kNsPerMs);
  }
}

TEST(Http2, ARequestOfHttp1IsPutIntoHttp2sWords) {
  Http2Canary canary(echo);
  Exchange exchange = make(1, 0, "/old");
  exchange.request.headers = {{"Host", "shop.example"}, {"Connection", "keep-alive"},
                              {"X-Upper", " v "},       {"Transfer-Encoding", "chunked"},
                              {"TE", "gzip"},           {"Cookie", "a=1; b=2"}};
  exchange.request.chunked = true;
  exchange.request.body = "abc";
  const Ran ran = run(to(canary.url()), {exchange});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}})) << ran.trials[0].error;
  const SeenStream seen = canary.seen().at(0);
  EXPECT_EQ(value(seen.headers, ":authority"), "shop.example");
  EXPECT_EQ(value(seen.headers, "x-upper"), "v");
  EXPECT_EQ(value(seen.headers, "cookie"), "a=1; b=2");
  for (const char* gone : {"connection", "transfer-encoding", "te", "host"})
    EXPECT_EQ(value(seen.headers, gone), "(absent)") << gone;
  EXPECT_EQ(seen.body, "abc");
}

TEST(Http2, AGrpcCallKeepsWhatItNeeds) {
  Http2Canary canary([](Peer& peer, const SeenStream& stream) {
    peer.answer(stream.id, {.headers = {{"content-type", "application/grpc"}},
                            .trailers = {{"grpc-status", "0"}}});
  });
  Exchange exchange = recorded(1, 1, 0, 1, "/pkg.Service/Call");
  exchange.request.method = "POST";
  exchange.request.headers = {{"content-type", "application/grpc+proto"}};
  exchange.request.body = std::string("\0\0\0\0\0", 5);
  const Ran ran = run(to(canary.url()), {exchange});
  ASSERT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}}));
  EXPECT_EQ(value(canary.seen().at(0).headers, "te"), "trailers");
  EXPECT_EQ(value(ran.trials[0].canary->trailers, "grpc-status"), "0");
}

TEST(Http2, ToAnHttp1CanaryARequestIsTranslatedAndGrpcIsNotSent) {
  ScriptedCanary canary([](ScriptedCanary::Peer& peer) {
    SeenRequest request;
    while (peer.read(request)) peer.answer("");
  });
  Exchange plain = recorded(1, 1, 0, 1, "/p");
  plain.request.headers = {{"cookie", "a=1"}, {"x-b", "2"}, {"cookie", "c=3"}, {"te", "trailers"}};
  Exchange grpc = recorded(1, 3, 2, 3, "/pkg.Service/Call");
  grpc.request.headers = {{"content-type", "application/grpc"}};
  const Ran ran = run(to(canary.url()), {plain, grpc});
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}, {"unsendable", 1}}));
  EXPECT_EQ(canary.seen().at(0).head,
            "GET /p HTTP/1.1\r\nHost: shop.example\r\nCookie: a=1; c=3\r\nx-b: 2\r\n\r\n");
}

TEST(Http2, WhatIsNoHttp2IsGarbage) {
  ScriptedCanary canary([](ScriptedCanary::Peer& peer) {
    peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    peer.wait_closed();
  });
  const std::string url = "h2c" + canary.url().substr(4);
  const Ran ran = run(to(url), {recorded(1, 1, 0, 1)});
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"garbage", 1}}));
}

TEST(Http2, NothingCanInject) {
  Http2Canary canary(echo);
  Exchange bad = recorded(1, 1, 0, 1);
  bad.request.headers.push_back({"x", "a\r\ny: b"});
  Exchange unknown = recorded(1, 3, 2, 3);
  unknown.request.headers.push_back({"x", std::string(kUnknownHeaderText)});
  unknown.request.unknown_headers = 1;
  const Ran ran = run(to(canary.url()), {bad, unknown, recorded(1, 5, 4, 5)});
  EXPECT_EQ(ran.outcomes(), (Outcomes{{"answered", 1}, {"unsendable", 2}}));
  EXPECT_EQ(canary.seen().size(), 1u);
}

TEST(Http2, ACanaryThatDiesEndsEverything) {
  Http2Canary canary([](Peer&, const SeenStream&) {});
  SendOptions options = to(canary.url());
  std::size_t trials = 0;
  Sender sender(std::move(options), [&](Trial&& trial) {
    EXPECT_EQ(trial.outcome, SendOutcome::Aborted);
    ++trials;
  });
  for (std::uint32_t i = 0; i < 50; ++i) sender.submit(recorded(i % 5, 2 * i + 1, 0, 1000));
  std::thread loop([&] { sender.run(); });
  while (canary.seen().size() < 50) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  sender.abort();
  loop.join();
  EXPECT_EQ(trials, 50u);
  expect_lawful(sender, 0);
}

}  // namespace
}  // namespace gray
