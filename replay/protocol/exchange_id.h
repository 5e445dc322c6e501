// Names an exchange: the same one gets the same id whenever its capture is read. Pure function.
#pragma once

#include <cstdint>

#include "replay/protocol/exchange.h"
#include "replay/protocol/registry.h"
#include "replay/stream/stream.h"

namespace gray {

/// `offset` is where in its direction of the connection it begins, `position` where among the
/// connection's exchanges. The connection's number is no part of it: of a part of a capture, or
/// read by one of several threads, it is another.
ExchangeId make_exchange_id(const Connection& connection, std::uint64_t offset,
                            std::uint32_t position) noexcept;

/// Where an exchange stands in its connection.
struct ExchangePlace {
  unsigned client = 0;         ///< side
  std::uint64_t offset = 0;    ///< as above
  std::uint32_t position = 0;  ///< as above
};

/// Fills all that `exchange` is known by: its ends, its place, its connection's names and its id.
void name_exchange(Exchange& exchange, const Connection& connection, const ConnectionNames& names,
                   const ProtocolContext& context, const ExchangePlace& place) noexcept;

}  // namespace gray
