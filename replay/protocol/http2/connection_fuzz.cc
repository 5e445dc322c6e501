// Frames of HTTP/2 that two sides send, of any kind and content, with losses: memory is bounded and
// given back, no exchange is lost, and exchanges are the same however the bytes were cut. The first
// byte chooses whether the connection is seen from its start, joined in the middle, or an upgrade
// from HTTP/1. Then come entries: who and what (a frame, raw bytes, a gap, the end), for a frame
// type, flags, stream, and one byte of length with the content.
#include <memory>
#include <string>
#include <vector>

#include "replay/protocol/http2/frames_for_test.h"
#include "replay/protocol/registry.h"
#include "userspace/base/fuzz.h"

namespace gray::http2 {
namespace {

constexpr std::size_t kMaxBody = 500;
constexpr std::size_t kMaxKept = 50'000;

struct Event {
  enum Kind : std::uint8_t { Bytes, Gap, End } kind = Bytes;
  unsigned from = 0;
  std::string bytes;
};

class Checker final : public ExchangeSink {
 public:
  void exchange(Exchange&& exchange) override {
    const Request& request = exchange.request;
    require(!request.method.empty() || exchange.response || !request.anomalies.empty() ||
                request.unknown_headers > 0,
            "an exchange without a method and an answer says why");
    told += exchange.id.hex() + ' ' + exchange.protocol + ' ' + exchange.request.method + ' ' +
            exchange.request.target;
    check(exchange.request);
    if (exchange.response) {
      told += ' ' + std::to_string(exchange.response->status);
      check(*exchange.response);
    }
    told += '\n';
  }
  void connection_end(std::uint64_t) override { require(!std::exchange(ended_, true), "one end"); }

  std::string told;  // all that was given out, in order

 private:
  void check(const Message& message) {
    require(message.body.size() <= kMaxBody, "bodies are bounded");
    require(message.body.size() <= message.body_bytes, "what is kept was there");
    require(message.anomalies.size() < 64, "anomalies are named once");
    std::uint64_t end = 0;
    for (const BodyPiece& piece : message.pieces) {
      require(piece.end >= end, "pieces follow each other");
      end = piece.end;
    }
    require(end <= message.body_bytes, "pieces are of the body");
    for (const Headers* headers : {&message.headers, &message.trailers})
      for (const Header& header : *headers) told += '|' + header.name + ':' + header.value;
    told += '|' + message.body + '|' + std::to_string(message.body_bytes) +
            (message.complete ? "|whole" : "|part");
  }
  bool ended_ = false;
};

void begin(std::vector<Event>& events, unsigned how) {
  if (how == 1) return;
  std::string client = kClientStart, server = kServerStart;
  if (how == 2) {
    client =
        "GET /up HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    server = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  }
  events.push_back({Event::Bytes, 0, client});
  events.push_back({Event::Bytes, 1, server});
  if (how == 2) events.push_back({Event::Bytes, 0, kClientStart});
}

std::string bytes_of(FuzzInput& input, std::size_t count) {
  const auto bytes = input.bytes(count);
  return {bytes.begin(), bytes.end()};
}

std::vector<Event> read_events(FuzzInput& input) {
  std::vector<Event> events;
  begin(events, input.byte() % 3U);
  while (!input.empty()) {
    const std::uint8_t what = input.byte();
    const unsigned from = what & 1U;
    switch (what >> 1 & 7) {
      case 5:
        events.push_back({Event::Bytes, from, bytes_of(input, input.byte())});
        break;
      case 6:
        events.push_back({Event::Gap, from, std::string(1U + input.byte(), '\0')});
        break;
      case 7:
        if (what >= 0xf0) events.push_back({Event::End, from, {}});
        break;
      default: {
        const auto type = static_cast<FrameType>(input.byte() % 12);
        const std::uint8_t flags = input.byte();
        const std::uint32_t stream = input.byte() % 32U;
        events.push_back(
            {Event::Bytes, from, frame(type, flags, stream, bytes_of(input, input.byte()))});
      }
    }
  }
  return events;
}

struct Read {
  std::string told;
  bool searched = false;  // for frames: then it matters how many bytes are at hand
};

Read read(const std::vector<Event>& events, std::size_t piece) {
  const ExtractorOptions options{.max_body = kMaxBody, .max_kept = kMaxKept, .hash_bodies = true};
  Checker checker;
  ProtocolContext context(options, checker);
  Connection connection;
  connection.client = 0;
  connection.syn = {true, true};
  auto consumer = make_recogniser(connection, {}, context);
  bool ended[2] = {false, false};
  std::uint64_t now = 1;
  for (const Event& event : events) {
    ++now;
    if (ended[event.from] || !consumer->wanted()) continue;
    if (event.kind == Event::End) {
      ended[event.from] = true;
      consumer->end(event.from);
    }
    if (event.kind == Event::Gap) consumer->gap(event.from, event.bytes.size());
    for (std::size_t at = 0; event.kind == Event::Bytes && at < event.bytes.size(); at += piece) {
      // Bytes of their own: what is read behind them is seen.
      const std::string part = event.bytes.substr(at, piece);
      const std::vector<std::uint8_t> bytes(part.begin(), part.end());
      if (consumer->wanted()) consumer->data(event.from, bytes, now);
    }
    require(context.kept.used <= 2 * kMaxKept, "memory is bounded");
  }
  consumer->closed(CloseReason::Finished);
  consumer.reset();
  require(context.begun == context.given, "every exchange is given out");
  require(context.open.size() == 0, "and is open no more");
  require(context.kept.used == 0, "memory is given back");
  return {checker.told, context.skipped > 0};
}

}  // namespace
}  // namespace gray::http2

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  FuzzInput input(data, size);
  const std::size_t piece = 1U + (size == 0 ? 0 : data[0] / 3U % 20);
  const auto events = http2::read_events(input);
  const auto whole = http2::read(events, 1u << 20), cut = http2::read(events, piece);
  // One that is joined in the middle is found by what is at hand at once.
  const bool joined = size == 0 || data[0] % 3 == 1;
  require(joined || whole.searched || cut.searched || whole.told == cut.told,
          "cutting does not matter");
  return 0;
}
