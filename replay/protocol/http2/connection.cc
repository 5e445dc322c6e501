#include "replay/protocol/http2/connection.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "replay/protocol/http2/fields.h"
#include "replay/protocol/http2/frame_reader.h"
#include "replay/protocol/http2/stream_table.h"

namespace gray::http2 {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr unsigned kHeaderTableSize = 1;  // identifiers of settings (RFC 9113 section 6.5.2)
constexpr unsigned kMaxFrameSize = 5;

class Http2Connection final : public StreamConsumer {
 public:
  Http2Connection(const Connection& connection, const ConnectionNames& names,
                  ProtocolContext& context, std::array<bool, 2> from_start)
      : connection_(connection),
        names_(names),
        context_(context),
        writer_(context),
        streams_(connection_, names_, context),
        sides_{{{*this, 0, from_start[0]}, {*this, 1, from_start[1]}}} {}

  void upgraded(Upgrade&& upgrade) noexcept;

  void data(unsigned from, Bytes bytes, std::uint64_t time_ns) noexcept override;
  void gap(unsigned from, std::uint64_t length) noexcept override;
  void end(unsigned from) noexcept override;
  void closed(CloseReason reason) noexcept override;
  bool wanted() const noexcept override { return true; }

 private:
  // One direction.
  struct Side final : FrameSink {
    Side(Http2Connection& connection, unsigned side, bool from_start)
        : owner(connection),
          from(side),
          reader(*this, &connection.context_.kept, from_start),
          hpack(&connection.context_.kept) {}

    void preface() noexcept override { owner.set_client(from); }
    void block(const BlockHead& head, Bytes fragment, std::uint64_t now_ns) noexcept override {
      owner.block(*this, head, fragment, now_ns);
    }
    void data(std::uint32_t stream, Bytes piece, std::uint64_t now_ns) noexcept override {
      owner.body(from, stream, piece, now_ns);
    }
    void data_end(const FrameHeader& frame, std::uint64_t now_ns) noexcept override {
      owner.body_frame_end(from, frame, now_ns);
    }
    void data_missing(std::uint32_t stream, std::uint64_t bytes) noexcept override {
      owner.body_missing(from, stream, bytes);
    }
    void control(const FrameHeader& frame, Bytes payload) noexcept override {
      owner.control(from, frame, payload);
    }
    void frames_lost() noexcept override { owner.frames_lost(*this); }

    Http2Connection& owner;
    const unsigned from;
    FrameReader reader;
    HpackDecoder hpack;
    std::uint32_t highest = 0;  // stream on which it sent a head
    bool seen = false;
    bool lossy = false;
  };

  void set_client(unsigned side) noexcept;
  bool find_client(unsigned from, const Headers& fields) noexcept;
  bool is_client(unsigned from) const noexcept { return client_ && from == *client_; }
  StreamSide side_of(Stream& stream, unsigned from) const noexcept {
    return is_client(from) ? request_side(stream) : response_side(stream);
  }
  Stream* open_half(unsigned from, std::uint32_t id) noexcept;

  void block(Side& side, const BlockHead& head, Bytes fragment, std::uint64_t now_ns) noexcept;
  void request_block(const BlockHead& head, HeaderList&& list, std::uint64_t now_ns) noexcept;
  void response_block(const BlockHead& head, HeaderList&& list, std::uint64_t now_ns) noexcept;
  void push(const BlockHead& head, HeaderList&& list, std::uint64_t now_ns) noexcept;
  void start_request(Stream& stream, const BlockHead& head, HeaderList&& list,
                     PseudoHeaders&& pseudo, std::uint64_t now_ns) noexcept;
  void start_response(Stream& stream, const BlockHead& head, HeaderList&& list, int status,
                      std::uint64_t now_ns) noexcept;
  void body(unsigned from, std::uint32_t id, Bytes piece, std::uint64_t now_ns) noexcept;
  void body_frame_end(unsigned from, const FrameHeader& frame, std::uint64_t now_ns) noexcept;
  void body_missing(unsigned from, std::uint32_t id, std::uint64_t bytes) noexcept;
  void control(unsigned from, const FrameHeader& frame, Bytes payload) noexcept;
  void settings(unsigned from, Bytes payload) noexcept;
  void reset(unsigned from, std::uint32_t id, std::uint32_t code) noexcept;
  void goaway(unsigned from, std::uint32_t last) noexcept;
  void frames_lost(Side& side) noexcept;

