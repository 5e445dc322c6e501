#include "replay/protocol/http2/stream_table.h"

#include <algorithm>
#include <utility>

#include "replay/protocol/exchange_id.h"
#include "replay/protocol/grpc/call.h"
#include "replay/protocol/grpc/metadata.h"

namespace gray::http2 {
namespace {

constexpr std::size_t kMaxStreams = 10'000;
constexpr std::size_t kMaxUnanswered = 256;  // when the server is not captured at all

}  // namespace

StreamTable::~StreamTable() {
  for (const auto& [id, stream] : streams_) context_.kept.give_back(stream.kept);
}

Stream* StreamTable::find(std::uint32_t id) noexcept {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

Stream& StreamTable::begin(std::uint32_t id, std::uint64_t offset, std::uint64_t now_ns) noexcept {
  make_room(now_ns);
  ++context_.begun;
  Stream& stream = streams_[id];
  StreamWriter(context_).keep(stream, sizeof(Stream));
  stream.last_ns = now_ns;
  stream.open = context_.open.begin(now_ns);
  Exchange& exchange = stream.exchange;
  exchange.protocol = "http/2";
  exchange.h2_stream = id;
  name_exchange(exchange, connection_, names_, context_,
                {client_, offset, names_.first_position + positions_++});
  return stream;
}

void StreamTable::adopt(Upgrade&& upgrade) noexcept {
  Stream& stream = streams_[1];
  stream.open = std::move(upgrade.open);
  Exchange& exchange = upgrade.exchange;
  StreamWriter(context_).keep(stream, sizeof(Stream) + exchange.request.body.size());
  positions_ = exchange.position - names_.first_position + 1;
  stream.last_ns = exchange.request.last_byte_ns;
  stream.exchange = std::move(exchange);
  stream.exchange.protocol = "http/2";
  stream.exchange.h2_stream = 1;
  stream.exchange.response.reset();
  stream.request.head = stream.request.over = true;
  ++context_.messages;  // once more: HTTP/1 has read it, this is its exchange
}

// Before another one is begun. A stream whose end may have been lost with other bytes is not waited
// for longer than an idle connection is.
void StreamTable::make_room(std::uint64_t now_ns) noexcept {
  if (streams_.empty()) return;
  const Stream& oldest = streams_.begin()->second;
  const bool in_doubt = oldest.request.missing || oldest.response.missing;
  const bool stale = in_doubt && oldest.last_ns + context_.options.idle_timeout_ns < now_ns;
  const std::size_t most = server_seen_ ? kMaxStreams : kMaxUnanswered;
  const bool no_memory = context_.kept.used > context_.kept.limit;
  if (stale || no_memory || streams_.size() >= most) {
    forget_late(streams_.begin()->first);
    give_out(streams_.begin());
  }
}

bool StreamTable::is_over(const Stream& stream) const noexcept {
  const bool asked = stream.request.over || (!stream.request.head && requests_lost_);
  return asked && stream.response.over;
}

void StreamTable::settle(std::uint32_t id) noexcept {
  const auto found = streams_.find(id);
  if (found != streams_.end() && is_over(found->second)) give_out(found);
}

void StreamTable::give_out(std::uint32_t id) noexcept {
  const auto found = streams_.find(id);
  if (found != streams_.end()) give_out(found);
}

namespace {

void read_as_grpc(Exchange& exchange) {
  Response* response = exchange.response ? &*exchange.response : nullptr;
  exchange.grpc = grpc::read_call(exchange.request, response);
  if (!exchange.grpc) return;
  grpc::put_binary_metadata_into_base64(exchange.request.headers);
  if (response == nullptr) return;
  grpc::put_binary_metadata_into_base64(response->headers);
  grpc::put_binary_metadata_into_base64(response->trailers);
}

}  // namespace

StreamTable::Streams::iterator StreamTable::give_out(Streams::iterator at) noexcept {
  Stream stream = std::move(at->second);
  const auto next = streams_.erase(at);
  Exchange& exchange = stream.exchange;
  read_as_grpc(exchange);
  ++context_.given;
  context_.placed += unsigned{stream.request.head} + unsigned{stream.response.head};
  context_.kept.give_back(stream.kept);
  context_.sink.exchange(std::move(exchange));
  return next;
}

void StreamTable::forget_late(std::uint32_t id) noexcept {
  late_[next_late_++ % late_.size()] = id;
}

bool StreamTable::late(std::uint32_t id) const noexcept {
  return std::find(late_.begin(), late_.end(), id) != late_.end();
}

}  // namespace gray::http2
