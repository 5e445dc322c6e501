#include "replay/protocol/http1/connection.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "replay/protocol/http1/message_reader.h"
#include "replay/protocol/http1/pairing.h"
#include "replay/protocol/http1/recognise.h"

namespace gray::http1 {
namespace {

constexpr std::size_t kMaxUndecided = 1 << 16;  // bytes after an Upgrade that nobody answered
constexpr unsigned kMaxTunnels = 4;             // CONNECT in CONNECT

using Bytes = std::span<const std::uint8_t>;

// A message that is being read.
struct Reading {
  MessageReader reader;
  std::uint64_t begun_at = 0;  // offset in the stream
  bool open = false;           // its start line was read and pairing knows of it
};

// One direction. Between messages it has no reader: most connections are idle most of the time.
struct Half {
  std::unique_ptr<Reading> reading;
  std::uint64_t offset = 0;  // of the next byte
  bool searching = true;     // for a segment that starts with a message

  bool begun() const noexcept { return reading && reading->reader.begun(); }
  void rest() noexcept {
    if (!begun()) reading.reset();
  }
};

// A request asked for another protocol, and waits for its answer.
struct Switching {
  struct Piece {
    std::uint64_t time_ns;
    std::vector<std::uint8_t> bytes;
  };

  std::string to;
  std::vector<Piece> pieces;  // what the client sent meanwhile
  std::size_t bytes = 0;      // of them, taken from the budget
};

class Http1Connection final : public StreamConsumer {
 public:
  Http1Connection(const Connection& connection, const ConnectionNames& names,
                  ProtocolContext& context)
      : connection_(connection),
        names_(names),
        context_(context),
        pairing_(connection, names, context) {}

  ~Http1Connection() override { take_pieces(); }

  void data(unsigned from, Bytes bytes, std::uint64_t time_ns) noexcept override;
  void gap(unsigned from, std::uint64_t length) noexcept override;
  void end(unsigned from) noexcept override;
  void closed(CloseReason reason) noexcept override;
  bool wanted() const noexcept override { return upgraded_ ? upgraded_->wanted() : !tunnel_; }

 private:
  ReaderLimits limits() const {
    return {.max_body = context_.options.max_body,
            .hash_body = context_.options.hash_bodies,
            .budget = &context_.kept};
  }
  Reading& reading(Half& half) noexcept;
  void rest() noexcept;
  void find_client(unsigned from, Bytes bytes) noexcept;
  bool search(Half& half, Match (*recognise)(Bytes) noexcept, Bytes bytes) noexcept;
  ReadStatus read(Half& half, Bytes& bytes, std::uint64_t time_ns) noexcept;
  void read_requests(Bytes bytes, std::uint64_t time_ns) noexcept;
  void read_responses(Bytes bytes, std::uint64_t time_ns) noexcept;
  void end_request(ReadStatus status) noexcept;
  void end_response(ReadStatus status) noexcept;
  void count_message(bool with_start_line) noexcept;
  void postpone(Bytes bytes, std::uint64_t time_ns) noexcept;
  void resume() noexcept;
  void decide_alone() noexcept;
  bool hand_over(const std::string& protocol) noexcept;
  void look_inside() noexcept;
  void pass_on() noexcept;
  std::vector<Switching::Piece> take_pieces() noexcept;
  void become_tunnel(std::string reason) noexcept;

