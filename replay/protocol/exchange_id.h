// Names an exchange: the same one gets the same id whenever its capture is read. Pure function.
#pragma once

#include <cstdint>

#include "replay/protocol/exchange.h"
#include "replay/stream/stream.h"

namespace gray {

/// `offset` is where in its direction of the connection it begins, `position` where among the
/// connection's exchanges. The connection's number is no part of it: of a part of a capture, or
/// read by one of several threads, it is another.
ExchangeId make_exchange_id(const Connection& connection, std::uint64_t offset,
                            std::uint32_t position) noexcept;

}  // namespace gray
