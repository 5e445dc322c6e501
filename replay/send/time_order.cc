#include "replay/send/time_order.h"

#include <algorithm>
#include <tuple>

namespace gray {
namespace {

std::size_t bytes_of(const Message& message) {
  std::size_t bytes = message.body.size() + message.pieces.size() * sizeof(BodyPiece);
  for (const Headers* headers : {&message.headers, &message.trailers})
    for (const Header& header : *headers)
      bytes += sizeof(Header) + header.name.size() + header.value.size();
  return bytes;
}

std::size_t bytes_of(const Exchange& exchange) {
  return sizeof(Exchange) + bytes_of(exchange.request) + exchange.request.target.size() +
         (exchange.response ? bytes_of(*exchange.response) : 0);
}

}  // namespace

void TimeOrder::boxed(std::unique_ptr<Exchange> exchange) {
  // An answer to what was not captured has no place of its own.
  const std::uint64_t asked = exchange->request.first_byte_ns;
  const std::uint64_t at = asked != 0 ? asked : newest_ns_;
  newest_ns_ = std::max(newest_ns_, at);
  if (at < given_ns_) ++late_;
  ++taken_;
  ++held_;
  const std::size_t bytes = bytes_of(*exchange);
  bytes_ += bytes;
  waiting_.emplace_hint(waiting_.end(), std::piecewise_construct,
                        std::forward_as_tuple(at, number_++),
                        std::forward_as_tuple(std::move(exchange), bytes));
  while (held_ > options_.max_exchanges || bytes_ > options_.max_bytes) give_first();
}

void TimeOrder::connection_end(std::uint64_t stream) {
  waiting_.emplace_hint(waiting_.end(), Key{newest_ns_, number_++}, Entry(stream));
}

void TimeOrder::give_first() {
  auto first = waiting_.extract(waiting_.begin());
  Entry& entry = first.mapped();
  if (!entry.exchange) return next_.connection_end(entry.stream);
  given_ns_ = std::max(given_ns_, first.key().first);
  bytes_ -= entry.bytes;
  --held_;
  next_.boxed(std::move(entry.exchange));
}

void TimeOrder::release(std::uint64_t ns) {
  while (!waiting_.empty() && waiting_.begin()->first.first < ns) give_first();
}

void TimeOrder::flush() {
  while (!waiting_.empty()) give_first();
}

void TimeOrder::account(Ledger& ledger) const {
  ledger.add(
      {.name = "order", .unit = "exchanges", .in = taken_, .out = taken_ - held_, .held = held_});
}

}  // namespace gray
