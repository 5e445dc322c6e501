// What two sides said on a connection, any bytes, with losses: memory is bounded and given back, no
// exchange is lost, and a message is the same however it was cut into segments. The first byte
// chooses: requests or responses in pieces, or a whole connection, in which the bytes 0xf1 to 0xf6
// say who speaks.
#include <memory>
#include <vector>

#include "replay/protocol/http1/message_reader.h"
#include "replay/protocol/registry.h"
#include "userspace/base/fuzz.h"

namespace gray {
namespace {

constexpr std::size_t kMaxBody = 500;
constexpr std::size_t kMaxKept = 50'000;

class Checker final : public ExchangeSink {
 public:
  void exchange(Exchange&& exchange) override {
    const Request& request = exchange.request;
    // What turns out to be HTTP/2 may have lost its header blocks, and then says so.
    const bool says_why = exchange.protocol == "http/2" &&
                          (!request.anomalies.empty() || request.unknown_headers > 0);
    require(!request.method.empty() || exchange.response || says_why,
            "an exchange has one side at least");
    check(exchange.request);
    if (!exchange.response) return;
    check(*exchange.response);
    require(exchange.response->first_byte_ns <= exchange.response->last_byte_ns, "time goes on");
  }
  void connection_end(std::uint64_t) override { require(!std::exchange(ended_, true), "one end"); }

 private:
  static void check(const Message& message) {
    require(message.body.size() <= kMaxBody, "bodies are bounded");
    require(message.body.size() <= message.body_bytes, "what is kept was there");
    require(!message.complete || message.truncated || message.body.size() == message.body_bytes,
            "a whole body is whole");
    require(message.anomalies.size() < 64, "anomalies are named once");
  }
  bool ended_ = false;
};

enum Turn : std::uint8_t { Client = 0xf1, Server, LoseClient, LoseServer, EndClient, EndServer };

void say(StreamConsumer& consumer, std::uint8_t turn, std::span<const std::uint8_t> bytes,
         std::uint64_t now) {
  const unsigned from = (turn & 1) != 0 ? 0 : 1;
  if (turn >= EndClient) return consumer.end(from);
  if (bytes.empty()) return;
  if (turn >= LoseClient) return consumer.gap(from, bytes.size());
  consumer.data(from, bytes, now);
}

void converse(std::span<const std::uint8_t> input) {
  const ExtractorOptions options{.max_body = kMaxBody, .max_kept = kMaxKept, .hash_bodies = true};
  Checker checker;
  ProtocolContext context(options, checker);
  Connection connection;
  connection.syn = {true, true};
  connection.client = 0;
  auto consumer = make_recogniser(connection, {}, context);
  std::uint8_t turn = Client;
  std::uint64_t now = 1;
  bool ended[2] = {false, false};
  for (std::size_t at = 0; at < input.size();) {
    if (input[at] >= Client && input[at] <= EndServer) turn = input[at++];
    std::size_t end = at;
    while (end < input.size() && (input[end] < Client || input[end] > EndServer)) ++end;
    bool& over = ended[(turn & 1) != 0 ? 0 : 1];
    if (!over && consumer->wanted()) say(*consumer, turn, input.subspan(at, end - at), ++now);
    over = over || turn >= EndClient;
    at = end;
    // A message may go over the budget by what it held when it was taken from its reader.
    require(context.kept.used <= 2 * kMaxKept, "memory is bounded");
  }
  consumer->closed(CloseReason::Finished);
  consumer.reset();
  require(context.begun == context.given, "every exchange is given out");
  require(context.open.size() == 0, "and is open no more");
  require(context.kept.used == 0, "memory is given back");
}

struct Told {
  std::vector<Request> requests;
  std::vector<Response> responses;
  ReadStatus last = ReadStatus::NeedMore;
  bool operator==(const Told& other) const;
};

bool same(const Message& a, const Message& b) {
  const auto equal = [](const Headers& x, const Headers& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const Header& f, const Header& g) {
      return f.name == g.name && f.value == g.value;
    });
  };
  return a.version == b.version && equal(a.headers, b.headers) && equal(a.trailers, b.trailers) &&
         a.body == b.body && a.body_bytes == b.body_bytes && a.complete == b.complete &&
         a.anomalies == b.anomalies && a.body_sha256 == b.body_sha256;
}

bool Told::operator==(const Told& other) const {
  const auto requests_equal = [](const Request& a, const Request& b) {
    return same(a, b) && a.method == b.method && a.target == b.target;
  };
  const auto responses_equal = [](const Response& a, const Response& b) {
    return same(a, b) && a.status == b.status && a.reason == b.reason;
  };
  return last == other.last &&
         std::equal(requests.begin(), requests.end(), other.requests.begin(), other.requests.end(),
                    requests_equal) &&
         std::equal(responses.begin(), responses.end(), other.responses.begin(),
                    other.responses.end(), responses_equal);
}

Told listen(MessageKind kind, std::span<const std::uint8_t> input, std::size_t piece) {
  Told told;
  MessageReader reader(kind, {.max_body = kMaxBody, .hash_body = true});
  for (std::size_t at = 0; at < input.size();) {
    auto bytes = input.subspan(at, std::min(piece, input.size() - at));
    at += bytes.size();
    while (!bytes.empty()) {
      const ReadStatus status = reader.feed(bytes, 1);
      require(reader.consumed() <= bytes.size(), "no more is used than was offered");
      told.last = status;
      if (status == ReadStatus::NeedMore) break;
      bytes = bytes.subspan(reader.consumed());
      if (kind == MessageKind::Request) told.requests.push_back(reader.take_request());
      if (kind == MessageKind::Response) told.responses.push_back(reader.take_response());
      if (status != ReadStatus::Complete) return told;
    }
  }
  return told;
}

}  // namespace
}  // namespace gray

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  FuzzInput input(data, size);
  const std::uint8_t choice = input.byte();
  const auto bytes = input.rest();
  if (choice % 4 >= 2) {
    converse(bytes);
    return 0;
  }
  const MessageKind kind = choice % 4 == 0 ? MessageKind::Request : MessageKind::Response;
  const Told whole = listen(kind, bytes, bytes.size() + 1);
  require(whole == listen(kind, bytes, 1), "cutting into bytes does not matter");
  require(whole == listen(kind, bytes, 2U + choice / 4U), "nor does cutting into pieces");
  return 0;
}