  const Connection& connection_;
  const ConnectionNames& names_;
  ProtocolContext& context_;
  StreamWriter writer_;
  StreamTable streams_;
  std::optional<unsigned> client_;
  std::array<Side, 2> sides_;
};

void Http2Connection::upgraded(Upgrade&& upgrade) noexcept {
  set_client(upgrade.client);
  sides_[upgrade.client].highest = 1;
  sides_[upgrade.client].seen = true;
  // The client's settings were in its request, and count before they come again in its preface.
  Side& server = sides_[1 - upgrade.client];
  server.hpack.allow_table_size(std::numeric_limits<std::uint32_t>::max());
  server.reader.allow_frame_size(std::numeric_limits<std::uint32_t>::max());
  streams_.adopt(std::move(upgrade));
}

void Http2Connection::set_client(unsigned side) noexcept {
  if (client_) return;
  client_ = side;
  streams_.set_client(side);
  if (sides_[1 - side].seen) streams_.server_seen();
  if (sides_[side].lossy) streams_.requests_lost();
}

bool Http2Connection::find_client(unsigned from, const Headers& fields) noexcept {
  if (client_) return true;
  const Sender sender = sender_of(fields);
  if (sender != Sender::Unknown) {
    set_client(sender == Sender::Client ? from : 1 - from);
  } else if (connection_.client) {
    set_client(*connection_.client);
  }
  return client_.has_value();
}

void Http2Connection::data(unsigned from, Bytes bytes, std::uint64_t time_ns) noexcept {
  sides_[from].seen = true;
  if (client_ && from != *client_) streams_.server_seen();
  sides_[from].reader.feed(bytes, time_ns);
}

void Http2Connection::gap(unsigned from, std::uint64_t length) noexcept {
  sides_[from].reader.gap(length);
}

void Http2Connection::block(Side& side, const BlockHead& head, Bytes fragment,
                            std::uint64_t now_ns) noexcept {
  HeaderList list;
  if (head.lost) {
    side.hpack.lost();
  } else {
    list = side.hpack.decode(fragment);
  }
  if (!find_client(side.from, list.fields)) {
    ++context_.messages;
    ++context_.bad;
    return;
  }
  if (head.frame.type == FrameType::PushPromise) {
    if (!is_client(side.from)) push(head, std::move(list), now_ns);
  } else if (is_client(side.from)) {
    request_block(head, std::move(list), now_ns);
  } else {
    response_block(head, std::move(list), now_ns);
  }
}

void Http2Connection::request_block(const BlockHead& head, HeaderList&& list,
                                    std::uint64_t now_ns) noexcept {
  const std::uint32_t id = head.frame.stream;
  Side& side = sides_[*client_];
  PseudoHeaders pseudo = take_pseudo_headers(list.fields);
  const bool first = pseudo.of_request() || id > side.highest;
  side.highest = std::max(side.highest, id);
  Stream* stream = streams_.find(id);
  if (stream == nullptr) {
    if (!first || streams_.late(id)) return;
    stream = &streams_.begin(id, head.offset, now_ns);
  }
  if (stream->request.over) return;
  if (first && !stream->request.head) {
    start_request(*stream, head, std::move(list), std::move(pseudo), now_ns);
  } else {
    writer_.trailers(*stream, request_side(*stream), std::move(list), head.lost, now_ns);
  }
  if (head.frame.has(kEndStream)) StreamWriter::end(request_side(*stream));
  streams_.settle(id);
}

void Http2Connection::start_request(Stream& stream, const BlockHead& head, HeaderList&& list,
                                    PseudoHeaders&& pseudo, std::uint64_t now_ns) noexcept {
  Request& request = stream.exchange.request;
  const bool partial = head.lost || list.bad || list.unknown > 0;
  if (!partial && pseudo.method.value_or("").empty()) StreamWriter::anomaly(request, "no_method");
  writer_.head(stream, request_side(stream), std::move(list), head.lost, {head.begun_ns, now_ns});
  set_request_line(request, std::move(pseudo), partial);
}

void Http2Connection::push(const BlockHead& head, HeaderList&& list,
                           std::uint64_t now_ns) noexcept {
  if (head.promised == 0 || streams_.find(head.promised) != nullptr) return;
  Stream& stream = streams_.begin(head.promised, head.offset, now_ns);
  PseudoHeaders pseudo = take_pseudo_headers(list.fields);
  start_request(stream, head, std::move(list), std::move(pseudo), now_ns);
  StreamWriter::anomaly(stream.exchange.request, "pushed");
  StreamWriter::end(request_side(stream));
}

void Http2Connection::response_block(const BlockHead& head, HeaderList&& list,
                                     std::uint64_t now_ns) noexcept {
  const std::uint32_t id = head.frame.stream;
  const bool ends = head.frame.has(kEndStream);
  const PseudoHeaders pseudo = take_pseudo_headers(list.fields);
  if (pseudo.status && *pseudo.status / 100 == 1 && !ends) {
    ++context_.messages;
    ++context_.interim;
    return;
  }
  Stream* stream = streams_.find(id);
  const bool alone = stream == nullptr;
  if (alone) {
    if (streams_.late(id) || head.lost || (!pseudo.status && list.unknown == 0 && !ends)) return;
    stream = &streams_.begin(id, head.offset, now_ns);
    if (!sides_[*client_].seen) streams_.requests_lost();
  }
  if (stream->response.over) return;
  const bool told = list.unknown == 0 || find_header(list.fields, "grpc-status") != nullptr;
  const bool head_lost = alone || stream->response.missing;
  const bool trailers = stream->response.head || (head_lost && ends && !pseudo.status && told);
  if (trailers) {
    StreamSide side = response_side(*stream);
    side.half.missing = side.half.missing || alone;
    if (side.message.first_byte_ns == 0) side.message.first_byte_ns = head.begun_ns;
    writer_.trailers(*stream, side, std::move(list), head.lost, now_ns);
  } else {
    start_response(*stream, head, std::move(list), pseudo.status.value_or(0), now_ns);
  }
  if (ends) StreamWriter::end(response_side(*stream));
  streams_.settle(id);
}

void Http2Connection::start_response(Stream& stream, const BlockHead& head, HeaderList&& list,
                                     int status, std::uint64_t now_ns) noexcept {
  const bool partial = head.lost || list.bad || list.unknown > 0;
  writer_.head(stream, response_side(stream), std::move(list), head.lost, {head.begun_ns, now_ns});
  Response& response = *stream.exchange.response;
  response.status = status;
  if (status == 0 && !partial) StreamWriter::anomaly(response, "no_status");
  if (stream.exchange.request.method != "CONNECT" || status / 100 != 2) return;
  stream.tunnel = true;
  ++context_.opaque["connect"];
}

// The stream, unless nothing more is to come on it from this side.
Stream* Http2Connection::open_half(unsigned from, std::uint32_t id) noexcept {
  Stream* stream = client_ ? streams_.find(id) : nullptr;
  if (stream == nullptr) return nullptr;
  return (is_client(from) ? stream->request : stream->response).over ? nullptr : stream;
}

void Http2Connection::body(unsigned from, std::uint32_t id, Bytes piece,
                           std::uint64_t now_ns) noexcept {
  Stream* stream = open_half(from, id);
  if (stream == nullptr) {
    context_.skipped += piece.size();
    return;
  }
  StreamSide side = side_of(*stream, from);
  side.half.missing = side.half.missing || !side.half.head;
  writer_.body(*stream, side, piece, now_ns);
}

void Http2Connection::body_frame_end(unsigned from, const FrameHeader& frame,
                                     std::uint64_t now_ns) noexcept {
  Stream* stream = open_half(from, frame.stream);
  if (stream == nullptr) return;
  StreamSide side = side_of(*stream, from);
  writer_.piece_end(*stream, side, frame.has(kEndStream), now_ns);
  if (!frame.has(kEndStream)) return;
  StreamWriter::end(side);
  streams_.settle(frame.stream);
}

void Http2Connection::body_missing(unsigned from, std::uint32_t id, std::uint64_t bytes) noexcept {
  if (Stream* stream = open_half(from, id))
    StreamWriter::body_missing(side_of(*stream, from), bytes);
}

void Http2Connection::control(unsigned from, const FrameHeader& frame, Bytes payload) noexcept {
  if (frame.type == FrameType::Settings && !frame.has(kAck)) settings(from, payload);
  if (frame.type == FrameType::RstStream && payload.size() >= 4)
    reset(from, frame.stream, read_u32(payload));
  if (frame.type == FrameType::Goaway && payload.size() >= 4)
    goaway(from, read_u32(payload) & 0x7fffffff);
}

// What one side announces bounds what the other may send.
void Http2Connection::settings(unsigned from, Bytes payload) noexcept {
  Side& other = sides_[1 - from];
  for (; payload.size() >= 6; payload = payload.subspan(6)) {
    const unsigned id = unsigned{payload[0]} << 8 | payload[1];
    const std::uint32_t value = read_u32(payload.subspan(2));
    if (id == kHeaderTableSize) other.hpack.allow_table_size(value);
    if (id == kMaxFrameSize) other.reader.allow_frame_size(value);
  }
}

void Http2Connection::reset(unsigned from, std::uint32_t id, std::uint32_t code) noexcept {
  Stream* stream = client_ ? streams_.find(id) : nullptr;
  if (stream == nullptr) return;
  Exchange& exchange = stream->exchange;
  const bool answering = exchange.response && !stream->response.over;
  if (answering) exchange.response->reset = code;
  if (!stream->request.over || !exchange.response) exchange.request.reset = code;
  (void)from;
  streams_.forget_late(id);
  streams_.give_out(id);
}

// Streams of the other side above the last one that was taken on will not be answered.
void Http2Connection::goaway(unsigned from, std::uint32_t last) noexcept {
  if (!client_) return;
  const std::uint32_t parity = is_client(from) ? 0 : 1;
  streams_.give_out_if([&](std::uint32_t id, Stream& stream) {
    const bool refused = id > last && (id & 1) == parity && !stream.exchange.response;
    if (refused) {
      StreamWriter::anomaly(stream.exchange.request, "goaway");
      streams_.forget_late(id);
    }
    return refused;
  });
}

void Http2Connection::frames_lost(Side& side) noexcept {
  side.hpack.lost();
  side.lossy = true;
  if (!client_) return;
  const bool requests = is_client(side.from);
  if (requests) streams_.requests_lost();
  streams_.for_each([&](Stream& stream) {
    StreamHalf& half = requests ? stream.request : stream.response;
    half.missing = half.missing || !half.over;
  });
}

void Http2Connection::end(unsigned from) noexcept {
  if (!client_) return;
  const bool server = !is_client(from);
  streams_.give_out_if([&](std::uint32_t, Stream& stream) {
    if (!server) stream.request.over = true;
    return server || stream.response.over;
  });
}

void Http2Connection::closed(CloseReason) noexcept {
  for (const Side& side : sides_) context_.skipped += side.reader.skipped();
  streams_.give_out_if([](std::uint32_t, Stream&) { return true; });
  if (names_.tunnels == 0) context_.sink.connection_end(connection_.stream);
}

}  // namespace

std::unique_ptr<StreamConsumer> make_connection(const Connection& connection,
                                                const ConnectionNames& names,
                                                ProtocolContext& context) {
  return std::make_unique<Http2Connection>(connection, names, context, connection.syn);
}

std::unique_ptr<StreamConsumer> make_upgraded(const Connection& connection,
                                              const ConnectionNames& names,
                                              ProtocolContext& context, Upgrade&& upgrade) {
  auto reader =
      std::make_unique<Http2Connection>(connection, names, context, std::array{true, true});
  reader->upgraded(std::move(upgrade));
  return reader;
}

}  // namespace gray::http2