  const Connection& connection_;
  const ConnectionNames& names_;
  ProtocolContext& context_;
  Pairing pairing_;
  Half requests_;
  Half responses_;
  std::unique_ptr<Switching> switching_;
  std::unique_ptr<StreamConsumer> upgraded_;  // reads everything from the change of protocol on
  std::optional<unsigned> client_;
  std::array<bool, 2> ended_{};
  bool tunnel_ = false;
  bool looked_inside_ = false;
};

void Http1Connection::data(unsigned from, Bytes bytes, std::uint64_t time_ns) noexcept {
  if (upgraded_) return upgraded_->data(from, bytes, time_ns);
  if (!client_) find_client(from, bytes);
  if (!client_) context_.skipped += bytes.size();
  if (!client_ || tunnel_) return;
  if (from == *client_) {
    read_requests(bytes, time_ns);
  } else {
    read_responses(bytes, time_ns);
  }
  pairing_.give_out();
  rest();
}

Reading& Http1Connection::reading(Half& half) noexcept {
  const MessageKind kind = &half == &requests_ ? MessageKind::Request : MessageKind::Response;
  if (!half.reading) half.reading.reset(new Reading{{kind, limits()}});
  return *half.reading;
}

void Http1Connection::rest() noexcept {
  requests_.rest();
  responses_.rest();
}

void Http1Connection::find_client(unsigned from, Bytes bytes) noexcept {
  const Match request = recognise_request(bytes);
  const Match response = recognise_response(bytes);
  if (request == Match::Yes) {
    client_ = from;
  } else if (response == Match::Yes) {
    client_ = 1 - from;
  } else if (connection_.client) {
    client_ = connection_.client;
  } else if (request == Match::More || response == Match::More) {
    client_ = request == Match::More ? from : 1 - from;
  }
  if (client_) pairing_.set_client(*client_);
}

bool Http1Connection::search(Half& half, Match (*recognise)(Bytes) noexcept, Bytes bytes) noexcept {
  if (half.searching && recognise(bytes) != Match::No) half.searching = false;
  if (!half.searching) return true;
  context_.skipped += bytes.size();
  half.offset += bytes.size();
  return false;
}

ReadStatus Http1Connection::read(Half& half, Bytes& bytes, std::uint64_t time_ns) noexcept {
  auto& [reader, begun_at, open] = reading(half);
  if (!reader.begun()) begun_at = half.offset;
  const ReadStatus status = reader.feed(bytes, time_ns);
  const std::size_t used = status == ReadStatus::Bad ? bytes.size() : reader.consumed();
  context_.skipped += used - reader.consumed();
  half.offset += used;
  bytes = bytes.subspan(used);
  return status;
}

void Http1Connection::read_requests(Bytes bytes, std::uint64_t time_ns) noexcept {
  bool first = true;
  while (!bytes.empty() && !tunnel_) {
    if (upgraded_) return upgraded_->data(*client_, bytes, time_ns);
    if (switching_) return postpone(bytes, time_ns);
    if (!search(requests_, recognise_request, bytes)) return;
    const ReadStatus status = read(requests_, bytes, time_ns);
    auto& [reader, begun_at, open] = *requests_.reading;
    if (!open && reader.line_read()) {
      pairing_.begin_request(reader.method(), begun_at, reader.first_byte_ns(), !first);
      open = true;
    }
    if (status != ReadStatus::NeedMore) end_request(status);
    first = false;
  }
}

void Http1Connection::end_request(ReadStatus status) noexcept {
  Request request = requests_.reading->reader.take_request();
  if (status == ReadStatus::Bad) requests_.searching = true;
  if (status == ReadStatus::Upgrade)
    switching_.reset(new Switching{request.method == "CONNECT" ? "connect" : "upgrade", {}, 0});
  const bool open = std::exchange(requests_.reading->open, false);
  count_message(open);
  if (open) pairing_.end_request(std::move(request));
}

// Of one without a start line nobody else hears.
void Http1Connection::count_message(bool with_start_line) noexcept {
  ++context_.messages;
  if (!with_start_line) ++context_.bad;
}

void Http1Connection::read_responses(Bytes bytes, std::uint64_t time_ns) noexcept {
  while (!bytes.empty() && !tunnel_) {
    if (upgraded_) return upgraded_->data(1 - *client_, bytes, time_ns);
    auto& [reader, begun_at, open] = reading(responses_);
    if (!reader.begun() && pairing_.asked_bare() && recognise_response(bytes) != Match::Yes) {
      responses_.searching = false;
      reader.begin_bare();
    }
    if (!search(responses_, recognise_response, bytes)) return;
    if (!open) reader.answers(pairing_.asked());
    const ReadStatus status = read(responses_, bytes, time_ns);
    if (!open && reader.line_read()) {
      pairing_.begin_response(begun_at);
      open = true;
    }
    if (status != ReadStatus::NeedMore) end_response(status);
  }
}

void Http1Connection::end_response(ReadStatus status) noexcept {
  MessageReader& reader = responses_.reading->reader;
  const bool interim = status == ReadStatus::Complete && reader.status() / 100 == 1;
  const bool open = std::exchange(responses_.reading->open, false);
  Response response = reader.take_response();
  count_message(open);
  if (interim) {
    ++context_.interim;
    return;
  }
  if (status == ReadStatus::Bad) responses_.searching = true;
  const std::string* upgrade = find_header(response.headers, "upgrade");
  const std::string protocol = upgrade != nullptr ? *upgrade : std::string();
  const bool tunnel = response.status != 101;
  if (open) pairing_.end_response(std::move(response));
  if (status == ReadStatus::Upgrade) {
    if (tunnel) return look_inside();
    if (open && hand_over(protocol)) return;
    become_tunnel(switching_ ? switching_->to : "upgrade");
  } else if (switching_ && pairing_.all_answered()) {
    resume();
  }
}

void Http1Connection::postpone(Bytes bytes, std::uint64_t time_ns) noexcept {
  if (!context_.kept.take(bytes.size())) return become_tunnel(switching_->to);
  switching_->pieces.push_back({time_ns, {bytes.begin(), bytes.end()}});
  switching_->bytes += bytes.size();
  if (switching_->bytes > kMaxUndecided) decide_alone();
}

// The change of protocol was declined: what the client sent since then is HTTP.
void Http1Connection::resume() noexcept {
  for (const Switching::Piece& piece : take_pieces()) read_requests(piece.bytes, piece.time_ns);
}

// Ends the waiting for an answer.
std::vector<Switching::Piece> Http1Connection::take_pieces() noexcept {
  const std::unique_ptr<Switching> switching = std::move(switching_);
  if (!switching) return {};
  context_.kept.give_back(switching->bytes);
  return std::move(switching->pieces);
}

// No answer will tell whether the protocol was changed: what the client went on to say has to.
void Http1Connection::decide_alone() noexcept {
  if (!switching_ || switching_->pieces.empty()) return;
  if (recognise_request(switching_->pieces.front().bytes) == Match::Yes) {
    resume();
  } else {
    become_tunnel(switching_->to);
  }
}

// What was changed to is read by whoever can.
bool Http1Connection::hand_over(const std::string& protocol) noexcept {
  const MakeUpgraded make = find_upgraded(protocol);
  std::optional<Upgrade> upgrade = make != nullptr ? pairing_.hand_over() : std::nullopt;
  if (!upgrade) return false;
  upgraded_ = make(connection_, names_, context_, std::move(*upgrade));
  pass_on();
  return true;
}

// After "200" to CONNECT the connection is one to the server behind the proxy, of any protocol.
void Http1Connection::look_inside() noexcept {
  if (names_.tunnels >= kMaxTunnels) return become_tunnel("connect");
  looked_inside_ = true;
  pairing_.close();
  ConnectionNames names = names_;
  ++names.tunnels;
  names.first_position += pairing_.positions();
  upgraded_ = make_recogniser(connection_, names, context_);
  pass_on();
}

// What came in the meantime belongs to the new protocol.
void Http1Connection::pass_on() noexcept {
  for (const Switching::Piece& piece : take_pieces())
    upgraded_->data(*client_, piece.bytes, piece.time_ns);
  for (unsigned from = 0; from < 2; ++from)
    if (ended_[from]) upgraded_->end(from);
}

void Http1Connection::become_tunnel(std::string reason) noexcept {
  tunnel_ = true;
  ++context_.opaque[std::move(reason)];
  take_pieces();
  pairing_.close();
}

void Http1Connection::gap(unsigned from, std::uint64_t length) noexcept {
  if (upgraded_) return upgraded_->gap(from, length);
  if (!client_ || tunnel_) return;
  Half& half = from == *client_ ? requests_ : responses_;
  half.offset += length;
  const ReadStatus status = half.begun() ? half.reading->reader.skip(length) : ReadStatus::NeedMore;
  if (half.begun() && status == ReadStatus::NeedMore) return;
  half.searching = status != ReadStatus::Complete;
  if (&half == &requests_) {
    if (half.begun()) end_request(status);
    decide_alone();
  } else {
    if (half.begun()) end_response(status);
    if (half.searching) pairing_.responses_lost();
  }
  pairing_.give_out();
  rest();
}

void Http1Connection::end(unsigned from) noexcept {
  if (upgraded_) return upgraded_->end(from);
  ended_[from] = true;
  if (!client_ || tunnel_) return;
  if (from == *client_) {
    if (requests_.begun()) end_request(requests_.reading->reader.eof());
  } else {
    if (responses_.begun()) end_response(responses_.reading->reader.eof());
    decide_alone();
    pairing_.no_more_responses();
  }
  pairing_.give_out();
  rest();
}

void Http1Connection::closed(CloseReason reason) noexcept {
  if (!tunnel_ && !upgraded_) {
    decide_alone();
    if (requests_.begun()) {
      requests_.reading->reader.cut();
      end_request(ReadStatus::Bad);
    }
    if (responses_.begun()) {
      responses_.reading->reader.cut();
      end_response(ReadStatus::Bad);
    }
    if (!upgraded_) pairing_.close();
  }
  if (upgraded_) upgraded_->closed(reason);
  // A reader of another protocol has said so itself; what is in a tunnel has not.
  const bool said = upgraded_ && !looked_inside_;
  if (names_.tunnels == 0 && !said) context_.sink.connection_end(connection_.stream);
}

}  // namespace

std::unique_ptr<StreamConsumer> make_connection(const Connection& connection,
                                                const ConnectionNames& names,
                                                ProtocolContext& context) {
  return std::make_unique<Http1Connection>(connection, names, context);
}

}  // namespace gray::http1
